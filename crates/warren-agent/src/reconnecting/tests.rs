use tokio::io::DuplexStream;
use warren_wire::agent_terminal::encode_init;

use super::*;
use crate::testing::workplace;

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_second_connection_with_the_same_id_sees_the_same_shell() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let id = Uuid::new_v4();
    let mut first = attach(&server, id, "sh").await;
    type_in(&mut first, r#"{"data":"MARK=from-first; echo got-$MARK\r"}"#).await;
    read_until(&mut first, "got-from-first").await;
    drop(first);
    let mut second = attach(&server, id, "").await;
    read_until(&mut second, "got-from-first").await;
    type_in(&mut second, r#"{"data":"echo again-$MARK\r"}"#).await;
    read_until(&mut second, "again-from-first").await;
}

#[tokio::test]
async fn the_size_follows_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let mut client = attach(&server, Uuid::new_v4(), "sh").await;
    type_in(&mut client, r#"{"data":"stty size\r"}"#).await;
    read_until(&mut client, "30 100").await;
    type_in(&mut client, r#"{"height":41,"width":133}{"data":"stty size\r"}"#).await;
    read_until(&mut client, "41 133").await;
}

#[tokio::test]
async fn the_connection_ends_with_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let mut client = attach(&server, Uuid::new_v4(), "echo bye").await;
    let mut text = String::new();
    tokio::time::timeout(DEADLINE, client.read_to_string(&mut text)).await.expect("ends in time").unwrap();
    assert!(text.contains("bye"), "{text:?}");
    assert!(server.terminals.lock().unwrap().values().all(mpsc::Sender::is_closed));
}

#[tokio::test]
async fn a_terminal_that_nobody_looks_at_ends() {
    let dir = tempfile::tempdir().unwrap();
    let server = TerminalServer { idle_timeout: Duration::from_millis(50), ..server(dir.path()) };
    let id = Uuid::new_v4();
    let mut client = attach(&server, id, "echo up; cat").await;
    read_until(&mut client, "up").await;
    let terminal = server.terminals.lock().unwrap()[&id].clone();
    drop(client);
    tokio::time::timeout(DEADLINE, terminal.closed()).await.expect("the terminal ends");
}

#[tokio::test]
async fn garbage_ends_only_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let id = Uuid::new_v4();
    let mut bad = attach(&server, id, "sh").await;
    type_in(&mut bad, "ls -l").await;
    let mut rest = Vec::new();
    tokio::time::timeout(DEADLINE, bad.read_to_end(&mut rest)).await.expect("is cut off").unwrap();
    let mut good = attach(&server, id, "").await;
    type_in(&mut good, r#"{"data":"echo al''ive\r"}"#).await;
    read_until(&mut good, "alive").await;
}

fn server(dir: &std::path::Path) -> TerminalServer {
    TerminalServer::new(Arc::new(workplace(dir)), Tasks::new())
}

async fn attach(server: &TerminalServer, id: Uuid, command: &str) -> DuplexStream {
    let (mut client, stream) = tokio::io::duplex(64 << 10);
    let task = server.clone();
    server
        .tasks
        .spawn("test connection", async move { task.serve(stream).await.map_err(|error| error.to_string()) });
    let init = Init { id, height: 30, width: 100, command: command.to_owned() };
    client.write_all(&encode_init(&init).unwrap()).await.unwrap();
    client
}

async fn type_in(client: &mut DuplexStream, json: &str) {
    client.write_all(json.as_bytes()).await.unwrap();
}

async fn read_until(client: &mut DuplexStream, wanted: &str) {
    let mut text = String::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while !text.contains(wanted) {
            let n = client.read(&mut buffer).await.unwrap();
            assert_ne!(n, 0, "ended before {wanted:?}: {text:?}");
            text.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    };
    if tokio::time::timeout(DEADLINE, reading).await.is_err() {
        panic!("no {wanted:?} in {text:?}");
    }
}
