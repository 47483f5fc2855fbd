//! The agent's routes with the real agent at the other end.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};
use tokio_util::sync::CancellationToken;
use warren_agent::{AgentConfig, AgentError};
use warren_app::now;
use warren_db::query;
use warren_rt::Secret;

use super::{fixture::Fixture, *};

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_agent_connects_reports_and_leaves() {
    let fixture = Fixture::new().await;
    let cancel = CancellationToken::new();
    let agent = run_agent(&fixture, &fixture.token.to_string(), &cancel);
    let ready = fixture.until(|agent| agent["lifecycle_state"] == "ready").await;
    assert_eq!(ready["status"], "connected");
    assert_eq!(ready["health"]["healthy"], true, "{ready}");
    assert_eq!(ready["version"], "v9");
    assert_eq!(ready["api_version"], "2.10");
    assert_eq!(ready["environment_variables"]["FROM_TEMPLATE"], "yes");
    cancel.cancel();
    tokio::time::timeout(DEADLINE, agent).await.expect("stops in time").unwrap().unwrap();
    let gone = fixture.until(|agent| agent["status"] == "disconnected").await;
    assert_eq!(gone["lifecycle_state"], "off");
    fixture.tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn the_web_terminal_reaches_a_shell_and_finds_it_again() {
    let fixture = Fixture::new().await;
    let _agent = run_agent(&fixture, &fixture.token.to_string(), &CancellationToken::new());
    fixture.until(|agent| agent["lifecycle_state"] == "ready").await;
    let path = format!("/api/v2/workspaceagents/{}/pty", fixture.agent);
    let url = format!("{path}?reconnect={}&width=97&height=31&command=sh", uuid::Uuid::new_v4());
    let mut socket = fixture.socket(&url).await;
    type_in(&mut socket, r#"{"data":"stty size; KEPT=yes\r"}"#).await;
    read_until(&mut socket, "31 97").await;
    drop(socket);
    let mut socket = fixture.socket(&url).await;
    type_in(&mut socket, r#"{"data":"echo kept-$KEPT; exit\r"}"#).await;
    read_until(&mut socket, "kept-yes").await;
    let closed = read_until_close(&mut socket).await;
    assert_eq!(closed, "the terminal ended");
    assert_eq!(
        fixture.try_socket(&path, &fixture.session).await.map(drop).unwrap_err().to_string(),
        "HTTP error: 400 Bad Request"
    );
    fixture.tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn chats_reach_the_workspace_through_the_tunnel() {
    let fixture = Fixture::new().await;
    let _agent = run_agent(&fixture, &fixture.token.to_string(), &CancellationToken::new());
    fixture.until(|agent| agent["lifecycle_state"] == "ready").await;
    let id = AgentId::from_uuid(fixture.agent);
    let client = crate::agent_client::AgentClient::new(fixture.node.clone(), id, "chat");
    let start = warren_wire::agent_http::StartProcess {
        command: "echo $CODER_WORKSPACE_NAME $CODER_CHAT_ID".into(),
        ..Default::default()
    };
    let process = client.start_process(&start).await.unwrap();
    let output = client.process_output(&process.id, std::time::Duration::from_secs(60)).await.unwrap();
    assert_eq!((output.output.as_str(), output.exit_code), ("lab chat\n", Some(0)));
    fixture.tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn a_helper_of_the_agent_does_not_count_as_its_presence() {
    let fixture = Fixture::new().await;
    let path = "/api/v2/workspaceagents/me/rpc?version=2.10&role=logs";
    let mut socket = fixture.try_socket(path, &fixture.token.to_string()).await.unwrap();
    let hello = serde_json::json!({"type": "hello", "boot_id": uuid::Uuid::new_v4(), "version": "v1"});
    socket.send(tungstenite::Message::text(hello.to_string())).await.unwrap();
    let welcome = next(&mut socket).await;
    assert_eq!(welcome["manifest"]["workspace_name"], "lab", "{welcome}");
    let (_, agent) = fixture.get(&format!("/api/v2/workspaceagents/{}", fixture.agent)).await;
    assert_eq!(agent["status"], "connecting");
}

#[tokio::test]
async fn a_forged_token_ends_the_agent_with_a_sentence() {
    let fixture = Fixture::new().await;
    for token in [uuid::Uuid::new_v4().to_string(), "nonsense".to_owned()] {
        let running = run_agent(&fixture, &token, &CancellationToken::new());
        let error =
            tokio::time::timeout(DEADLINE, running).await.expect("ends in time").unwrap().unwrap_err();
        assert!(matches!(error, AgentError::Refused { .. }), "{error}");
        assert!(
            error.to_string().contains("refuses this agent's token: The agent token is not valid"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_agent_that_is_quicker_than_the_end_of_its_build_is_asked_to_come_again() {
    let fixture = Fixture::new().await;
    let path = "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent";
    let unknown = uuid::Uuid::new_v4().to_string();
    let refusal = async || fixture.try_socket(path, &unknown).await.map(drop).unwrap_err().to_string();
    fixture.add_begun_job(true).await;
    assert_eq!(refusal().await, "HTTP error: 401 Unauthorized");
    fixture.add_begun_job(false).await;
    assert_eq!(refusal().await, "HTTP error: 503 Service Unavailable");
}

#[tokio::test]
async fn a_rebuilt_workspace_refuses_its_old_agent() {
    let fixture = Fixture::new().await;
    fixture.add_build(2).await;
    let running = run_agent(&fixture, &fixture.token.to_string(), &CancellationToken::new());
    let error = tokio::time::timeout(DEADLINE, running).await.expect("ends in time").unwrap().unwrap_err();
    assert!(matches!(error, AgentError::Refused { .. }), "{error}");
    assert_eq!(fixture.get(&format!("/api/v2/workspaceagents/{}", fixture.agent)).await.0, 404);
}

#[tokio::test]
async fn logs_are_followed_as_arrays_without_gaps_or_repeats() {
    let fixture = Fixture::new().await;
    let id = AgentId::from_uuid(fixture.agent);
    let append = async |text: &str, length| {
        let line = query::agents::NewLog {
            source_id: warren_vocab::LogSourceId::new(),
            created_at: now(),
            level: warren_vocab::LogLevel::Info,
            output: text.to_owned(),
        };
        let write =
            async |tx: &warren_db::Tx| query::agents::append_logs(tx, id, &[line], length, false).await;
        fixture.app.db().write(write).await.unwrap();
    };
    append("one", 3).await;
    let path = format!("/api/v2/workspaceagents/{}/logs", fixture.agent);
    let (status, lines) = fixture.get(&path).await;
    assert_eq!((status, lines[0]["output"].as_str()), (200, Some("one")));
    let mut socket = fixture.socket(&format!("{path}?follow&after=0")).await;
    assert_eq!(next(&mut socket).await[0]["output"], "one");
    append("two", 6).await;
    let two = next(&mut socket).await;
    assert_eq!((two.as_array().map(Vec::len), two[0]["output"].as_str()), (Some(1), Some("two")));
    let mut late = fixture.socket(&format!("{path}?follow=false&after={}", two[0]["id"])).await;
    assert_eq!(next(&mut late).await, serde_json::json!([]), "the first array may be empty");
    let (_, text) = fixture.get(&format!("{path}?format=text")).await;
    assert!(text.as_str().is_some_and(|text| text.ends_with("two\n")), "{text}");
    assert_eq!(fixture.get(&format!("{path}?follow")).await.0, 400, "following needs an upgrade");
}

#[tokio::test]
async fn wrong_versions_and_unknown_agents_are_refused() {
    let fixture = Fixture::new().await;
    for version in ["3.0", "2.11", "x"] {
        let url = format!("/api/v2/workspaceagents/me/rpc?version={version}");
        let error = fixture.try_socket(&url, &fixture.token.to_string()).await.unwrap_err();
        let tungstenite::Error::Http(response) = error else { panic!("{error}") };
        assert_eq!(response.status(), 400);
        let body: Value = serde_json::from_slice(response.body().as_ref().unwrap()).unwrap();
        assert_eq!(body["validations"][0]["field"], "version", "{body}");
    }
    let nobody = uuid::Uuid::new_v4();
    assert_eq!(fixture.get(&format!("/api/v2/workspaceagents/{nobody}")).await.0, 404);
    assert_eq!(fixture.get(&format!("/api/v2/workspaceagents/{nobody}/logs")).await.0, 404);
    assert_eq!(fixture.get("/api/v2/workspaceagents/nonsense").await.0, 400);
}

#[tokio::test]
async fn the_server_hands_out_its_own_executable() {
    let fixture = Fixture::new().await;
    let url = |name: &str| fixture.url.join(&format!("bin/{name}")).unwrap();
    let name = format!("coder-linux-{}", if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" });
    let client = reqwest::Client::new();
    let response = client.get(url(&name.replace('-', "_"))).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let own = std::fs::read(super::fixture::PROGRAM).unwrap();
    assert!(response.bytes().await.unwrap() == own);
    let head = client.head(url(&name)).send().await.unwrap();
    assert_eq!(head.headers()["content-length"].to_str().unwrap(), own.len().to_string());
    let etag = head.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(etag.len(), 42, "SHA-1 in quotes: {etag}");
    let again = client.get(url(&name)).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    let (status, body) = fixture.get("/bin/coder-plan9-mips").await;
    assert_eq!(status, 404);
    assert!(body["message"].as_str().unwrap().contains("has no coder-plan9-mips"), "{body}");
    let (status, script) = fixture.get("/api/v2/init-script/linux/amd64").await;
    assert_eq!(status, 200);
    assert!(script.as_str().unwrap().contains(&format!("{}bin/coder-linux-amd64", fixture.url)), "{script}");
}

fn run_agent(
    fixture: &Fixture,
    token: &str,
    cancel: &CancellationToken,
) -> tokio::sync::oneshot::Receiver<Result<(), AgentError>> {
    let config = AgentConfig {
        url: fixture.url.clone(),
        token: Secret::new(token.to_owned()),
        data_dir: fixture.database.directory().join("agent"),
        version: "v9".into(),
    };
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let cancel = cancel.clone();
    fixture.tasks.spawn("agent", async move {
        let _ = sender.send(warren_agent::run(config, cancel).await);
    });
    receiver
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn next(socket: &mut Socket) -> Value {
    loop {
        let message = tokio::time::timeout(DEADLINE, socket.next()).await.expect("a message in time");
        if let tungstenite::Message::Text(text) = message.expect("not closed").unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

async fn type_in(socket: &mut Socket, json: &str) {
    socket.send(tungstenite::Message::binary(json.as_bytes().to_vec())).await.unwrap();
}

async fn read_until(socket: &mut Socket, wanted: &str) {
    let mut text = String::new();
    while !text.contains(wanted) {
        let message = tokio::time::timeout(DEADLINE, socket.next()).await;
        let message = message.unwrap_or_else(|_| panic!("no {wanted:?} in {text:?}"));
        if let tungstenite::Message::Binary(bytes) = message.expect("not closed").unwrap() {
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

async fn read_until_close(socket: &mut Socket) -> String {
    loop {
        let message = tokio::time::timeout(DEADLINE, socket.next()).await.expect("closes in time");
        if let tungstenite::Message::Close(frame) = message.expect("a close frame").unwrap() {
            return frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
        }
    }
}

impl Fixture {
    /// The agent as the API shows it, once it is as wanted.
    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let channel = channels::workspace(self.workspace());
        let waiting = async {
            let mut hints = self.app.db().subscribe(&channel);
            loop {
                let (_, agent) = self.get(&format!("/api/v2/workspaceagents/{}", self.agent)).await;
                if wanted(&agent) {
                    return agent;
                }
                hints.next().await.unwrap();
            }
        };
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(agent) => agent,
            Err(_) => {
                panic!("never: {:?}", self.get(&format!("/api/v2/workspaceagents/{}", self.agent)).await)
            }
        }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let url = self.url.join(path).unwrap();
        let request = reqwest::Client::new().get(url).header("coder-session-token", &self.session);
        let response = request.timeout(DEADLINE).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn socket(&self, path: &str) -> Socket {
        self.try_socket(path, &self.session).await.unwrap()
    }

    async fn try_socket(&self, path: &str, token: &str) -> Result<Socket, tungstenite::Error> {
        let url = self.url.join(path).unwrap().to_string().replacen("http", "ws", 1);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("coder-session-token", token.parse().unwrap());
        tokio_tungstenite::connect_async(request).await.map(|(socket, _)| socket)
    }
}
