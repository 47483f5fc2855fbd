//! Which server of a deployment each agent is connected to, as one of them sees it.
//!
//! Owns what this server has to write down about the agents that are connected to it, what it has to read about those that
//! somebody here seeks, and when. The truth is one row for each agent with the server and an epoch that grows with every
//! claim, so that a newer connection wins whatever the clocks say. Must not do I/O: it asks by [`Command`], one at a time,
//! and is told the outcome. Hints only say where to look; a sweep finds what they did not say.
//!
//! | agent here | the row says | effect |
//! |---|---|---|
//! | connects | anything | it is claimed for this server |
//! | leaves | a claim of this server | the claim is released, unless somebody else has the row |
//! | claimed | nothing, or an older epoch, or a later one that was released | it is claimed again |
//! | claimed | a later epoch of another server | the connection here is the older one and is closed |
//! | claimed | a later epoch of this server | the outcome of that claim was lost; it is the one that counts |
//! | sought only | another server | those who seek it are sent there |
//! | sought only | nothing, or this server | it is nowhere; a claim that was left behind is released |

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use warren_vocab::{AgentId, ReplicaId};

use crate::relay::{LinkId, Standing};

/// Every row that matters here is read again after this time.
pub const SWEEP: Duration = Duration::from_secs(5);
/// The pause after the database did not do what it was asked.
const RETRY: Duration = Duration::from_millis(500);
/// The most agents in one command; a hint that names them is below 8 kB.
const BATCH_MAX: usize = 100;

/// What is written down about an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub agent: AgentId,
    /// The server that it is connected to; none when that was released.
    pub replica: Option<ReplicaId>,
    pub epoch: i64,
}

/// Where an agent is that somebody here seeks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Nobody has looked yet, or it is here.
    #[default]
    Unknown,
    Nowhere,
    Elsewhere {
        replica: ReplicaId,
        epoch: i64,
        /// Whether that server was heard of lately.
        is_alive: bool,
    },
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Write down that these agents are connected here, then call [`Whereabouts::handle_claimed`].
    Claim(Vec<AgentId>),
    /// Write down that these agents are not connected here any more, where the epoch is still the same.
    Release(Vec<(AgentId, i64)>),
    /// Read what is written about these agents, then call [`Whereabouts::handle_rows`].
    Look(Vec<AgentId>),
    /// Close an agent's connection, which is not its newest.
    Evict { agent: AgentId, link: LinkId },
    /// Tell those who seek an agent where it is.
    Show { agent: AgentId, place: Place },
}

/// The view of one server.
#[derive(Debug)]
pub struct Whereabouts {
    me: ReplicaId,
    alive: BTreeSet<ReplicaId>,
    agents: BTreeMap<AgentId, Entry>,
    to_claim: BTreeSet<AgentId>,
    to_release: BTreeMap<AgentId, i64>,
    to_look: BTreeSet<AgentId>,
    out: VecDeque<Command>,
    next_sweep: Instant,
    /// Nothing is asked of the database before.
    not_before: Option<Instant>,
}

#[derive(Debug, Default)]
struct Entry {
    standing: Standing,
    /// The epoch of this server's claim.
    held: Option<i64>,
    row: Option<Row>,
    shown: Place,
}

impl Whereabouts {
    pub fn new(me: ReplicaId, now: Instant) -> Whereabouts {
        Whereabouts {
            me,
            alive: BTreeSet::new(),
            agents: BTreeMap::new(),
            to_claim: BTreeSet::new(),
            to_release: BTreeMap::new(),
            to_look: BTreeSet::new(),
            out: VecDeque::new(),
            next_sweep: now + SWEEP,
            not_before: None,
        }
    }

    /// Who of this server has to do with an agent has changed.
    pub fn handle_standing(&mut self, agent: AgentId, standing: Standing) {
        let entry = self.agents.entry(agent).or_default();
        let (old, is_sought) = (entry.standing.link, standing.link.is_none() && !standing.sources.is_empty());
        let (link, is_over) = (standing.link, standing == Standing::default());
        entry.standing = standing;
        if link.is_some() && link != old {
            self.to_claim.insert(agent);
            self.to_release.remove(&agent);
        }
        if link.is_none() {
            self.to_claim.remove(&agent);
            if let Some(epoch) = entry.held.take() {
                self.to_release.insert(agent, epoch);
            }
        }
        if is_sought && entry.shown == Place::Unknown {
            self.to_look.insert(agent);
        }
        if !is_sought {
            entry.shown = Place::Unknown;
        }
        if is_over {
            self.agents.remove(&agent);
            self.to_look.remove(&agent);
        }
    }

    /// The claims of a [`Command::Claim`] are written; those of agents that do not exist any more are left out.
    pub fn handle_claimed(&mut self, claimed: &[(AgentId, i64)]) {
        self.not_before = None;
        for (agent, epoch) in claimed {
            match self.agents.get_mut(agent).filter(|entry| entry.standing.link.is_some()) {
                Some(entry) => entry.held = Some(*epoch),
                // It has left while that was written.
                None => drop(self.to_release.insert(*agent, *epoch)),
            }
        }
    }

