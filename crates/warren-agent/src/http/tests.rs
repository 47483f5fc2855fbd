use std::path::Path;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Method;
use hyper::client::conn::http1::SendRequest;
use serde_json::{Value, json};

use super::*;
use crate::testing::workplace;

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_process_runs_and_its_output_and_exit_code_come_back() {
    let mut fixture = Fixture::new().await;
    let body = json!({"command": "echo out; echo err >&2; echo $FROM_TEMPLATE $ASKED; pwd; exit 4", "env": {"ASKED": "1"}});
    let id = fixture.start("chat", body).await;
    let (status, output) = fixture.get("chat", &format!("/api/v0/processes/{id}/output?wait=true")).await;
    assert_eq!(status, 200, "{output}");
    assert_eq!(output["exit_code"], 4);
    assert_eq!(output["running"], false);
    let text = output["output"].as_str().unwrap();
    let dir = fixture.dir.path().canonicalize().unwrap();
    for wanted in ["out\n", "err\n", "yes 1\n", dir.to_str().unwrap()] {
        assert!(text.contains(wanted), "{wanted:?} is not in {text:?}");
    }
}

#[tokio::test]
async fn a_repeated_start_of_one_id_runs_once() {
    let mut fixture = Fixture::new().await;
    let body = json!({"id": "call-1", "command": "echo x >> runs"});
    let (_, first) = fixture.post("chat", "/api/v0/processes/start", body.clone()).await;
    let (_, second) = fixture.post("chat", "/api/v0/processes/start", body).await;
    assert_eq!(first, json!({"id": "call-1", "started": true}));
    assert_eq!(second, json!({"id": "call-1", "started": false}));
    fixture.get("chat", "/api/v0/processes/call-1/output?wait=true").await;
    assert_eq!(std::fs::read_to_string(fixture.dir.path().join("runs")).unwrap(), "x\n");
}

#[tokio::test]
async fn another_chat_does_not_see_a_process() {
    let mut fixture = Fixture::new().await;
    let id = fixture.start("mine", json!({"command": "sleep 60"})).await;
    let (status, body) = fixture.get("other", &format!("/api/v0/processes/{id}/output")).await;
    assert_eq!((status, body["message"].is_string()), (404, true));
    let (_, list) = fixture.get("other", "/api/v0/processes/list").await;
    assert_eq!(list["processes"], json!([]));
    let (_, list) = fixture.get("mine", "/api/v0/processes/list").await;
    assert_eq!(list["processes"][0]["id"], json!(id));
}

#[tokio::test]
async fn output_streams_while_the_process_runs_and_a_signal_ends_its_children() {
    let mut fixture = Fixture::new().await;
    let id = fixture.start("chat", json!({"command": "echo one; sleep 300 & wait"})).await;
    let mut follower = Fixture::connect(&fixture.server).await;
    let request = request(Method::GET, "chat", &format!("/api/v0/processes/{id}/stream"), String::new());
    let mut response = follower.send_request(request).await.unwrap().into_body();
    let mut text = next_chunk(&mut response).await;
    assert_eq!(text, "{\"type\":\"output\",\"text\":\"one\\n\",\"position\":4}\n");
    let (status, _) =
        fixture.post("chat", &format!("/api/v0/processes/{id}/signal"), json!({"signal": "terminate"})).await;
    assert_eq!(status, 204);
    text = next_chunk(&mut response).await;
    assert_eq!(text, "{\"type\":\"exit\",\"exit_code\":-1}\n");
    fixture.until_nothing_is_left(&id).await;
}

