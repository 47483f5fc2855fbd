//! The server's end of all links: runs the relay core and asks who may reach whom.
//!
//! Owns one task per link (the caller's) and the shared core. Must not know HTTP, users or permissions: links arrive
//! with an authenticated [`Identity`] and an [`Authorizer`] that speaks for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;
use warren_rt::Tasks;
use warren_tunnel_proto::{
    FarId, Frame, Identity, LinkId, Relay, RelayChallenge, RelayEvent, RelayLimits, Verdict,
};
use warren_vocab::AgentId;
use warren_wire::tunnel::PresharedKey;

use crate::link::{Dial, DialError, RelayLink, pair};

mod far;
mod serve;

pub use far::FarLink;

/// How often silent links are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// What nodes are told when the server stops.
const RESTART_AFTER: Duration = Duration::from_millis(200);
const RESTART_SPREAD: Duration = Duration::from_secs(2);
/// What they are told when other servers take them.
const MOVE_SPREAD: Duration = Duration::from_millis(500);

/// Decides for one link which agents it may reach. Asked at every new tunnel and again every minute.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// The ports of the agent that the link may open, or a sentence for the user.
    async fn authorize(&self, agent: AgentId) -> Verdict;
}

/// The relay and coordinator. Clones share it.
#[derive(Clone)]
pub struct RelayHub {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Rung when agents are added to those that have changed.
    changed: Notify,
}

struct State {
    relay: Relay,
    signals: HashMap<LinkId, Arc<Signal>>,
    fars: HashMap<FarId, Arc<Signal>>,
    /// Agents whose standing has changed, once somebody follows that.
    changed: Option<BTreeSet<AgentId>>,
}

/// What one link's task has to do, set by whoever handled the input that caused it.
#[derive(Default)]
struct Signal {
    wake: Notify,
    todo: Mutex<Todo>,
}

#[derive(Default)]
struct Todo {
    authorize: Vec<AgentId>,
    close: Option<String>,
}

impl RelayHub {
    /// Starts a hub; its housekeeping runs in `tasks`.
    pub fn start(tasks: &Tasks) -> RelayHub {
        let state = State {
            relay: Relay::new(RelayLimits::default()),
            signals: HashMap::new(),
            fars: HashMap::new(),
            changed: None,
        };
        let shared = Shared { state: Mutex::new(state), changed: Notify::new() };
        let hub = RelayHub { shared: Arc::new(shared) };
        let sweeper = hub.clone();
        tasks.spawn("tunnel relay sweep", async move { sweeper.sweep().await });
        hub
    }

    async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.with(|relay| relay.handle_timeout(Instant::now().into_std()));
        }
    }

    /// Serves one link until either side ends it, and returns why it ended.
    pub async fn serve(
        &self,
        link: RelayLink,
        identity: Identity,
        authorizer: Arc<dyn Authorizer>,
    ) -> String {
        let challenge = RelayChallenge::from_bytes(rand::random(), rand::random());
        let signal = Arc::new(Signal::default());
        let id = {
            let mut state = self.shared.lock();
            let id = state.relay.attach(identity, challenge, Instant::now().into_std());
            state.signals.insert(id, Arc::clone(&signal));
            id
        };
        self.with(|_| ());
        let attached = Attached { hub: self.clone(), id };
        serve::Served::new(self, attached.id, link, signal, authorizer).run().await
    }

    /// A dialler for nodes in the server's own process.
    pub fn dialer(&self, identity: Identity, authorizer: Arc<dyn Authorizer>, tasks: &Tasks) -> HubDialer {
        HubDialer { hub: self.clone(), identity, authorizer, tasks: tasks.clone() }
    }

    /// Whether the agent is connected to this hub.
    pub fn is_attached(&self, agent: AgentId) -> bool {
        self.shared.lock().relay.is_attached(agent)
    }

    /// Tells every node that the server stops, so that they come back spread over time: after it has started again, or,
    /// when there are others, soon.
    pub fn announce_restart(&self, others: bool) {
        let (after, spread) =
            if others { (Duration::ZERO, MOVE_SPREAD) } else { (RESTART_AFTER, RESTART_SPREAD) };
        self.with(|relay| relay.announce_restart(after, spread));
    }

    /// Runs an input through the core and hands what follows from it to the links' tasks.
    fn with<T>(&self, input: impl FnOnce(&mut Relay) -> T) -> T {
        let mut state = self.shared.lock();
        let output = input(&mut state.relay);
        while let Some(event) = state.relay.poll_event() {
            self.shared.dispatch(&mut state, event);
        }
        output
    }

    fn handle_frame(&self, id: LinkId, frame: Frame) {
        self.with(|relay| relay.handle_frame(id, frame, Instant::now().into_std()));
    }

    fn handle_verdict(&self, id: LinkId, agent: AgentId, verdict: Verdict) {
        let psk = PresharedKey::new(rand::random());
        self.with(|relay| relay.handle_verdict(id, agent, verdict, psk));
    }

    fn poll_frame(&self, id: LinkId) -> Option<Frame> {
        self.shared.lock().relay.poll_frame(id)
    }

    fn tunnels_of(&self, id: LinkId) -> Vec<AgentId> {
        self.shared.lock().relay.tunnels_of(id)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dispatch(&self, state: &mut State, event: RelayEvent) {
        let link = |link: LinkId| state.signals.get(&link);
        let far = |far: FarId| state.fars.get(&far);
        match event {
            RelayEvent::Writable(id) => Signal::set(link(id), |_| ()),
            RelayEvent::Authorize { link: id, agent } => {
                Signal::set(link(id), |todo| todo.authorize.push(agent));
            }
            RelayEvent::Close { link: id, reason } => Signal::set(link(id), |todo| todo.close = Some(reason)),
            RelayEvent::Changed(agent) => {
                if state.changed.as_mut().is_some_and(|changed| changed.insert(agent)) {
                    self.changed.notify_one();
                }
            }
            RelayEvent::FarWritable(id) => Signal::set(far(id), |_| ()),
            RelayEvent::FarClose(id) => Signal::set(far(id), |todo| todo.close = Some(String::new())),
        }
    }
}

impl Signal {
    fn set(signal: Option<&Arc<Signal>>, change: impl FnOnce(&mut Todo)) {
        let Some(signal) = signal else { return };
        change(&mut signal.todo.lock().unwrap_or_else(PoisonError::into_inner));
        signal.wake.notify_one();
    }

    fn take(&self) -> Todo {
        std::mem::take(&mut self.todo.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes the link out of the core however its task ends.
struct Attached {
    hub: RelayHub,
    id: LinkId,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.hub.with(|relay| relay.detach(self.id));
        self.hub.shared.lock().signals.remove(&self.id);
    }
}

/// Dials a hub in the same process.
pub struct HubDialer {
    hub: RelayHub,
    identity: Identity,
    authorizer: Arc<dyn Authorizer>,
    tasks: Tasks,
}

#[async_trait]
impl Dial for HubDialer {
    async fn dial(&self) -> Result<RelayLink, DialError> {
        let (near, far) = pair();
        let (hub, identity, authorizer) = (self.hub.clone(), self.identity, Arc::clone(&self.authorizer));
        self.tasks.spawn_graceful("tunnel local link", async move {
            let reason = hub.serve(far, identity, authorizer).await;
            tracing::debug!(reason, "local tunnel link has ended");
        });
        Ok(near)
    }
}
