use futures::StreamExt;
use warren_agent::{HttpServer, Workplace};
use warren_rt::Tasks;
use warren_wire::agent_http::{FileEdit, FileEdits};

use super::*;

#[tokio::test]
async fn a_process_is_started_once_followed_and_asked_for_its_output() {
    let fixture = Fixture::new();
    let start = StartProcess {
        command: "echo a; echo b".into(),
        id: Some("call 1".into()),
        ..StartProcess::default()
    };
    assert!(fixture.client.start_process(&start).await.unwrap().started);
    assert!(!fixture.client.start_process(&start).await.unwrap().started);
    let records: Vec<_> = fixture.client.follow_process("call 1", 0).await.unwrap().collect().await;
    let mut text = String::new();
    for record in &records[..records.len() - 1] {
        let StreamRecord::Output { text: part, .. } = record.as_ref().unwrap() else { panic!("{record:?}") };
        text.push_str(part);
    }
    assert_eq!(text, "a\nb\n");
    assert!(matches!(records.last(), Some(Ok(StreamRecord::Exit { exit_code: 0 }))), "{records:?}");
    let wait = Duration::from_secs(20);
    let output = fixture.client.process_output("call 1", wait).await.unwrap();
    assert_eq!((output.output.as_str(), output.exit_code), ("a\nb\n", Some(0)));
}

#[tokio::test]
async fn files_are_written_edited_and_read() {
    let fixture = Fixture::new();
    let path = fixture.dir.path().join("a b&c.txt").to_str().unwrap().to_owned();
    fixture.client.write_file(&path, "k", "one\ntwo\n".into()).await.unwrap();
    let edit = FileEdit { search: "two".into(), replace: "2".into(), replace_all: false };
    let edits = EditFiles {
        files: vec![FileEdits { path: path.clone(), edits: vec![edit] }],
        ..EditFiles::default()
    };
    assert_eq!(fixture.client.edit_files(&edits).await.unwrap().files[0].replacements, 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n2\n");
    let lines =
        fixture.client.read_file_lines(&ReadFileLines { path, offset: Some(2), limit: None }).await.unwrap();
    assert_eq!(lines.content, "2\t2");
    let listing = fixture.client.list_directory(fixture.dir.path().to_str().unwrap()).await.unwrap();
    assert_eq!(listing.contents[0].name, "a b&c.txt");
}

#[tokio::test]
async fn the_agents_words_come_through() {
    let fixture = Fixture::new();
    let error = fixture.client.list_directory("/no/such").await.unwrap_err();
    assert_eq!(error.to_string(), "/no/such does not exist");
    let error = fixture.client.signal_process("none", ProcessSignal::Kill).await.unwrap_err();
    assert!(matches!(error, AgentClientError::Refused { status: StatusCode::NOT_FOUND, .. }), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_taken_for_an_answer() {
    let client = client(|| {
        let (near, _far_is_dropped) = tokio::io::duplex(1024);
        near
    });
    let error = client.list_directory("/").await.unwrap_err();
    assert!(matches!(error, AgentClientError::Interrupted), "{error}");
}

pub(crate) struct Fixture {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) client: AgentClient,
    server: HttpServer,
    tasks: Tasks,
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let manifest = serde_json::from_value(serde_json::json!({
            "agent_id": uuid::Uuid::nil(), "agent_name": "main", "owner_username": "ada", "workspace_name": "lab",
            "workspace_id": uuid::Uuid::nil(), "directory": dir.path(),
        }));
        let data_dir = dir.path().join("data");
        let workplace = Workplace::of_process(manifest.unwrap(), "token", "http://127.0.0.1:1/", data_dir);
        let tasks = Tasks::new();
        let server = HttpServer::new(Arc::new(workplace), tasks.clone());
        let (agent, life) = (server.clone(), tasks.clone());
        let client = client(move || {
            let (near, far) = tokio::io::duplex(64 << 10);
            let agent = agent.clone();
            life.spawn("agent", async move { agent.serve(far).await });
            near
        });
        Fixture { dir, client, server, tasks }
    }

    /// A client whose requests reach the agent and whose connection breaks when the answer comes.
    pub(crate) fn deaf(&self) -> AgentClient {
        let (server, tasks) = (self.server.clone(), self.tasks.clone());
        client(move || {
            let (near, mut middle) = tokio::io::duplex(64 << 10);
            let (mut behind, far) = tokio::io::duplex(64 << 10);
            let server = server.clone();
            tasks.spawn("agent", async move { server.serve(far).await });
            tasks.spawn("wire", async move {
                let (mut requests, _kept) = tokio::io::split(&mut middle);
                let (mut answers, mut agent) = tokio::io::split(&mut behind);
                tokio::select! {
                    _ = tokio::io::copy(&mut requests, &mut agent) => {}
                    _ = tokio::io::AsyncReadExt::read_u8(&mut answers) => {}
                }
            });
            near
        })
    }
}

fn client<S: Io + 'static>(connect: impl Fn() -> S + Send + Sync + 'static) -> AgentClient {
    let dial: Dial = Arc::new(move || {
        let stream = connect();
        Box::pin(async move { Ok(Box::new(stream) as Box<dyn Io>) })
    });
    AgentClient { dial, chat: "chat".into() }
}