#[tokio::test]
async fn what_a_command_leaves_in_the_background_can_be_ended_after_it() {
    let mut fixture = Fixture::new().await;
    let id = fixture.start("chat", json!({"command": "sleep 86000 >/dev/null 2>&1 & echo $!"})).await;
    let (_, output) = fixture.get("chat", &format!("/api/v0/processes/{id}/output?wait=true")).await;
    assert_eq!(output["exit_code"], 0, "{output}");
    let child = format!("/proc/{}/stat", output["output"].as_str().unwrap().trim());
    let lives = || std::fs::read_to_string(&child).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(lives());
    let url = format!("/api/v0/processes/{id}/signal");
    assert_eq!(fixture.post("chat", &url, json!({"signal": "kill"})).await.0, 204);
    fixture.until_nothing_is_left(&id).await;
    assert!(!lives());
}

#[tokio::test]
async fn a_chat_runs_only_so_many_processes_at_a_time() {
    let mut fixture = Fixture::new().await;
    let start = |n: usize| json!({ "id": format!("p{n}"), "command": "sleep 300" });
    for n in 0..64 {
        fixture.start("chat", start(n)).await;
    }
    let (status, body) = fixture.post("chat", "/api/v0/processes/start", start(64)).await;
    assert_eq!(status, 429, "{body}");
    let other = fixture.start("other", json!({ "command": "sleep 300" })).await;
    fixture.post("other", &format!("/api/v0/processes/{other}/signal"), json!({"signal": "kill"})).await;
    for n in 0..64 {
        let url = format!("/api/v0/processes/p{n}/signal");
        assert_eq!(fixture.post("chat", &url, json!({"signal": "kill"})).await.0, 204);
    }
    fixture.get("chat", "/api/v0/processes/p0/output?wait=true").await;
    fixture.start("chat", start(64)).await;
    fixture.post("chat", "/api/v0/processes/p64/signal", json!({"signal": "kill"})).await;
}

#[tokio::test]
async fn a_file_is_written_read_and_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let mut fixture = Fixture::new().await;
    let path = fixture.dir.path().join("new/dir/script.sh");
    let url = format!("/api/v0/write-file?path={}", path.display());
    let (status, written) = fixture.send(Method::POST, "", &url, "one\ntwo\n".into()).await;
    let written: Value = serde_json::from_str(&written).unwrap();
    assert_eq!((status, written), (200, json!({ "path": path, "bytes": 8 })));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(fixture.send(Method::POST, "", &url, "one\n2\n".into()).await.0, 200);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
    let (_, text) = fixture
        .send(Method::GET, "", &format!("/api/v0/read-file?path={}&offset=4", path.display()), String::new())
        .await;
    assert_eq!(text, "2\n");
    let (_, lines) = fixture.get("", &format!("/api/v0/read-file-lines?path={}", path.display())).await;
    assert_eq!(lines["content"], "1\tone\n2\t2");
    let (_, listing) =
        fixture.post("", "/api/v0/list-directory", json!({"path": fixture.dir.path().join("new")})).await;
    assert_eq!(listing["contents"][0]["name"], "dir");
    assert_eq!(listing["contents"][0]["is_dir"], true);
}

#[tokio::test]
async fn a_path_does_not_say_what_a_variable_holds() {
    let mut fixture = Fixture::new().await;
    let path = "$CODER_AGENT_TOKEN";
    let asked = [
        ("list-directory", json!({ "path": path })),
        ("search-files", json!({ "path": path, "content": "x" })),
        ("processes/start", json!({ "command": "true", "workdir": path })),
    ];
    for (route, body) in asked {
        let (_, answer) = fixture.post("", &format!("/api/v0/{route}"), body).await;
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("/$CODER_AGENT_TOKEN does not exist"), "{route}: {message}");
    }
    let (status, found) =
        fixture.post("", "/api/v0/resolve-paths", json!({ "paths": [path, "~", "/"] })).await;
    assert_eq!(status, 200, "{found}");
    let home = found["home"].as_str().unwrap();
    assert_eq!(found["paths"][0]["real"], format!("{home}/$CODER_AGENT_TOKEN"));
    assert_eq!((&found["paths"][1]["real"], &found["paths"][2]["real"]), (&found["home"], &json!("/")));
}

