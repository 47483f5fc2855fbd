//! The services through a real tunnel: two nodes and a hub in this process.

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpListener;
use tokio::process::Command;
use warren_tunnel::{AllowedPorts, Authorizer, PeerConnection, RelayHub, Verdict};
use warren_vocab::AgentId;

use super::*;
use crate::testing::workplace;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_openssh_client_works_through_the_tunnel() {
    let tunnel = Tunnel::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let peer = tunnel.peer.clone();
    tunnel.tasks.spawn("test proxy", async move {
        let (mut socket, _) = listener.accept().await?;
        let mut stream = peer.open_stream(PORT_SSH_STANDARD).await?;
        copy_bidirectional(&mut socket, &mut stream).await.map(drop)
    });
    let mut command = Command::new("ssh");
    command.args(["-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    command.args(["-o", "LogLevel=ERROR", "-p", &port, "ada@127.0.0.1", "echo through; exit 5"]);
    command.kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("ends in time").unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert_eq!(output.stdout, b"through\n");
}

#[tokio::test]
async fn the_http_api_answers_on_its_port() {
    let tunnel = Tunnel::new().await;
    let mut stream = tunnel.peer.open_stream(PORT_API).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("answers in time").unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("warren agent\n"), "{text}");
}

#[tokio::test]
async fn other_ports_reach_programs_of_the_workspace_and_reserved_ones_do_not() {
    let tunnel = Tunnel::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tunnel.tasks.spawn("test program", async move {
        let (mut socket, _) = listener.accept().await?;
        socket.write_all(b"program\n").await
    });
    let read = async |port: u16| {
        let mut stream = tunnel.peer.open_stream(port).await.unwrap();
        let mut text = String::new();
        let reading = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text));
        reading.await.expect("ends in time").map(|_| text)
    };
    assert_eq!(read(port).await.unwrap(), "program\n");
    assert!(read(3).await.is_err(), "port 3 is reserved");
}

struct Tunnel {
    _dir: tempfile::TempDir,
    tasks: Tasks,
    peer: PeerConnection,
}

struct Everything;

#[async_trait]
impl Authorizer for Everything {
    async fn authorize(&self, _agent: AgentId) -> Verdict {
        Ok(AllowedPorts::Any)
    }
}

impl Tunnel {
    async fn new() -> Tunnel {
        let dir = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let hub = RelayHub::start(&tasks);
        let workplace = Arc::new(workplace(dir.path()));
        let id = workplace.manifest().agent_id;
        join(Arc::new(hub.dialer(Identity::Agent(id), Arc::new(Everything), &tasks)), &workplace, &tasks)
            .unwrap();
        let dialer = hub.dialer(Identity::Server, Arc::new(Everything), &tasks);
        let node =
            TunnelNode::start(NodeConfig { identity: Identity::Server }, Arc::new(dialer), &tasks).unwrap();
        let peer = node.connect(id, PATIENCE).await.unwrap();
        Tunnel { _dir: dir, tasks, peer }
    }
}
