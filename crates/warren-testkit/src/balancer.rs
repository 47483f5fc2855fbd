//! A TCP balancer in front of several servers, as one stands before a deployment: each connection goes to the first
//! backend that takes it.
//!
//! Must not know what the connections carry.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use warren_rt::Tasks;

const CONNECT_DEADLINE: Duration = Duration::from_secs(1);
/// After a failure of the system itself.
const PAUSE: Duration = Duration::from_millis(20);

/// A balancer on a free port of this machine. Its connections end when it is dropped.
pub struct Balancer {
    address: SocketAddr,
    backends: Backends,
    _tasks: Tasks,
}

/// Where a connection goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Preferred,
    /// Each to the next backend: a proxy takes every connection, also before a server that is away.
    Next,
}

/// Addresses in the order in which they are tried, with what ends the connections to each.
type Backends = Arc<Mutex<Vec<(SocketAddr, CancellationToken)>>>;

impl Balancer {
    /// Starts a balancer without backends, which refuses every connection.
    ///
    /// # Errors
    /// Fails without a free port.
    pub async fn start() -> Result<Self> {
        Self::begin(First::Preferred).await
    }

    /// Starts one that begins with another backend for every connection.
    ///
    /// # Errors
    /// Fails without a free port.
    pub async fn start_in_turn() -> Result<Self> {
        Self::begin(First::Next).await
    }

    async fn begin(first: First) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port")?;
        let address = listener.local_addr().context("a bound listener has an address")?;
        let (backends, tasks) = (Backends::default(), Tasks::new());
        tasks.spawn("balancer", accept(listener, backends.clone(), first, tasks.child()));
        Ok(Self { address, backends, _tasks: tasks })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a backend the first one that is tried, also when it has others already.
    pub fn prefer(&self, backend: SocketAddr) {
        let mut backends = lock(&self.backends);
        let known = backends.iter().position(|(address, _)| *address == backend);
        let entry = known.map_or_else(|| (backend, CancellationToken::new()), |at| backends.remove(at));
        backends.insert(0, entry);
    }

    /// Sends nobody to a backend any more; its connections go on.
    pub fn take_out(&self, backend: SocketAddr) {
        lock(&self.backends).retain(|(address, _)| *address != backend);
    }

    /// Ends all connections to a backend.
    pub fn cut(&self, backend: SocketAddr) {
        for (address, cut) in &mut *lock(&self.backends) {
            if *address == backend {
                std::mem::take(cut).cancel();
            }
        }
    }
}

async fn accept(listener: TcpListener, backends: Backends, first: First, tasks: Tasks) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let mut tried = lock(&backends);
                if first == First::Next && !tried.is_empty() {
                    tried.rotate_left(1);
                }
                tasks.spawn("balanced connection", serve(client, tried.clone()));
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn serve(mut client: TcpStream, tried: Vec<(SocketAddr, CancellationToken)>) {
    for (address, cut) in tried {
        let Ok(Ok(mut server)) = timeout(CONNECT_DEADLINE, TcpStream::connect(address)).await else {
            continue;
        };
        // Small frames shall not wait for each other.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let carried = cut.run_until_cancelled(copy_bidirectional(&mut client, &mut server)).await;
        if !matches!(carried, Some(Ok(_))) {
            // The client sees a broken connection, as from a broken server.
            let _ = client.set_zero_linger();
        }
        return;
    }
    let _ = client.set_zero_linger();
}

fn lock(
    backends: &Mutex<Vec<(SocketAddr, CancellationToken)>>,
) -> MutexGuard<'_, Vec<(SocketAddr, CancellationToken)>> {
    backends.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