#[tokio::test]
async fn edits_of_several_files_are_made_together_or_not_at_all() {
    let mut fixture = Fixture::new().await;
    let (a, b) = (fixture.dir.path().join("a"), fixture.dir.path().join("b"));
    std::fs::write(&a, "alpha\n").unwrap();
    std::fs::write(&b, "beta\nbeta\n").unwrap();
    let edit =
        |path: &Path, search: &str| json!({"path": path, "edits": [{"search": search, "replace": "new"}]});
    let (status, body) =
        fixture.post("", "/api/v0/edit-files", json!({"files": [edit(&a, "alpha"), edit(&b, "beta")]})).await;
    assert_eq!(status, 400);
    assert!(body["message"].as_str().unwrap().contains("occurs 2 times"), "{body}");
    assert_eq!(std::fs::read_to_string(&a).unwrap(), "alpha\n");
    let request = json!({"files": [edit(&a, "alpha"), edit(&b, "beta\nbeta")], "include_diff": true});
    let (status, body) = fixture.post("", "/api/v0/edit-files", request).await;
    assert_eq!(status, 200, "{body}");
    assert!(body["files"][0]["diff"].as_str().unwrap().contains("-alpha\n+new\n"));
    assert_eq!(std::fs::read_to_string(&a).unwrap(), "new\n");
    assert_eq!(std::fs::read_to_string(&b).unwrap(), "new\n");
}

#[tokio::test]
async fn a_change_is_made_once_for_each_key() {
    let mut fixture = Fixture::new().await;
    let path = fixture.dir.path().join("notes");
    let url = format!("/api/v0/write-file?path={}&key=w", path.display());
    assert_eq!(fixture.get("chat", "/api/v0/changes/w").await.0, 404);
    let (_, first) = fixture.send(Method::POST, "chat", &url, "one\n".into()).await;
    std::fs::write(&path, "changed by somebody else\n").unwrap();
    let (status, second) = fixture.send(Method::POST, "chat", &url, "two\n".into()).await;
    assert_eq!((status, &second), (200, &first));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "changed by somebody else\n");
    let (_, told) = fixture.get("chat", "/api/v0/changes/w").await;
    assert_eq!((&told["type"], &told["bytes"]), (&json!("written"), &json!(4)));

    let edit = |replace: &str| {
        let edit = json!({ "search": "somebody else", "replace": replace });
        json!({ "key": "e", "include_diff": true, "files": [{ "path": path, "edits": [edit] }] })
    };
    let (_, first) = fixture.post("chat", "/api/v0/edit-files", edit("me")).await;
    let (status, second) = fixture.post("chat", "/api/v0/edit-files", edit("you")).await;
    assert_eq!((status, &second), (200, &first));
    assert!(first["files"][0]["diff"].as_str().unwrap().contains("+changed by me"), "{first}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "changed by me\n");
    assert_eq!(fixture.get("other", "/api/v0/changes/e").await.0, 404, "keys belong to chats");
}

#[tokio::test]
async fn a_pipe_or_device_among_the_files_holds_up_nothing() {
    let mut fixture = Fixture::new().await;
    let pipe = fixture.dir.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in [pipe.as_path(), Path::new("/dev/zero")] {
        let edit = json!({ "path": path, "edits": [{ "search": "a", "replace": "b" }] });
        let (status, body) = fixture.post("chat", "/api/v0/edit-files", json!({ "files": [edit] })).await;
        assert_eq!(status, 400, "{body}");
        assert!(body["message"].as_str().unwrap().contains("not a regular file"), "{body}");
        let path = path.display();
        let (status, _) = fixture.get("chat", &format!("/api/v0/read-file?path={path}")).await;
        assert_eq!(status, 400);
        let (_, lines) = fixture.get("chat", &format!("/api/v0/read-file-lines?path={path}")).await;
        assert!(lines["error"].as_str().unwrap().contains("not a regular file"), "{lines}");
    }
    let url = format!("/api/v0/write-file?path={}", pipe.display());
    assert_eq!(fixture.send(Method::POST, "chat", &url, "x".into()).await.0, 400);
    let url = format!("/api/v0/write-file?path={}", fixture.dir.path().join("file").display());
    assert_eq!(fixture.send(Method::POST, "chat", &url, "x".into()).await.0, 200);
}

