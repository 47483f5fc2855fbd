//! Agents on one server, and those who reach them through another.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{
    Message,
    client::IntoClientRequest,
    http::{HeaderMap, HeaderValue},
};
use url::Url;
use uuid::Uuid;
use warren_db::{Tx, query};
use warren_rt::{Secret, Tasks};
use warren_server::ServerConfig;
use warren_testkit::{Balancer, Proxy, Target};
use warren_tunnel::{Identity, NodeConfig, PORT_SSH, PeerConnection, TunnelNode, TunnelStream, link};
use warren_vocab::{AgentId, ReplicaId};

use super::{
    DEADLINE, REPLICAS,
    line::{Line, Mode},
    n_healthy,
};
use crate::{
    access::objects::{Home, add_agent},
    chats::organization,
    support::{PASSWORD, TestServer},
};

const AGENT_PATH: &str = "/api/v2/workspaceagents/me/tunnel";
const USER_PATH: &str = "/api/v2/tunnel";
const BYTES: usize = 200_000;

/// An agent without its program: its tunnel, whose streams repeat what they hear.
struct Agent {
    id: AgentId,
    token: String,
    tasks: Tasks,
}

impl Agent {
    /// Writes down the workspace of the first user that it belongs to.
    async fn of(server: &TestServer) -> Self {
        let token = Uuid::new_v4();
        let (status, me) = server.get("/api/v2/users/me").await;
        assert_eq!(status, StatusCode::OK, "{me}");
        let uuid = |value: &serde_json::Value| value.as_str().unwrap().parse().unwrap();
        let home = Home {
            user: uuid(&me["id"]),
            organization: uuid(&organization(server).await),
            model: Uuid::nil(),
        };
        let write = async |tx: &Tx| add_agent(tx, home, token).await;
        let id = server.server.database().write(write).await.unwrap();
        Self { id: id.parse().unwrap(), token: token.to_string(), tasks: Tasks::new() }
    }

    /// Connects to whatever is at an address.
    async fn connect(&self, address: impl ToString) -> TunnelNode {
        let node = node(&address.to_string(), Identity::Agent(self.id), AGENT_PATH, &self.token, &self.tasks);
        let (accepting, streams) = (node.clone(), self.tasks.clone());
        self.tasks.spawn("echo", async move {
            while let Some(incoming) = accepting.accept().await {
                streams.spawn("echo stream", async move {
                    let (mut reading, mut writing) = tokio::io::split(incoming.stream);
                    tokio::io::copy(&mut reading, &mut writing).await.map(drop)
                });
            }
        });
        let linked = tokio::time::timeout(DEADLINE, node.linked()).await;
        assert!(linked.is_ok(), "the agent connects");
        node
    }
}

fn node(address: &str, identity: Identity, path: &str, token: &str, tasks: &Tasks) -> TunnelNode {
    let name = "Coder-Session-Token".parse().unwrap();
    let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(token).unwrap())]);
    let dialer = link::websocket(format!("ws://{address}{path}"), headers, tasks);
    TunnelNode::start(NodeConfig { identity }, Arc::new(dialer), tasks).unwrap()
}

/// A program of a user. It ends when it is dropped.
struct Client {
    node: TunnelNode,
    _tasks: Tasks,
}

impl Client {
    fn new(address: impl ToString, token: &str) -> Self {
        let tasks = Tasks::new();
        Self { node: node(&address.to_string(), Identity::Client, USER_PATH, token, &tasks), _tasks: tasks }
    }

    async fn reach(&self, agent: &Agent) -> (PeerConnection, TunnelStream) {
        let connection = self.node.connect(agent.id, DEADLINE).await.unwrap();
        let stream = connection.open_stream(PORT_SSH).await.unwrap();
        (connection, stream)
    }

    async fn refusal(&self, agent: &Agent, patience: Duration) -> String {
        let Err(error) = self.node.connect(agent.id, patience).await else { panic!("it is let through") };
        error.to_string()
    }
}

