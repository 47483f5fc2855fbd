//! A way to PostgreSQL that fails as networks and poolers do: connections go silent, nobody may listen.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{
        TcpListener, TcpStream, UnixStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{Mutex, watch},
    time::timeout,
};
use url::Url;
use warren_db::Location;
use warren_rt::Tasks;

/// How the driver says it.
const LISTEN: &[u8] = b"LISTEN \"";
const REASON: &str = "LISTEN is not supported here";
const BUFFER_BYTES: usize = 16 * 1024;

/// A way to a database. It ends when it is dropped.
pub struct Way {
    location: Location,
    shared: Shared,
    _tasks: Tasks,
}

#[derive(Clone)]
struct Shared {
    is_deaf: bool,
    /// Grows when the connections that there are go silent.
    silence: watch::Sender<u64>,
    /// Connections that are silent and not yet given up by the client.
    n_silent: watch::Sender<usize>,
}

impl Way {
    pub(crate) async fn to(url: &str, is_deaf: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { is_deaf, silence: watch::Sender::new(0), n_silent: watch::Sender::new(0) };
        let tasks = Tasks::new();
        tasks.spawn("way", accept(listener, Target::of(url), shared.clone(), tasks.child()));
        Self { location: Location::postgres(through(url, address)), shared, _tasks: tasks }
    }

    /// Where the database seems to be.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Lets nothing more pass on the connections that there are, as when a host vanishes; later ones work. Tells how many.
    pub fn silence_all(&self) -> usize {
        let n_open = self.shared.silence.receiver_count();
        self.shared.n_silent.send_modify(|n_silent| *n_silent += n_open);
        self.shared.silence.send_modify(|times| *times += 1);
        n_open
    }

    /// Waits until no silent connection is open any more.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until_given_up(&self, deadline: Duration) {
        let mut n_silent = self.shared.n_silent.subscribe();
        let gone = timeout(deadline, n_silent.wait_for(|n_silent| *n_silent == 0)).await;
        assert!(gone.is_ok(), "{} silent connections stay open", *self.shared.n_silent.borrow());
    }
}

#[derive(Clone)]
enum Target {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Target {
    fn of(url: &str) -> Self {
        let options = PgConnectOptions::from_str(url).unwrap();
        match options.get_socket() {
            Some(directory) => Self::Unix(directory.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => Self::Tcp(options.get_host().to_owned(), options.get_port()),
        }
    }
}

fn through(url: &str, address: SocketAddr) -> String {
    let mut url: Url = url.parse().unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(address.port())).unwrap();
    url.set_query(Some("sslmode=disable"));
    url.into()
}

async fn accept(listener: TcpListener, target: Target, shared: Shared, tasks: Tasks) {
    while let Ok((client, _)) = listener.accept().await {
        let (target, silence, shared) = (target.clone(), shared.silence.subscribe(), shared.clone());
        tasks.spawn("way of a connection", async move {
            match target {
                Target::Tcp(host, port) => {
                    let Ok(server) = TcpStream::connect((host, port)).await else { return };
                    serve(client, server, silence, shared).await;
                }
                Target::Unix(path) => {
                    let Ok(server) = UnixStream::connect(path).await else { return };
                    serve(client, server, silence, shared).await;
                }
            }
        });
    }
}

async fn serve(
    mut client: TcpStream,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
    mut silence: watch::Receiver<u64>,
    shared: Shared,
) {
    let born = *silence.borrow_and_update();
    let is_over = tokio::select! {
        biased;
        went = silence.wait_for(|times| *times > born) => went.is_err(),
        () = carry(&mut client, &mut server, shared.is_deaf) => true,
    };
    if is_over && *silence.borrow() == born {
        return;
    }
    drop(silence);
    // Neither end learns anything; what the client says is lost.
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(1..) = client.read(&mut buffer).await {}
    shared.n_silent.send_modify(|n_silent| *n_silent -= 1);
}

async fn carry(client: &mut TcpStream, server: &mut (impl AsyncRead + AsyncWrite + Unpin), is_deaf: bool) {
    let (client_reads, client_writes) = client.split();
    let (mut server_reads, server_writes) = tokio::io::split(server);
    let client_writes = Mutex::new(client_writes);
    let answer = async {
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Ok(n_bytes @ 1..) = server_reads.read(&mut buffer).await {
            if client_writes.lock().await.write_all(&buffer[..n_bytes]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = ask(client_reads, server_writes, &client_writes, is_deaf) => {}
        () = answer => {}
    }
}

/// Passes questions on, perhaps apart from those to listen. The driver sends each as one piece.
async fn ask(
    mut client: ReadHalf<'_>,
    mut server: impl AsyncWrite + Unpin,
    answers: &Mutex<WriteHalf<'_>>,
    is_deaf: bool,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(n_bytes @ 1..) = client.read(&mut buffer).await {
        let asked = &buffer[..n_bytes];
        let done = if is_deaf && asked.windows(LISTEN.len()).any(|window| window == LISTEN) {
            answers.lock().await.write_all(&refusal()).await
        } else {
            server.write_all(asked).await
        };
        if done.is_err() {
            return;
        }
    }
}

/// An error of PostgreSQL's protocol, after which it is ready for the next question.
fn refusal() -> Vec<u8> {
    let fields = format!("SERROR\0VERROR\0C0A000\0M{REASON}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [&b"E"[..], &length.to_be_bytes(), fields.as_bytes(), b"Z\0\0\0\x05I"].concat()
}