#[tokio::test]
async fn a_change_that_was_called_off_is_not_made_when_it_comes_late() {
    let mut fixture = Fixture::new().await;
    let path = fixture.dir.path().join("file");
    assert_eq!(fixture.post("chat", "/api/v0/changes/late/call-off", json!({})).await.0, 404);
    let url = format!("/api/v0/write-file?path={}&key=late", path.display());
    let (status, body) = fixture.send(Method::POST, "chat", &url, "x".into()).await;
    assert_eq!(status, 400);
    assert!(body.contains("called off") && !path.exists(), "{body}");
    let url = format!("/api/v0/write-file?path={}&key=made", path.display());
    assert_eq!(fixture.send(Method::POST, "chat", &url, "x".into()).await.0, 200);
    let (status, told) = fixture.post("chat", "/api/v0/changes/made/call-off", json!({})).await;
    assert_eq!((status, &told["type"]), (200, &json!("written")));
}

#[tokio::test]
async fn a_start_that_was_called_off_runs_nothing_when_it_comes_late() {
    let mut fixture = Fixture::new().await;
    let body = json!({ "signal": "kill", "or_never": true });
    assert_eq!(fixture.post("chat", "/api/v0/processes/late/signal", body.clone()).await.0, 204);
    let start = json!({ "id": "late", "command": "echo x >> runs" });
    assert_eq!(fixture.post("chat", "/api/v0/processes/start", start).await.0, 410);
    assert!(!fixture.dir.path().join("runs").exists());
    let id = fixture.start("chat", json!({ "command": "sleep 300" })).await;
    let url = format!("/api/v0/processes/{id}");
    assert_eq!(fixture.post("chat", &format!("{url}/signal"), body).await.0, 204);
    let (_, output) = fixture.get("chat", &format!("{url}/output?wait=true")).await;
    assert_eq!(output["exit_code"], -1);
}

#[tokio::test]
async fn a_wait_for_output_ends_when_its_time_is_over() {
    let mut fixture = Fixture::new().await;
    let id = fixture.start("chat", json!({ "command": "echo begun; sleep 300" })).await;
    let mut url = format!("/api/v0/processes/{id}/output?wait=true&wait_ms=1");
    let (status, output) = fixture.get("chat", &url).await;
    assert_eq!((status, &output["running"], output.get("exit_code")), (200, &json!(true), None));
    url.truncate(url.find('?').unwrap());
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while fixture.get("chat", &url).await.1["output"] != "begun\n" {
        assert!(tokio::time::Instant::now() < deadline, "the output does not come");
    }
}

#[tokio::test]
async fn processes_of_chats_know_that_nobody_answers_them() {
    let mut fixture = Fixture::new().await;
    let command = "echo $TERM $PAGER $GIT_TERMINAL_PROMPT $EDITOR $NO_COLOR $CODER_CHAT_AGENT $CODER_CHAT_ID";
    let id = fixture.start("chat-7", json!({ "command": command, "env": { "TERM": "xterm" } })).await;
    let (_, output) = fixture.get("chat-7", &format!("/api/v0/processes/{id}/output?wait=true")).await;
    assert_eq!(output["output"], "dumb cat 0 true 1 true chat-7\n");
}

