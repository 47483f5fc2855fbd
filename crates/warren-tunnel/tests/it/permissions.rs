//! Who reaches what, and what those hear who do not.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use warren_tunnel::{ConnectError, Identity, NodeConfig, PORT_API, PORT_PTY, TunnelNode};
use warren_vocab::AgentId;

use crate::harness::{PATIENCE, Server, serve_echo, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_tunnel_says_why() {
    let server = Server::start().await;
    let agent = AgentId::new();
    server.rules.forbidden.lock().unwrap().insert(agent);
    let _agent = server.agent(agent);
    let error = server.client().connect(agent, PATIENCE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server refused a tunnel to the workspace: this workspace belongs to somebody else"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_an_absent_agent_ends_with_what_it_waited_for() {
    let server = Server::start().await;
    let client = server.client();
    client.linked().await;
    let error = client.connect(AgentId::new(), Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, ConnectError::AgentAbsent { .. }), "{error:?}");
    assert!(
        error.to_string().starts_with("the workspace agent was not connected to the server within 1 s"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_agent_identity_is_never_reached() {
    let server = Server::start().await;
    let (victim, thief) = (AgentId::new(), AgentId::new());
    // Authenticated as one agent, the node claims to be another.
    let dialer = server.dial(server.address, &format!("/agent/{thief}"));
    let forged =
        TunnelNode::start(NodeConfig { identity: Identity::Agent(victim) }, dialer, &server.tasks).unwrap();
    serve_echo(&forged, &server.tasks);
    within(forged.linked()).await;
    let client = server.client();
    let error = client.connect(victim, Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error, ConnectError::AgentAbsent { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_outside_the_grant_is_refused_by_the_agent() {
    let server = Server::start().await;
    let agent = AgentId::new();
    let _agent = server.agent(agent);
    let connection = server.client().connect(agent, PATIENCE).await.unwrap();
    let mut stream = connection.open_stream(PORT_PTY).await.unwrap();
    let error = within(stream.read(&mut [0; 1])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.to_string(), "this tunnel may not open port 2 of the agent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_nothing_serves_is_named() {
    let server = Server::start().await;
    let agent = AgentId::new();
    let _agent = server.agent(agent);
    let connection = server.client().connect(agent, PATIENCE).await.unwrap();
    let mut stream = connection.open_stream(PORT_API).await.unwrap();
    let error = within(stream.read(&mut [0; 1])).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing listens on port 4 of the agent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_session_fails_at_once_with_the_servers_message() {
    let server = Server::start().await;
    let dialer = server.dial(server.address, "/closed");
    let client = TunnelNode::start(NodeConfig { identity: Identity::Client }, dialer, &server.tasks).unwrap();
    let error = client.connect(AgentId::new(), PATIENCE).await.unwrap_err();
    assert_eq!(error.to_string(), "the server refused the tunnel with status 401: sign in again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_is_named_after_the_wait() {
    let server = Server::start().await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let dialer = server.dial(closed, "/client");
    let client = TunnelNode::start(NodeConfig { identity: Identity::Client }, dialer, &server.tasks).unwrap();
    let error = client.connect(AgentId::new(), Duration::from_millis(300)).await.unwrap_err();
    assert!(error.to_string().contains("the server cannot be reached: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_agents_accept_streams() {
    let server = Server::start().await;
    let agent = AgentId::new();
    let (_agent_node, tasks) = server.agent(agent);
    let client = server.client();
    let connection = client.connect(agent, PATIENCE).await.unwrap();
    drop(tasks.stop(Duration::from_secs(5)).await);
    within(connection.closed()).await;
    assert!(connection.is_closed());
    let accepts = tokio::time::timeout(Duration::from_millis(50), client.accept()).await;
    assert!(matches!(accepts, Ok(None)), "a client's accept must end at once");
    drop(Arc::new(server));
}
