use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use warren_wire::agent::{AgentMessage, Report, Script, ServerMessage, Welcome};

use super::*;
use crate::testing::manifest;

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn states_scripts_and_logs_arrive_in_order_and_the_agent_shuts_down_cleanly() {
    let mut fixture = Fixture::new("echo hello", "echo stopping").await;
    let mut server = fixture.accept().await;
    server.welcome(&fixture, 0).await;
    let mut reports = server.reports_until(&[AgentLifecycle::Ready]).await;
    assert!(matches!(&reports[0].body, ReportBody::Startup(_)), "{reports:?}");
    assert!(matches!(&reports[1].body, ReportBody::Lifecycle(l) if l.state == AgentLifecycle::Starting));
    assert_eq!(log_lines(&reports), ["hello"]);
    fixture.cancel.cancel();
    reports.extend(server.reports_until(&[AgentLifecycle::Off]).await);
    assert_eq!(log_lines(&reports), ["hello", "stopping"]);
    let numbers: Vec<_> = reports.iter().map(|report| report.sequence).collect();
    assert_eq!(numbers, (1..=reports.len() as u64).collect::<Vec<_>>());
    fixture.ended().await.unwrap();
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_and_scripts_do_not_run_again() {
    let fixture = Fixture::new("echo once >> \"$HOME_DIR/runs\"; echo hello", "").await;
    let mut server = fixture.accept().await;
    server.acknowledges = false;
    server.welcome(&fixture, 0).await;
    let first = server.reports_until(&[AgentLifecycle::Ready]).await;
    drop(server);
    let mut server = fixture.accept().await;
    server.welcome(&fixture, 2).await;
    let second = server.reports_until(&[AgentLifecycle::Ready]).await;
    assert_eq!(second, first[2..]);
    let runs = std::fs::read_to_string(fixture.dir.path().join("runs")).unwrap();
    assert_eq!(runs, "once\n");
}

#[tokio::test]
async fn a_refused_token_ends_the_agent_with_one_sentence() {
    let mut fixture = Fixture::new("", "").await;
    let (mut stream, _) = fixture.listener.accept().await.unwrap();
    let mut request = [0; 4096];
    tokio::io::AsyncReadExt::read(&mut stream, &mut request).await.unwrap();
    let body = r#"{"message":"This agent token is not valid."}"#;
    let answer = format!("HTTP/1.1 401 Unauthorized\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await.unwrap();
    let error = fixture.ended().await.unwrap_err().to_string();
    assert!(error.contains("refuses this agent's token: This agent token is not valid;"), "{error}");
}

struct Fixture {
    dir: tempfile::TempDir,
    listener: TcpListener,
    cancel: CancellationToken,
    manifest: Manifest,
    running: tokio::task::JoinSet<Result<(), AgentError>>,
}

impl Fixture {
    async fn new(start: &str, stop: &str) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = AgentConfig {
            url: format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap(),
            token: Secret::new("token".to_owned()),
            data_dir: dir.path().join("data"),
            version: "v1".to_owned(),
        };
        let mut manifest = manifest(dir.path());
        manifest.environment_variables.insert("HOME_DIR".into(), dir.path().to_string_lossy().into_owned());
        manifest.scripts = vec![script(start, true), script(stop, false)];
        manifest.scripts.retain(|script| !script.script.is_empty());
        let cancel = CancellationToken::new();
        let mut running = tokio::task::JoinSet::new();
        running.spawn(run(config, cancel.clone()));
        Fixture { dir, listener, cancel, manifest, running }
    }

    /// The agent's next control connection; its attempts to join the tunnel are refused.
    async fn accept(&self) -> FakeServer {
        let accepting = async {
            loop {
                let (stream, _) = self.listener.accept().await.unwrap();
                if let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, upgrade).await {
                    return socket;
                }
            }
        };
        let socket = tokio::time::timeout(DEADLINE, accepting).await.expect("the agent connects");
        FakeServer { socket, acknowledges: true }
    }

    async fn ended(&mut self) -> Result<(), AgentError> {
        tokio::time::timeout(DEADLINE, self.running.join_next())
            .await
            .expect("the agent ends")
            .unwrap()
            .unwrap()
    }
}

struct FakeServer {
    socket: WebSocketStream<TcpStream>,
    acknowledges: bool,
}

impl FakeServer {
    async fn welcome(&mut self, fixture: &Fixture, acknowledged: u64) {
        assert!(matches!(self.next().await, AgentMessage::Hello(_)));
        let welcome = Welcome { acknowledged, manifest: fixture.manifest.clone() };
        self.send(&ServerMessage::Welcome(Box::new(welcome))).await;
    }

    /// Reads until the agent reports one of the states.
    async fn reports_until(&mut self, states: &[AgentLifecycle]) -> Vec<Report> {
        let mut reports = Vec::new();
        loop {
            let AgentMessage::Report(report) = self.next().await else { panic!("a second hello") };
            if self.acknowledges {
                self.send(&ServerMessage::Ack { sequence: report.sequence }).await;
            }
            let end = matches!(&report.body, ReportBody::Lifecycle(l) if states.contains(&l.state));
            reports.push(report);
            if end {
                return reports;
            }
        }
    }

    async fn next(&mut self) -> AgentMessage {
        loop {
            let message =
                tokio::time::timeout(DEADLINE, self.socket.next()).await.expect("a message in time");
            if let Message::Text(text) = message.expect("not closed").unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn send(&mut self, message: &ServerMessage) {
        self.socket.send(Message::text(serde_json::to_string(message).unwrap())).await.unwrap();
    }
}

#[expect(clippy::result_large_err, reason = "the type is given by the library")]
fn upgrade(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if !request.uri().path().ends_with("/me/rpc") {
        return Err(http::Response::builder().status(404).body(None).unwrap());
    }
    let protocol = http::HeaderValue::from_static(warren_wire::agent::SUBPROTOCOL);
    response.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    Ok(response)
}

fn script(text: &str, on_start: bool) -> Script {
    serde_json::from_value(serde_json::json!({
        "id": uuid::Uuid::new_v4(), "log_source_id": uuid::Uuid::new_v4(), "script": text,
        "run_on_start": on_start, "run_on_stop": !on_start,
    }))
    .unwrap()
}

fn log_lines(reports: &[Report]) -> Vec<String> {
    let mut lines = Vec::new();
    for report in reports {
        if let ReportBody::Logs(batch) = &report.body {
            lines.extend(batch.lines.iter().map(|line| line.output.clone()));
        }
    }
    lines
}