#[tokio::test]
async fn files_are_found_by_their_content() {
    let mut fixture = Fixture::new().await;
    std::fs::create_dir(fixture.dir.path().join("src")).unwrap();
    std::fs::write(fixture.dir.path().join("src/main.rs"), "fn main() {}\n").unwrap();
    let request = json!({ "path": fixture.dir.path(), "content": "fn \\w+" });
    let (status, found) = fixture.post("", "/api/v0/search-files", request).await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(found["matches"][0]["line"], 1);
    assert_eq!(found["matches"][0]["text"], "fn main() {}");
    let wrong = json!({ "path": fixture.dir.path(), "content": "(" });
    assert_eq!(fixture.post("", "/api/v0/search-files", wrong).await.0, 400);
}

#[tokio::test]
async fn wrong_requests_are_told_in_a_sentence() {
    let mut fixture = Fixture::new().await;
    let get = [
        ("/api/v0/nothing", 404),
        ("/api/v0/read-file?path=relative", 400),
        ("/api/v0/read-file?path=/no/such", 404),
    ];
    for (url, wanted) in get {
        let (status, body) = fixture.get("", url).await;
        assert_eq!(status, wanted, "{url}: {body}");
        assert!(body["message"].is_string(), "{url}: {body}");
    }
    for body in [
        json!({"command": " "}),
        json!({"command": "ls", "workdir": "/no/such"}),
        json!({"command": "ls", "id": "a/b"}),
    ] {
        let (status, answer) = fixture.post("", "/api/v0/processes/start", body.clone()).await;
        assert_eq!(status, 400, "{body}: {answer}");
    }
    let (status, _) = fixture.send(Method::POST, "", "/api/v0/edit-files", "{".into()).await;
    assert_eq!(status, 400);
}

struct Fixture {
    dir: tempfile::TempDir,
    server: HttpServer,
    client: SendRequest<String>,
}

impl Fixture {
    async fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let server = HttpServer::new(Arc::new(workplace(dir.path())), Tasks::new());
        let client = Fixture::connect(&server).await;
        Fixture { dir, server, client }
    }

    async fn connect(server: &HttpServer) -> SendRequest<String> {
        let (client, stream) = tokio::io::duplex(64 << 10);
        let server = server.clone();
        let tasks = Box::leak(Box::new(tokio::task::JoinSet::new()));
        tasks.spawn(async move { server.serve(stream).await });
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client)).await.unwrap();
        tasks.spawn(connection);
        sender
    }

    async fn start(&mut self, chat: &str, body: Value) -> String {
        let (status, answer) = self.post(chat, "/api/v0/processes/start", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Waits until there is nothing to signal any more.
    async fn until_nothing_is_left(&mut self, id: &str) {
        let url = format!("/api/v0/processes/{id}/signal");
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while self.post("chat", &url, json!({"signal": "kill"})).await.0 != 409 {
            assert!(tokio::time::Instant::now() < deadline, "something lives on");
            tokio::task::yield_now().await;
        }
    }

    async fn get(&mut self, chat: &str, url: &str) -> (u16, Value) {
        let (status, text) = self.send(Method::GET, chat, url, String::new()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn post(&mut self, chat: &str, url: &str, body: Value) -> (u16, Value) {
        let (status, text) = self.send(Method::POST, chat, url, body.to_string()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn send(&mut self, method: Method, chat: &str, url: &str, body: String) -> (u16, String) {
        let sending = async {
            let response = self.client.send_request(request(method, chat, url, body)).await.unwrap();
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            (status, String::from_utf8(bytes.to_vec()).unwrap())
        };
        tokio::time::timeout(DEADLINE, sending).await.unwrap_or_else(|_| panic!("no answer for {url}"))
    }
}

fn request(method: Method, chat: &str, url: &str, body: String) -> hyper::Request<String> {
    let request = hyper::Request::builder()
        .method(method)
        .uri(url)
        .header("host", "agent")
        .header(CHAT_ID_HEADER, chat);
    request.body(body).unwrap()
}

async fn next_chunk(body: &mut hyper::body::Incoming) -> String {
    let frame = tokio::time::timeout(DEADLINE, body.frame())
        .await
        .expect("a record in time")
        .expect("not the end")
        .unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}
