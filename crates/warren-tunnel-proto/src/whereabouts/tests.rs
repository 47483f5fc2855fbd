//! The table row by row, and servers whose hints get lost.

use std::collections::HashMap;

use uuid::Uuid;
use warren_wire::tunnel::PeerId;

use super::*;

const ME: u128 = 1;
const OTHER: u128 = 2;

fn replica(n: u128) -> ReplicaId {
    ReplicaId::from_uuid(Uuid::from_u128(n))
}

fn agent() -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(100))
}

fn link(n: u64) -> LinkId {
    LinkId::numbered(n)
}

fn here(n: u64) -> Standing {
    Standing { link: Some(link(n)), sources: Vec::new() }
}

fn sought() -> Standing {
    Standing { link: None, sources: vec![PeerId::from_uuid(Uuid::from_u128(7))] }
}

fn row(replica_number: Option<u128>, epoch: i64) -> Row {
    Row { agent: agent(), replica: replica_number.map(replica), epoch }
}

fn start() -> (Whereabouts, Instant) {
    let now = Instant::now();
    let mut whereabouts = Whereabouts::new(replica(ME), now);
    whereabouts.handle_roster([replica(ME), replica(OTHER)].into());
    (whereabouts, now)
}

/// An agent that is connected here under epoch 5.
fn claimed() -> (Whereabouts, Instant) {
    let (mut whereabouts, now) = start();
    whereabouts.handle_standing(agent(), here(1));
    assert_eq!(commands(&mut whereabouts), [Command::Claim(vec![agent()])]);
    whereabouts.handle_claimed(&[(agent(), 5)]);
    (whereabouts, now)
}

fn commands(whereabouts: &mut Whereabouts) -> Vec<Command> {
    std::iter::from_fn(|| whereabouts.poll_command()).collect()
}

fn elsewhere(epoch: i64, is_alive: bool) -> Command {
    let place = Place::Elsewhere { replica: replica(OTHER), epoch, is_alive };
    Command::Show { agent: agent(), place }
}

#[test]
fn what_is_written_about_an_agent_that_is_here_is_compared_with_the_claim() {
    let claim = Command::Claim(vec![agent()]);
    let evict = Command::Evict { agent: agent(), link: link(1) };
    let table = [
        (None, Some(&claim)),
        (Some(row(Some(ME), 5)), None),
        (Some(row(Some(ME), 4)), Some(&claim)),
        (Some(row(Some(ME), 6)), None),
        (Some(row(Some(OTHER), 4)), Some(&claim)),
        (Some(row(Some(OTHER), 5)), Some(&claim)),
        (Some(row(Some(OTHER), 6)), Some(&evict)),
        (Some(row(None, 4)), Some(&claim)),
        (Some(row(None, 5)), Some(&claim)),
        (Some(row(None, 6)), Some(&claim)),
    ];
    for (written, expected) in table {
        let (mut whereabouts, _) = claimed();
        whereabouts.handle_hint([agent()]);
        assert_eq!(commands(&mut whereabouts), [Command::Look(vec![agent()])]);
        whereabouts.handle_rows(&[agent()], written.as_slice());
        let expected: Vec<Command> = expected.into_iter().cloned().collect();
        assert_eq!(commands(&mut whereabouts), expected, "{written:?}");
    }
}

#[test]
fn an_agent_that_is_sought_is_shown_where_the_row_says() {
    let nowhere = Command::Show { agent: agent(), place: Place::Nowhere };
    let release = Command::Release(vec![(agent(), 3)]);
    let table = [
        (None, vec![nowhere.clone()]),
        (Some(row(None, 3)), vec![nowhere.clone()]),
        (Some(row(Some(ME), 3)), vec![nowhere, release]),
        (Some(row(Some(OTHER), 3)), vec![elsewhere(3, true)]),
    ];
    for (written, expected) in table {
        let (mut whereabouts, _) = start();
        whereabouts.handle_standing(agent(), sought());
        assert_eq!(commands(&mut whereabouts), [Command::Look(vec![agent()])]);
        whereabouts.handle_rows(&[agent()], written.as_slice());
        assert_eq!(commands(&mut whereabouts), expected, "{written:?}");
    }
}

