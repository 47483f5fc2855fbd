//! A TCP proxy that does to connections what bad networks do: cut, hold, delay, refuse.
//!
//! Must not know what the connections carry, except for a mark by which single ones can be told apart.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    time::{sleep, timeout},
};
use warren_rt::Tasks;

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const BUFFER_BYTES: usize = 16 * 1024;

/// Where a proxy leads.
#[derive(Debug, Clone)]
pub enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What the network does to all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weather {
    /// Nothing.
    #[default]
    Clear,
    /// Nothing passes, in either direction, and nothing is lost; new connections wait.
    Held,
    /// What passes takes longer.
    Slow(Duration),
    /// Connections go on, and new ones are reset.
    Refusing,
}

/// Names a connection of one proxy; later ones are greater.
pub type ConnectionId = u64;

/// A proxy on a free port of this machine. Its connections end when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: Tasks,
}

struct Shared {
    target: watch::Sender<Option<Target>>,
    weather: watch::Sender<Weather>,
    connections: Mutex<BTreeMap<ConnectionId, Connection>>,
    next: AtomicU64,
    mark: &'static [u8],
}

struct Connection {
    fate: watch::Sender<Fate>,
    is_marked: Arc<AtomicBool>,
}

/// What happens to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Goes,
    Held,
    Cut,
}

/// Both things that decide whether bytes pass.
#[derive(Clone)]
struct Gate {
    weather: watch::Receiver<Weather>,
    fate: watch::Receiver<Fate>,
}

/// The connection is cut, or one of its ends is gone.
struct IsCut;

impl Proxy {
    /// Starts a proxy that leads nowhere yet: connections wait until it leads somewhere.
    ///
    /// # Errors
    /// Fails without a free port.
    pub async fn start() -> Result<Self> {
        Self::start_marking(b"").await
    }

    /// Starts a proxy that marks connections whose client sends a text.
    ///
    /// # Errors
    /// Fails without a free port.
    pub async fn start_marking(mark: &'static [u8]) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port")?;
        let address = listener.local_addr().context("a bound listener has an address")?;
        let shared = Arc::new(Shared {
            target: watch::Sender::new(None),
            weather: watch::Sender::new(Weather::Clear),
            connections: Mutex::default(),
            next: AtomicU64::new(0),
            mark,
        });
        let tasks = Tasks::new();
        tasks.spawn("proxy", accept(listener, shared.clone(), tasks.child()));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads new connections, and those that wait, to a place.
    pub fn lead_to(&self, target: Target) {
        self.shared.target.send_replace(Some(target));
    }

    /// Changes what happens to all connections.
    pub fn set_weather(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// The live connections, oldest first.
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.shared.connections().keys().copied().collect()
    }

    /// The live connections with the mark, oldest first.
    pub fn marked(&self) -> Vec<ConnectionId> {
        let connections = self.shared.connections();
        let marked = connections.iter().filter(|(_, it)| it.is_marked.load(Ordering::Relaxed));
        marked.map(|(id, _)| *id).collect()
    }

    /// Resets a connection at both ends. Tells whether it was still there.
    pub fn cut(&self, id: ConnectionId) -> bool {
        self.shared.decide(id, Fate::Cut)
    }

    /// Resets all connections and tells how many there were.
    pub fn cut_all(&self) -> usize {
        self.connections().into_iter().filter(|id| self.cut(*id)).count()
    }

    /// Lets nothing of a connection pass until it is released. Tells whether it was still there.
    pub fn hold(&self, id: ConnectionId) -> bool {
        self.shared.decide(id, Fate::Held)
    }

    /// Lets a held connection go on, with everything that waited.
    pub fn release(&self, id: ConnectionId) {
        self.shared.decide(id, Fate::Goes);
    }
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, id: ConnectionId, fate: Fate) -> bool {
        let connections = self.connections();
        let Some(connection) = connections.get(&id) else { return false };
        connection.fate.send_if_modified(|now| {
            // A cut is for good.
            let is_new = *now != Fate::Cut && *now != fate;
            if is_new {
                *now = fate;
            }
            is_new
        })
    }
}

impl Gate {
    /// Waits until bytes may pass.
    async fn open(&mut self) -> Result<(), IsCut> {
        loop {
            let fate = *self.fate.borrow_and_update();
            let weather = *self.weather.borrow_and_update();
            match fate {
                Fate::Cut => return Err(IsCut),
                Fate::Goes if weather != Weather::Held => return Ok(()),
                Fate::Goes | Fate::Held => {}
            }
            let changed = tokio::select! {
                changed = self.fate.changed() => changed,
                changed = self.weather.changed() => changed,
            };
            changed.map_err(|_| IsCut)?;
        }
    }