/// Sends something that takes several datagrams, and waits until it comes back.
async fn repeats(stream: &mut TunnelStream, seed: u8) {
    let sent: Vec<u8> = (0..BYTES).map(|n| seed.wrapping_add((n % 251) as u8)).collect();
    let mut came = vec![0; sent.len()];
    let both = async {
        let (mut reading, mut writing) = tokio::io::split(stream);
        tokio::try_join!(writing.write_all(&sent), reading.read_exact(&mut came)).map(drop)
    };
    tokio::time::timeout(DEADLINE, both).await.expect("the stream goes on").unwrap();
    assert!(came == sent, "what comes back is not what was sent");
}

async fn two() -> Option<(TestServer, TestServer)> {
    let first = TestServer::with_owner().await;
    let second = first.replica().await?;
    Some((first, second))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_reached_through_any_server() {
    let Some((first, second)) = two().await else { return };
    let agent = Agent::of(&first).await;
    agent.connect(first.server.address()).await;
    for server in [&second, &first] {
        let client = Client::new(server.server.address(), &first.token);
        let (_connection, mut stream) = client.reach(&agent).await;
        repeats(&mut stream, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_of_a_server_reaches_agents_of_another() {
    let Some((first, second)) = two().await else { return };
    let agent = Agent::of(&first).await;
    agent.connect(first.server.address()).await;
    let path =
        format!("/api/v2/workspaceagents/{}/pty?reconnect={}&width=80&height=24", agent.id, Uuid::new_v4());
    let mut request = format!("ws://{}{path}", second.server.address()).into_client_request().unwrap();
    request.headers_mut().insert("Coder-Session-Token", first.token.parse().unwrap());
    let (mut terminal, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let typed = json!({ "data": "hello there" }).to_string();
    terminal.send(Message::Binary(typed.into_bytes().into())).await.unwrap();
    let mut shown = String::new();
    let showing = async {
        while !shown.contains("hello there") {
            let message = terminal.next().await.expect("the terminal goes on").unwrap();
            shown.push_str(&String::from_utf8_lossy(&message.into_data()));
        }
    };
    assert!(tokio::time::timeout(DEADLINE, showing).await.is_ok(), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_reach_an_agent_through_another_server_either() {
    let Some((first, second)) = two().await else { return };
    let agent = Agent::of(&first).await;
    agent.connect(first.server.address()).await;
    let bob = json!({ "email": "bob@example.com", "username": "bob", "password": PASSWORD,
        "organization_ids": [organization(&first).await] });
    let (status, body) = first.post("/api/v2/users", bob).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let login = json!({ "email": "bob@example.com", "password": PASSWORD });
    let (_, session) = first.post("/api/v2/users/login", login).await;
    let client = Client::new(second.server.address(), session["session_token"].as_str().unwrap());
    let refusal = client.refusal(&agent, DEADLINE).await;
    assert!(refusal.contains("there is no such workspace agent, or you may not see it"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_when_the_agent_or_its_user_moves_to_another_server() {
    let Some((first, second)) = two().await else { return };
    let agent = Agent::of(&first).await;
    let (agents, users) = (Balancer::start().await.unwrap(), Balancer::start().await.unwrap());
    let [one, two] = [first.server.address(), second.server.address()];
    for balancer in [&agents, &users] {
        balancer.prefer(two);
        balancer.prefer(one);
    }
    agent.connect(agents.address()).await;
    let client = Client::new(users.address(), &first.token);
    let (_connection, mut stream) = client.reach(&agent).await;
    repeats(&mut stream, 0).await;
    for (round, (moving, from, to)) in
        [(&users, one, two), (&agents, one, two), (&users, two, one), (&agents, two, one)]
            .into_iter()
            .enumerate()
    {
        moving.prefer(to);
        moving.cut(from);
        repeats(&mut stream, round as u8).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_when_servers_stop() {
    let Some((first, second)) = two().await else { return };
    let third = first.replica().await.unwrap();
    let agent = Agent::of(&first).await;
    let (agents, users) = (Balancer::start().await.unwrap(), Balancer::start().await.unwrap());
    for server in [&third, &first, &second] {
        agents.prefer(server.server.address());
    }
    for server in [&second, &third, &first] {
        users.prefer(server.server.address());
    }
    // The agent is on the second server, the user on the first one.
    agent.connect(agents.address()).await;
    let client = Client::new(users.address(), &first.token);
    let (_connection, mut stream) = client.reach(&agent).await;
    repeats(&mut stream, 0).await;
    let _second = second.stopped().await;
    repeats(&mut stream, 1).await;
    // Both are on the first server now.
    let _first = first.stopped().await;
    repeats(&mut stream, 2).await;
    drop(third);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_wrongly_about_an_agent_is_put_right() {
    let Some((first, second)) = two().await else { return };
    let agent = Agent::of(&first).await;
    agent.connect(first.server.address()).await;
    let client = Client::new(second.server.address(), &first.token);
    let (connection, mut stream) = client.reach(&agent).await;
    // No hint tells of this.
    let lose = async |tx: &Tx| {
        let link = query::agent_links::find(tx, &[agent.id]).await?.remove(0);
        let replica = ReplicaId::from_uuid(link.replica_id.unwrap());
        query::agent_links::release(tx, replica, &[(agent.id, link.epoch)]).await
    };
    first.server.database().write(lose).await.unwrap();
    repeats(&mut stream, 1).await;
    drop((connection, client));
    let late = Client::new(second.server.address(), &first.token);
    let (_connection, mut stream) = late.reach(&agent).await;
    repeats(&mut stream, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_found_without_any_hint() {
    let first = TestServer::with_owner().await;
    if first.server.database().is_exclusive() {
        return;
    }
    let database = Proxy::start_marking(b"LISTEN ").await.unwrap();
    let deaf = first.replica_with(|config| lead_through(config, &database)).await.unwrap();
    let agent = Agent::of(&first).await;
    let client = Client::new(deaf.server.address(), &first.token);
    client.refusal(&agent, Duration::from_secs(1)).await;
    let listening = database.marked();
    assert!(!listening.is_empty());
    assert!(listening.into_iter().all(|connection| database.hold(connection)));
    agent.connect(first.server.address()).await;
    let (_connection, mut stream) = client.reach(&agent).await;
    repeats(&mut stream, 1).await;
}

/// Puts a proxy between a server and its database.
fn lead_through(config: &mut ServerConfig, proxy: &Proxy) {
    let mut url: Url = config.database.postgres_url.expose().parse().unwrap();
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let port = url.port().unwrap_or(5432);
    proxy.lead_to(match query.get("host") {
        Some(directory) => Target::Unix(format!("{directory}/.s.PGSQL.{port}").into()),
        None => {
            let host = url.host_str().unwrap().replace("localhost", "127.0.0.1");
            Target::Tcp(format!("{host}:{port}").parse().unwrap())
        }
    });
    url.set_query(Some("sslmode=disable"));
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address().port())).unwrap();
    config.database.postgres_url = Secret::new(url.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_learns_that_the_servers_do_not_reach_each_other() {
    let lines = [Line::new().await, Line::new().await];
    lines.iter().for_each(|line| line.set(Mode::Closed));
    let first = TestServer::owned(|config| config.http.relay_address = Some(lines[0].url())).await;
    lines[0].aim(first.server.address());
    let reached = lines[1].url();
    let second = first.replica_with(|config| config.http.relay_address = Some(reached)).await;
    let Some(second) = second else { return };
    lines[1].aim(second.server.address());
    let agent = Agent::of(&first).await;
    agent.connect(first.server.address()).await;
    let client = Client::new(second.server.address(), &first.token);
    let refusal = client.refusal(&agent, Duration::from_secs(10)).await;
    assert!(refusal.contains("to which this one has no connection"), "{refusal}");
    // The wait itself goes on.
    lines.iter().for_each(|line| line.set(Mode::Open));
    let (_connection, mut stream) = client.reach(&agent).await;
    repeats(&mut stream, 1).await;
    second.until(REPLICAS, |body| n_healthy(body) == 2).await;
}