#[test]
fn a_server_that_dies_and_comes_back_is_said_to_those_who_wait() {
    let (mut whereabouts, _) = start();
    whereabouts.handle_standing(agent(), sought());
    assert_eq!(commands(&mut whereabouts).len(), 1);
    whereabouts.handle_rows(&[agent()], &[row(Some(OTHER), 3)]);
    assert_eq!(commands(&mut whereabouts), [elsewhere(3, true)]);
    whereabouts.handle_roster([replica(ME)].into());
    assert_eq!(commands(&mut whereabouts), [elsewhere(3, false)]);
    whereabouts.handle_roster([replica(ME), replica(OTHER)].into());
    assert_eq!(commands(&mut whereabouts), [elsewhere(3, true)]);
}

#[test]
fn an_agent_that_leaves_is_released_also_when_it_leaves_during_the_claim() {
    let (mut whereabouts, _) = claimed();
    whereabouts.handle_standing(agent(), Standing::default());
    assert_eq!(commands(&mut whereabouts), [Command::Release(vec![(agent(), 5)])]);

    let (mut whereabouts, _) = start();
    whereabouts.handle_standing(agent(), here(1));
    assert_eq!(commands(&mut whereabouts).len(), 1);
    whereabouts.handle_standing(agent(), Standing::default());
    whereabouts.handle_claimed(&[(agent(), 5)]);
    assert_eq!(commands(&mut whereabouts), [Command::Release(vec![(agent(), 5)])]);
}

#[test]
fn a_new_connection_is_claimed_anew_and_not_released() {
    let (mut whereabouts, _) = claimed();
    whereabouts.handle_standing(agent(), Standing::default());
    whereabouts.handle_standing(agent(), here(2));
    assert_eq!(commands(&mut whereabouts), [Command::Claim(vec![agent()])]);
}

#[test]
fn a_database_that_fails_is_asked_again_after_a_pause() {
    let (mut whereabouts, now) = start();
    whereabouts.handle_standing(agent(), here(1));
    let claim = whereabouts.poll_command().unwrap();
    whereabouts.handle_failed(claim.clone(), now);
    assert_eq!(commands(&mut whereabouts), []);
    whereabouts.handle_timeout(whereabouts.poll_timeout());
    assert_eq!(commands(&mut whereabouts), [claim]);
}

#[test]
fn what_no_hint_told_is_found_by_the_sweep() {
    let (mut whereabouts, now) = claimed();
    whereabouts.handle_timeout(now + SWEEP - Duration::from_millis(1));
    assert_eq!(commands(&mut whereabouts), []);
    assert_eq!(whereabouts.poll_timeout(), now + SWEEP);
    whereabouts.handle_timeout(now + SWEEP);
    assert_eq!(commands(&mut whereabouts), [Command::Look(vec![agent()])]);
    whereabouts.handle_lost_hints();
    assert_eq!(commands(&mut whereabouts), [Command::Look(vec![agent()])]);
}

#[test]
fn agents_that_nobody_here_has_to_do_with_are_not_looked_for() {
    let (mut whereabouts, now) = claimed();
    whereabouts.handle_standing(agent(), Standing::default());
    assert_eq!(commands(&mut whereabouts).len(), 1);
    whereabouts.handle_hint([agent(), AgentId::new()]);
    whereabouts.handle_timeout(now + SWEEP);
    assert_eq!(commands(&mut whereabouts), []);
}

