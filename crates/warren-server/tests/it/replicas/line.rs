//! A way to a server that a test can cut, close and hold up.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use warren_rt::Tasks;

/// What becomes of new connections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mode {
    Open,
    /// They end at once.
    Closed,
    /// Nothing is ever said on them.
    Silent,
}

pub(super) struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: Tasks,
}

struct Shared {
    target: Mutex<Option<SocketAddr>>,
    mode: Mutex<Mode>,
    cut: Mutex<CancellationToken>,
}

impl Line {
    /// Leads nowhere until it is aimed.
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: Mutex::default(),
            mode: Mutex::new(Mode::Open),
            cut: Mutex::default(),
        });
        let tasks = Tasks::new();
        let (accepting, group) = (shared.clone(), tasks.clone());
        tasks.spawn("line", async move {
            while let Ok((inbound, _)) = listener.accept().await {
                let cut = accepting.cut.lock().unwrap().clone();
                let carry = carry(accepting.clone(), inbound);
                group.spawn("connection", async move {
                    cut.run_until_cancelled(carry).await;
                });
            }
        });
        Self { address, shared, _tasks: tasks }
    }

    /// Where it begins.
    pub(super) fn url(&self) -> url::Url {
        format!("http://{}/", self.address).parse().unwrap()
    }

    pub(super) fn aim(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = Some(target);
    }

    pub(super) fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// Ends what is connected now.
    pub(super) fn cut(&self) {
        std::mem::take(&mut *self.shared.cut.lock().unwrap()).cancel();
    }
}

async fn carry(shared: Arc<Shared>, mut inbound: TcpStream) {
    let (mode, target) = (*shared.mode.lock().unwrap(), *shared.target.lock().unwrap());
    match mode {
        Mode::Open => {}
        Mode::Closed => return,
        Mode::Silent => std::future::pending().await,
    }
    let Some(target) = target else { return };
    let Ok(mut outbound) = TcpStream::connect(target).await else { return };
    let _ = copy_bidirectional(&mut inbound, &mut outbound).await;
}