    /// Waits until the connection is cut.
    async fn cut(mut self) {
        // An error means that the proxy is gone, which cuts it as well.
        let _ = self.fate.wait_for(|fate| *fate == Fate::Cut).await;
    }

    async fn delay(&self) {
        let weather = *self.weather.borrow();
        match weather {
            Weather::Slow(by) => sleep(by).await,
            Weather::Clear | Weather::Held | Weather::Refusing => {}
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: Tasks) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let is_refusing = *shared.weather.borrow() == Weather::Refusing;
        if is_refusing {
            reset(&client);
            continue;
        }
        let shared = shared.clone();
        tasks.spawn("proxied connection", serve(client, shared));
    }
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let id = shared.next.fetch_add(1, Ordering::Relaxed);
    let fate = watch::Sender::new(Fate::Goes);
    let gate = Gate { weather: shared.weather.subscribe(), fate: fate.subscribe() };
    let is_marked = Arc::new(AtomicBool::new(false));
    shared.connections().insert(id, Connection { fate, is_marked: is_marked.clone() });
    let leaving = Leaving { id, shared };
    let Some(target) = target(gate.clone(), &leaving.shared).await else { return reset(&client) };
    // Small frames shall not wait for each other.
    let _ = client.set_nodelay(true);
    let mark = |bytes: &[u8]| {
        let mark = leaving.shared.mark;
        if !mark.is_empty() && bytes.windows(mark.len()).any(|window| window == mark) {
            is_marked.store(true, Ordering::Relaxed);
        }
    };
    match target {
        Target::Tcp(address) => {
            let Ok(Ok(mut server)) = timeout(CONNECT_DEADLINE, TcpStream::connect(address)).await else {
                return reset(&client);
            };
            let _ = server.set_nodelay(true);
            if let Err(IsCut) = carry(&mut client, &mut server, gate, mark).await {
                reset(&client);
                reset(&server);
            }
        }
        Target::Unix(path) => {
            let Ok(Ok(mut server)) = timeout(CONNECT_DEADLINE, UnixStream::connect(path)).await else {
                return reset(&client);
            };
            if let Err(IsCut) = carry(&mut client, &mut server, gate, mark).await {
                reset(&client);
            }
        }
    }
}

/// Where to, once connections may be made.
async fn target(mut gate: Gate, shared: &Shared) -> Option<Target> {
    gate.open().await.ok()?;
    let mut target = shared.target.subscribe();
    tokio::select! {
        target = target.wait_for(Option::is_some) => target.ok()?.clone(),
        () = gate.cut() => None,
    }
}

/// Makes the peer see a broken connection, once this is dropped, where it would see an orderly end.
fn reset(stream: &TcpStream) {
    // A connection that is broken already needs none.
    let _ = stream.set_zero_linger();
}

/// Takes the connection off the list, however it ends.
struct Leaving {
    id: ConnectionId,
    shared: Arc<Shared>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.shared.connections().remove(&self.id);
    }
}

/// Carries bytes until both ends are done or one of them is gone.
async fn carry(
    client: &mut TcpStream,
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    gate: Gate,
    look: impl Fn(&[u8]),
) -> Result<(), IsCut> {
    let (client_reads, client_writes) = client.split();
    let (server_reads, server_writes) = tokio::io::split(server);
    let there = pump(client_reads, server_writes, gate.clone(), look);
    let back = pump(server_reads, client_writes, gate.clone(), |_| {});
    tokio::select! {
        // Each direction may end on its own; a failure of one ends both.
        done = async { tokio::try_join!(there, back) } => done.map(|_| ()),
        () = gate.cut() => Err(IsCut),
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut gate: Gate,
    look: impl Fn(&[u8]),
) -> Result<(), IsCut> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        gate.open().await?;
        let n_bytes = from.read(&mut buffer).await.map_err(|_| IsCut)?;
        // What came while nothing may pass waits as well.
        gate.open().await?;
        gate.delay().await;
        if n_bytes == 0 {
            return to.shutdown().await.map_err(|_| IsCut);
        }
        look(&buffer[..n_bytes]);
        to.write_all(&buffer[..n_bytes]).await.map_err(|_| IsCut)?;
    }
}

#[cfg(test)]
mod tests;