/// Servers over one table; hints and answers of the database get lost.
struct World {
    now: Instant,
    servers: Vec<Whereabouts>,
    rows: HashMap<AgentId, Row>,
    /// The connection of each agent: the server and the number.
    links: HashMap<AgentId, (usize, u64)>,
    shown: HashMap<(usize, AgentId), Place>,
    random: u64,
    n_links: u64,
    is_calm: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let now = Instant::now();
        let servers = (0..3).map(|n| Whereabouts::new(replica(n), now)).collect();
        let (rows, links, shown) = Default::default();
        let mut world =
            World { now, servers, rows, links, shown, random: seed | 1, n_links: 0, is_calm: false };
        let all: BTreeSet<ReplicaId> = (0..3).map(replica).collect();
        world.servers.iter_mut().for_each(|server| server.handle_roster(all.clone()));
        world
    }

    fn below(&mut self, n: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % n
    }

    fn standing(&self, server: usize, agent: AgentId) -> Standing {
        let link = self.links.get(&agent).filter(|(at, _)| *at == server).map(|(_, number)| link(*number));
        Standing { link, sources: sought().sources }
    }

    fn tell(&mut self, agent: AgentId) {
        for server in 0..3 {
            let standing = self.standing(server, agent);
            if standing.link.is_some() {
                self.shown.remove(&(server, agent));
            }
            self.servers[server].handle_standing(agent, standing);
        }
    }

    fn work(&mut self, server: usize) {
        while let Some(command) = self.servers[server].poll_command() {
            let is_lost = !self.is_calm && self.below(4) == 0;
            let is_written = !is_lost || self.below(2) == 0;
            let mut answer: Box<dyn FnOnce(&mut Whereabouts)> = Box::new(|_| {});
            match command.clone() {
                Command::Claim(agents) if is_written => {
                    let mut claimed = Vec::new();
                    for agent in agents {
                        let epoch = self.rows.get(&agent).map_or(1, |row| row.epoch + 1);
                        self.rows.insert(agent, Row { agent, replica: Some(replica(server as u128)), epoch });
                        claimed.push((agent, epoch));
                    }
                    self.hint(server, claimed.iter().map(|(agent, _)| *agent).collect());
                    answer = Box::new(move |server| server.handle_claimed(&claimed));
                }
                Command::Release(claims) if is_written => {
                    for (agent, epoch) in &claims {
                        let row = self.rows.get_mut(agent).unwrap();
                        if row.epoch == *epoch && row.replica == Some(replica(server as u128)) {
                            row.replica = None;
                        }
                    }
                    self.hint(server, claims.iter().map(|(agent, _)| *agent).collect());
                }
                Command::Claim(_) | Command::Release(_) => {}
                Command::Look(agents) => {
                    let rows: Vec<Row> =
                        agents.iter().filter_map(|agent| self.rows.get(agent)).copied().collect();
                    answer = Box::new(move |server| server.handle_rows(&agents, &rows));
                }
                Command::Evict { agent, link: evicted } => {
                    if self.links.get(&agent).is_some_and(|(at, n)| *at == server && link(*n) == evicted) {
                        self.links.remove(&agent);
                        self.tell(agent);
                    }
                }
                Command::Show { agent, place } => drop(self.shown.insert((server, agent), place)),
            }
            match is_lost {
                true => self.servers[server].handle_failed(command, self.now),
                false => answer(&mut self.servers[server]),
            }
        }
    }

    fn hint(&mut self, from: usize, agents: Vec<AgentId>) {
        for server in 0..3 {
            if server != from && (self.is_calm || self.below(2) == 0) {
                self.servers[server].handle_hint(agents.clone());
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for server in 0..3 {
            self.servers[server].handle_timeout(self.now);
            self.work(server);
        }
    }
}

#[test]
fn servers_agree_in_the_end_whatever_was_lost() {
    for seed in 1..400 {
        let mut world = World::new(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let agents: Vec<AgentId> = (0..4).map(|n| AgentId::from_uuid(Uuid::from_u128(100 + n))).collect();
        agents.iter().for_each(|agent| world.tell(*agent));
        for _ in 0..60 {
            let agent = agents[world.below(4) as usize];
            match world.below(3) {
                0 => drop(world.links.remove(&agent)),
                _ => {
                    world.n_links += 1;
                    let (server, number) = (world.below(3) as usize, world.n_links);
                    world.links.insert(agent, (server, number));
                }
            }
            world.tell(agent);
            let (server, pause) = (world.below(3) as usize, world.below(1000));
            world.work(server);
            world.now += Duration::from_millis(pause);
            world.servers[server].handle_timeout(world.now);
        }
        world.is_calm = true;
        for _ in 0..4 {
            world.pass(RETRY);
            world.pass(SWEEP);
        }
        for agent in &agents {
            let home = world.links.get(agent).map(|(server, _)| *server);
            let written = world.rows.get(agent).and_then(|row| row.replica);
            assert_eq!(written, home.map(|server| replica(server as u128)), "seed {seed}");
            for server in (0..3).filter(|server| Some(*server) != home) {
                let shown = match world.shown[&(server, *agent)] {
                    Place::Elsewhere { replica, .. } => Some(replica),
                    Place::Nowhere | Place::Unknown => None,
                };
                assert_eq!(shown, written, "seed {seed}, as server {server} sees it");
            }
        }
    }
}
