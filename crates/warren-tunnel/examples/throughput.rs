//! Measures one tunnel stream through the relay beside plain TCP over loopback, in the same minute on the same machine.
//!
//! `throughput [SECONDS] [ROUNDS]` prints one JSON object. Client, agent and relay are real nodes joined by real
//! WebSockets over loopback; all share the machine's cores, as does the plain TCP comparison. Rounds alternate between
//! the two, and the medians are printed.

#![allow(clippy::print_stdout, reason = "printing the result is the purpose of this program")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_trait::async_trait;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use futures::{SinkExt, StreamExt, future};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use warren_rt::Tasks;
use warren_tunnel::{
    AllowedPorts, Authorizer, Frame, Identity, NodeConfig, PORT_API, PORT_SSH, PeerConnection, RelayHub,
    SUBPROTOCOL, TunnelNode, Verdict, link,
};
use warren_vocab::AgentId;

const CHUNK: usize = 128 * 1024;
const WARM_UP: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);
const PINGS: usize = 200;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 =
        arguments.next().map_or(Ok(3.0), |text| text.parse()).context("SECONDS must be a number")?;
    let rounds: usize =
        arguments.next().map_or(Ok(3), |text| text.parse()).context("ROUNDS must be a number")?;
    let tasks = Tasks::new();
    let connection = tunnel(&tasks).await?;
    let tcp_address = tcp_sink(&tasks).await?;
    let (mut relayed, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut tcp = TcpStream::connect(tcp_address).await?;
        plain.push(pour(&mut tcp, seconds).await?);
        let mut stream = connection.open_stream(PORT_SSH).await?;
        relayed.push(pour(&mut stream, seconds).await?);
    }
    let latency = ping(&connection).await?;
    let (relayed, plain) = (median(relayed), median(plain));
    let result = serde_json::json!({
        "case": "tunnel_relayed_one_stream",
        "seconds": seconds,
        "rounds": rounds,
        "relayed_mbit_per_s": round(relayed),
        "plain_tcp_mbit_per_s": round(plain),
        "ratio": (relayed / plain * 1000.0).round() / 1000.0,
        "round_trip_us_p50": latency.as_micros() as u64,
    });
    println!("{result}");
    tasks.stop(Duration::from_secs(2)).await;
    Ok(())
}

/// Writes for some time and gives the rate at which the receiver took the bytes, in Mbit/s. The receiver answers each
/// stream with the number of bytes that it has seen.
async fn pour(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), seconds: f64) -> anyhow::Result<f64> {
    let chunk = vec![0x5a; CHUNK];
    let started = Instant::now();
    let end = WARM_UP.as_secs_f64() + seconds;
    while started.elapsed().as_secs_f64() < end {
        stream.write_all(&chunk).await?;
    }
    stream.shutdown().await?;
    let mut answer = [0; 16];
    stream.read_exact(&mut answer).await?;
    let [bytes, micros] =
        [0, 8].map(|at| u64::from_be_bytes(answer[at..at + 8].try_into().unwrap_or_default()));
    Ok(bytes as f64 * 8.0 / micros.max(1) as f64)
}

/// Counts what arrives after the warm-up and reports bytes and microseconds.
async fn sink(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let (mut buffer, started) = (vec![0; CHUNK], Instant::now());
    let (mut counted, mut since, mut last) = (0u64, None, started);
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        last = Instant::now();
        match since {
            None if last - started >= WARM_UP => since = Some(last),
            None => {}
            Some(_) => counted += count as u64,
        }
    }
    let micros = since.map_or(0, |since| (last - since).as_micros() as u64);
    stream.write_all(&counted.to_be_bytes()).await?;
    stream.write_all(&micros.to_be_bytes()).await?;
    stream.shutdown().await
}

async fn ping(connection: &PeerConnection) -> anyhow::Result<Duration> {
    let mut stream = connection.open_stream(PORT_API).await?;
    let mut times = Vec::new();
    for _ in 0..PINGS {
        let started = Instant::now();
        stream.write_all(b"x").await?;
        stream.read_exact(&mut [0]).await?;
        times.push(started.elapsed());
    }
    times.sort();
    Ok(times[PINGS / 2])
}

async fn tcp_sink(tasks: &Tasks) -> anyhow::Result<std::net::SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let spawner = tasks.clone();
    tasks.spawn("tcp", async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawner.spawn("tcp sink", sink(stream));
        }
    });
    Ok(address)
}

async fn tunnel(tasks: &Tasks) -> anyhow::Result<PeerConnection> {
    let hub = RelayHub::start(tasks);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let routes = axum::Router::new()
        .route("/agent/{id}", get(agent_socket))
        .route("/client", get(client_socket))
        .with_state(hub);
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    tasks.spawn("http", async move { axum::serve(listener, routes).await });
    let agent = AgentId::new();
    let start = |identity, path: String| {
        let dialer = link::websocket(format!("ws://{address}{path}"), Default::default(), tasks);
        TunnelNode::start(NodeConfig { identity }, Arc::new(dialer), tasks)
    };
    let accepting = start(Identity::Agent(agent), format!("/agent/{agent}"))?;
    let spawner = tasks.clone();
    tasks.spawn("agent", async move {
        while let Some(incoming) = accepting.accept().await {
            if incoming.port == PORT_API {
                let (mut reader, mut writer) = tokio::io::split(incoming.stream);
                spawner
                    .spawn("echo", async move { tokio::io::copy(&mut reader, &mut writer).await.map(drop) });
            } else {
                spawner.spawn("sink", sink(incoming.stream));
            }
        }
    });
    let client = start(Identity::Client, "/client".to_owned())?;
    Ok(client.connect(agent, PATIENCE).await?)
}

async fn agent_socket(
    State(hub): State<RelayHub>,
    Path(id): Path<AgentId>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    upgrade.on_upgrade(move |socket| serve(hub, socket, Identity::Agent(id)))
}

async fn client_socket(State(hub): State<RelayHub>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([SUBPROTOCOL]).on_upgrade(move |socket| serve(hub, socket, Identity::Client))
}

async fn serve(hub: RelayHub, socket: WebSocket, identity: Identity) {
    let (near, far) = link::pair();
    let (sink, stream) = socket.split();
    let incoming = stream.filter_map(|message| future::ready(message.ok().and_then(frame_of)));
    let outgoing = sink.with(|frame| future::ready(Ok::<_, axum::Error>(message_of(frame))));
    tokio::join!(link::pump(near, incoming, outgoing), hub.serve(far, identity, Arc::new(Everybody)));
}

fn frame_of(message: Message) -> Option<Frame> {
    match message {
        Message::Text(text) => Some(Frame::Text(text.as_str().to_owned())),
        Message::Binary(bytes) => Some(Frame::Binary(bytes.into())),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
    }
}

fn message_of(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::Text(text.into()),
        Frame::Binary(bytes) => Message::Binary(bytes.freeze()),
    }
}

struct Everybody;

#[async_trait]
impl Authorizer for Everybody {
    async fn authorize(&self, _agent: AgentId) -> Verdict {
        Ok(AllowedPorts::Any)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