    /// The database did not do what a command asked; it is asked again after a while. A claim whose outcome is not known
    /// is made anew, which cannot do harm.
    pub fn handle_failed(&mut self, command: Command, now: Instant) {
        self.not_before = Some(now + RETRY);
        match command {
            Command::Claim(agents) => {
                let is_here = |agent: &AgentId| {
                    self.agents.get(agent).is_some_and(|entry| entry.standing.link.is_some())
                };
                let (here, gone): (Vec<_>, Vec<_>) = agents.into_iter().partition(is_here);
                self.to_claim.extend(here);
                // It was perhaps written all the same.
                self.to_look.extend(gone);
            }
            Command::Release(claims) => {
                for (agent, epoch) in claims {
                    self.to_release.entry(agent).or_insert(epoch);
                }
            }
            Command::Look(agents) => {
                self.to_look.extend(agents);
            }
            Command::Evict { .. } | Command::Show { .. } => {}
        }
    }

    /// What the database says about the agents of a [`Command::Look`].
    pub fn handle_rows(&mut self, asked: &[AgentId], rows: &[Row]) {
        self.not_before = None;
        let rows: BTreeMap<AgentId, Row> = rows.iter().map(|row| (row.agent, *row)).collect();
        for agent in asked {
            let Some(entry) = self.agents.get_mut(agent) else {
                self.release_stray(rows.get(agent));
                continue;
            };
            entry.row = rows.get(agent).copied();
            match entry.standing.link {
                Some(link) => self.compare(*agent, link),
                None => self.show(*agent),
            }
        }
    }

    /// Another server has written about these agents.
    pub fn handle_hint(&mut self, agents: impl IntoIterator<Item = AgentId>) {
        self.to_look.extend(agents.into_iter().filter(|agent| self.agents.contains_key(agent)));
    }

    /// Hints may have been lost.
    pub fn handle_lost_hints(&mut self) {
        self.to_look.extend(self.agents.keys());
    }

    /// The way to an agent has ended, or its server does not know it.
    pub fn handle_broken(&mut self, agent: AgentId) {
        self.handle_hint([agent]);
    }

    /// Which servers were heard of lately.
    pub fn handle_roster(&mut self, alive: BTreeSet<ReplicaId>) {
        if self.alive == alive {
            return;
        }
        self.alive = alive;
        let sought: Vec<AgentId> =
            self.agents.iter().filter(|(_, entry)| entry.is_sought()).map(|(agent, _)| *agent).collect();
        sought.into_iter().for_each(|agent| self.show(agent));
    }

    /// Runs what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.not_before.is_some_and(|at| at <= now) {
            self.not_before = None;
        }
        if self.next_sweep <= now {
            self.next_sweep = now + SWEEP;
            self.to_look.extend(self.agents.keys());
        }
    }

    /// When to call [`Whereabouts::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        self.not_before.map_or(self.next_sweep, |at| at.min(self.next_sweep))
    }

    /// The next thing to do. Claims go first: others wait for them.
    #[must_use]
    pub fn poll_command(&mut self) -> Option<Command> {
        if let Some(command) = self.out.pop_front() {
            return Some(command);
        }
        if self.not_before.is_some() {
            return None;
        }
        let claims = take(&mut self.to_claim);
        if !claims.is_empty() {
            return Some(Command::Claim(claims));
        }
        let releases: Vec<(AgentId, i64)> =
            std::iter::from_fn(|| self.to_release.pop_first()).take(BATCH_MAX).collect();
        if !releases.is_empty() {
            return Some(Command::Release(releases));
        }
        let looks = take(&mut self.to_look);
        (!looks.is_empty()).then_some(Command::Look(looks))
    }

    /// Compares this server's claim with what is written.
    fn compare(&mut self, agent: AgentId, link: LinkId) {
        let Some(entry) = self.agents.get_mut(&agent) else { return };
        if self.to_claim.contains(&agent) {
            return;
        }
        let written = entry.row.map_or((0, None), |row| (row.epoch, row.replica));
        let held = entry.held.unwrap_or(0);
        match written {
            (epoch, Some(replica)) if replica == self.me && epoch >= held => entry.held = Some(epoch),
            (epoch, Some(_)) if epoch > held => self.out.push_back(Command::Evict { agent, link }),
            _ => drop(self.to_claim.insert(agent)),
        }
    }

    /// A claim of this server for an agent that is not here.
    fn release_stray(&mut self, row: Option<&Row>) {
        if let Some(Row { agent, replica: Some(replica), epoch }) = row
            && *replica == self.me
        {
            self.to_release.insert(*agent, *epoch);
        }
    }

    fn show(&mut self, agent: AgentId) {
        let Some(entry) = self.agents.get(&agent).filter(|entry| entry.is_sought()) else { return };
        let place = match entry.row {
            Some(row @ Row { replica: Some(replica), .. }) if replica == self.me => {
                self.release_stray(Some(&row));
                Place::Nowhere
            }
            Some(Row { replica: Some(replica), epoch, .. }) => {
                Place::Elsewhere { replica, epoch, is_alive: self.alive.contains(&replica) }
            }
            Some(Row { replica: None, .. }) | None => Place::Nowhere,
        };
        if let Some(entry) = self.agents.get_mut(&agent).filter(|entry| entry.shown != place) {
            entry.shown = place;
            self.out.push_back(Command::Show { agent, place });
        }
    }
}

impl Entry {
    fn is_sought(&self) -> bool {
        self.standing.link.is_none() && !self.standing.sources.is_empty()
    }
}

fn take(agents: &mut BTreeSet<AgentId>) -> Vec<AgentId> {
    std::iter::from_fn(|| agents.pop_first()).take(BATCH_MAX).collect()
}

#[cfg(test)]
mod tests;
