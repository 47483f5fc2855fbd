//! A small server with a hub behind WebSocket routes, a TCP proxy that can cut connections, and an echo agent.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{SinkExt, StreamExt, future};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use warren_rt::Tasks;
use warren_tunnel::{
    AllowedPorts, Authorizer, Dial, Frame, Identity, Incoming, NodeConfig, PORT_API, PORT_SSH, RelayHub,
    SUBPROTOCOL, TunnelNode, TunnelStream, Verdict, link,
};
use warren_vocab::AgentId;

/// The longest that anything in these tests may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) tasks: Tasks,
    pub(crate) hub: RelayHub,
    pub(crate) rules: Arc<Rules>,
    pub(crate) address: SocketAddr,
}

/// Who may do what on the test server.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) forbidden: Mutex<HashSet<AgentId>>,
}

#[async_trait]
impl Authorizer for Rules {
    async fn authorize(&self, agent: AgentId) -> Verdict {
        match self.forbidden.lock().unwrap().contains(&agent) {
            true => Err("this workspace belongs to somebody else".into()),
            false => Ok(AllowedPorts::Only([PORT_SSH, PORT_API].into())),
        }
    }
}

impl Server {
    pub(crate) async fn start() -> Server {
        let tasks = Tasks::new();
        let hub = RelayHub::start(&tasks);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server { tasks, hub, rules: Arc::default(), address };
        let routes = Router::new()
            .route("/agent/{id}", get(agent_socket))
            .route("/client", get(client_socket))
            .route("/closed", get(|| async { (StatusCode::UNAUTHORIZED, r#"{"message":"sign in again"}"#) }))
            .with_state(server.clone());
        server.tasks.spawn("http", async move { axum::serve(listener, routes).await });
        server
    }

    pub(crate) fn dial(&self, via: SocketAddr, path: &str) -> Arc<dyn Dial> {
        Arc::new(link::websocket(format!("ws://{via}{path}"), Default::default(), &self.tasks))
    }

    pub(crate) fn client(&self) -> TunnelNode {
        self.client_via(self.address)
    }

    pub(crate) fn client_via(&self, via: SocketAddr) -> TunnelNode {
        let config = NodeConfig { identity: Identity::Client };
        TunnelNode::start(config, self.dial(via, "/client"), &self.tasks).unwrap()
    }

    pub(crate) fn agent(&self, agent: AgentId) -> (TunnelNode, Tasks) {
        self.agent_via(self.address, agent)
    }

    /// An agent whose SSH port echoes; its tasks can be stopped on their own.
    pub(crate) fn agent_via(&self, via: SocketAddr, agent: AgentId) -> (TunnelNode, Tasks) {
        let tasks = self.tasks.child();
        let config = NodeConfig { identity: Identity::Agent(agent) };
        let dialer = link::websocket(format!("ws://{via}/agent/{agent}"), Default::default(), &tasks);
        let node = TunnelNode::start(config, Arc::new(dialer), &tasks).unwrap();
        serve_echo(&node, &tasks);
        (node, tasks)
    }

    pub(crate) fn local_node(&self, identity: Identity) -> TunnelNode {
        let dialer = self.hub.dialer(identity, Arc::clone(&self.rules) as Arc<dyn Authorizer>, &self.tasks);
        TunnelNode::start(NodeConfig { identity }, Arc::new(dialer), &self.tasks).unwrap()
    }

    async fn serve(self, socket: WebSocket, identity: Identity) {
        let (near, far) = link::pair();
        let (sink, stream) = socket.split();
        let incoming = stream.filter_map(|message| future::ready(message.ok().and_then(frame_of)));
        let outgoing = sink.with(|frame| future::ready(Ok::<_, axum::Error>(message_of(frame))));
        let authorizer = Arc::clone(&self.rules) as Arc<dyn Authorizer>;
        // Both to their end: what a node said last must still be heard.
        tokio::join!(link::pump(near, incoming, outgoing), self.hub.serve(far, identity, authorizer));
    }
}

async fn agent_socket(
    State(server): State<Server>,
    Path(id): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let agent: AgentId = id.parse().unwrap();
    upgrade
        .protocols([SUBPROTOCOL])
        .on_upgrade(move |socket| server.serve(socket, Identity::Agent(agent)))
        .into_response()
}

async fn client_socket(State(server): State<Server>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .protocols([SUBPROTOCOL])
        .on_upgrade(move |socket| server.serve(socket, Identity::Client))
        .into_response()
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

/// Echoes on the SSH port, refuses the others.
pub(crate) fn serve_echo(node: &TunnelNode, tasks: &Tasks) {
    let (node, spawner) = (node.clone(), tasks.clone());
    tasks.spawn("echo", async move {
        while let Some(Incoming { port, stream, .. }) = node.accept().await {
            if port == PORT_SSH {
                spawner.spawn("echo stream", echo(stream));
            } else {
                stream.refuse();
            }
        }
    });
}

async fn echo(stream: TunnelStream) -> std::io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    tokio::io::copy(&mut reader, &mut writer).await?;
    writer.shutdown().await
}

/// Sends a message through an echoing stream and checks what comes back.
pub(crate) async fn check_echo(stream: &mut TunnelStream, message: &[u8]) {
    stream.write_all(message).await.unwrap();
    let mut answer = vec![0; message.len()];
    within(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, message);
}

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing may take this long")
}

/// A TCP proxy whose connections can be cut and whose target can be changed.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    generation: watch::Sender<Option<SocketAddr>>,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr, tasks: &Tasks) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (generation, seen) = watch::channel(Some(target));
        let spawner = tasks.clone();
        tasks.spawn("proxy", async move {
            while let Ok((near, _)) = listener.accept().await {
                spawner.spawn("proxied", forward(near, seen.clone()));
            }
        });
        Proxy { address, generation }
    }

    /// Cuts every connection; with a target, later ones go there, without one they are cut too.
    pub(crate) fn cut(&self, target: Option<SocketAddr>) {
        self.generation.send_replace(target);
    }
}

async fn forward(mut near: TcpStream, mut generation: watch::Receiver<Option<SocketAddr>>) {
    let Some(target) = *generation.borrow_and_update() else { return };
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = generation.changed() => {}
    }
}
