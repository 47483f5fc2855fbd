//! Where the agents are that this server's clients, or its own node, have tunnels to.
//!
//! Owns the join of what the relay knows, what the database says and who looks for an agent. What follows from it is
//! decided by [`Whereabouts`]; must not touch what goes through a tunnel.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use warren_app::{AppError, agents::links::AgentLink};
use warren_db::Notice;
use warren_tunnel::{Command, PeerId, Place, RelayHub, Row, Standing, Whereabouts};
use warren_vocab::{AgentId, ReplicaId};

use super::{Mesh, tunnel_seek::Seeker};

/// How long the database may take for one command.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// Agents whose way has ended that wait to be looked for; those that find no room are found by the sweep.
const BROKEN_MAX: usize = 1024;

/// Finds agents for the tunnels of this server, and says which ones it has itself.
pub(super) struct Directory {
    mesh: Mesh,
    hub: RelayHub,
    whereabouts: Whereabouts,
    sought: HashMap<AgentId, Sought>,
    broken: (mpsc::Sender<AgentId>, mpsc::Receiver<AgentId>),
}

/// An agent that is not here, and who looks for it.
struct Sought {
    place: watch::Sender<Place>,
    seekers: HashMap<PeerId, DropGuard>,
}

/// Another server's hint.
#[derive(Deserialize)]
struct Hint {
    replica: ReplicaId,
    agents: Vec<AgentId>,
}

impl Directory {
    pub(super) fn new(mesh: Mesh, hub: RelayHub) -> Self {
        hub.follow();
        let whereabouts = Whereabouts::new(mesh.shared.me, now());
        Self { mesh, hub, whereabouts, sought: HashMap::new(), broken: mpsc::channel(BROKEN_MAX) }
    }

    /// Runs until the tasks stop.
    pub(super) async fn run(mut self) {
        let mut hints = self.mesh.shared.app.agent_link_hints();
        let mut roster = self.mesh.shared.registry.roster();
        roster.mark_changed();
        loop {
            let due = Instant::from_std(self.whereabouts.poll_timeout());
            tokio::select! {
                agents = self.hub.changed() => agents.into_iter().for_each(|agent| self.look_at(agent)),
                notice = hints.next() => match notice {
                    Some(Notice::Hint(hint)) => self.take_hint(hint),
                    Some(Notice::Lagged) => self.whereabouts.handle_lost_hints(),
                    None => return,
                },
                Ok(()) = roster.changed() => {
                    let alive = roster.borrow_and_update().iter().filter(|one| one.is_alive).map(|one| one.id).collect();
                    self.whereabouts.handle_roster(alive);
                }
                Some(agent) = self.broken.1.recv() => self.whereabouts.handle_broken(agent),
                () = tokio::time::sleep_until(due) => self.whereabouts.handle_timeout(now()),
            }
            while let Some(command) = self.whereabouts.poll_command() {
                self.obey(command).await;
            }
        }
    }

    fn take_hint(&mut self, hint: serde_json::Value) {
        // A later version may say it differently; then the sweep finds it.
        let Ok(Hint { replica, agents }) = serde_json::from_value(hint) else { return };
        if replica != self.mesh.shared.me {
            self.whereabouts.handle_hint(agents);
        }
    }

    /// Notes who has to do with an agent now, and lets those look for it who have no way to it.
    fn look_at(&mut self, agent: AgentId) {
        let standing = self.hub.standing(agent);
        let Standing { link, sources } = standing.clone();
        self.whereabouts.handle_standing(agent, standing);
        let sources: BTreeSet<PeerId> =
            if link.is_none() { sources.into_iter().collect() } else { BTreeSet::new() };
        if sources.is_empty() {
            self.sought.remove(&agent);
            return;
        }
        let new = || Sought { place: watch::Sender::new(Place::Unknown), seekers: HashMap::new() };
        let sought = self.sought.entry(agent).or_insert_with(new);
        sought.seekers.retain(|source, _| sources.contains(source));
        for source in sources {
            let (mesh, hub, place) = (&self.mesh, &self.hub, &sought.place);
            let broken = &self.broken.0;
            sought.seekers.entry(source).or_insert_with(|| {
                let stop = CancellationToken::new();
                let seeker = Seeker {
                    mesh: mesh.clone(),
                    hub: hub.clone(),
                    source,
                    agent,
                    place: place.subscribe(),
                    broken: broken.clone(),
                };
                let until = stop.clone();
                mesh.shared.tasks.spawn("mesh tunnel", async move {
                    until.run_until_cancelled(seeker.run()).await;
                });
                stop.drop_guard()
            });
        }
    }

    async fn obey(&mut self, command: Command) {
        let done = match &command {
            Command::Evict { agent, link } => {
                tracing::debug!(agent.id = %agent, "the agent has a newer connection to another server");
                self.hub.evict(*agent, *link);
                return;
            }
            Command::Show { agent, place } => {
                if let Some(sought) = self.sought.get(agent) {
                    sought.place.send_replace(*place);
                }
                return;
            }
            Command::Claim(_) | Command::Release(_) | Command::Look(_) => {
                timeout(ANSWER_TIME, self.ask(&command)).await
            }
        };
        let error = match done {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => String::from("the database did not answer in time"),
        };
        tracing::warn!(error, "where agents are connected could not be written or read, trying again");
        self.whereabouts.handle_failed(command, now());
    }

    async fn ask(&mut self, command: &Command) -> Result<(), AppError> {
        let (app, me) = (&self.mesh.shared.app, self.mesh.shared.me);
        match command {
            Command::Claim(agents) => {
                let claimed = app.claim_agents(me, agents).await?;
                self.whereabouts.handle_claimed(&claimed);
            }
            Command::Release(claims) => app.release_agents(me, claims).await?,
            Command::Look(agents) => {
                let links = app.agent_links(agents).await?;
                let row = |AgentLink { agent, replica, epoch }| Row { agent, replica, epoch };
                let rows: Vec<Row> = links.into_iter().map(row).collect();
                self.whereabouts.handle_rows(agents, &rows);
            }
            Command::Evict { .. } | Command::Show { .. } => {}
        }
        Ok(())
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
