use std::time::Instant;

use axum::{Router, body::Bytes, extract::Extension, routing::get};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

struct Served {
    address: SocketAddr,
    connections: Connections,
    tasks: Tasks,
}

async fn served(deadlines: Deadlines) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tasks, connections) = (Tasks::new(), Connections::default());
    let serving = Serving { tls: None, connections: connections.clone(), deadlines };
    let router = Router::new()
        .route("/", get(|Extension(Peer(peer)): Extension<Peer>| async move { peer.to_string() }))
        .route("/slow", get(|| async { sleep(SHORT * 3).await }).post(|body: Bytes| async { body }));
    serve(listener, serving, router, &tasks);
    Served { address, connections, tasks }
}

/// Reads until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    timeout(LONG, stream.read_to_string(&mut text)).await.expect("the server closes").unwrap();
    text
}

#[tokio::test]
async fn half_open_requests_are_closed_at_the_deadline_and_others_are_served_meanwhile() {
    let served = served(Deadlines { first_head: SHORT, idle: LONG }).await;
    let begin = Instant::now();
    let mut half = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Never:").await.unwrap();
        half.push(stream);
    }
    let mut whole = TcpStream::connect(served.address).await.unwrap();
    whole.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let own = whole.local_addr().unwrap().to_string();
    assert!(rest(whole).await.ends_with(&own), "the handler knows the peer");
    for stream in half {
        assert_eq!(rest(stream).await, "");
    }
    assert!(begin.elapsed() >= SHORT);
    let deadline = Instant::now() + LONG;
    while served.connections.open() > 0 {
        assert!(Instant::now() < deadline, "{} connections are still counted", served.connections.open());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_may_take_longer_than_the_head_deadline_and_idle_connections_end() {
    let served = served(Deadlines { first_head: SHORT, idle: SHORT }).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let answer = rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_closes_idle_connections() {
    let served = served(Deadlines { first_head: LONG, idle: LONG }).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut begun = [0; 12];
    idle.read_exact(&mut begun).await.unwrap();
    let mut busy = TcpStream::connect(served.address).await.unwrap();
    busy.write_all(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab").await.unwrap();
    let deadline = Instant::now() + LONG;
    while served.connections.open() < 2 {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    let tasks = served.tasks.clone();
    let stopping = async { tasks.stop(LONG).await };
    let finishing = async {
        busy.write_all(b"cd").await.unwrap();
        rest(busy).await
    };
    let (late, answer) = tokio::join!(stopping, finishing);
    assert_eq!(late, Vec::<String>::new());
    assert!(answer.ends_with("abcd"), "{answer}");
    rest(idle).await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_requests_that_never_begin() {
    let served = served(Deadlines { first_head: LONG, idle: LONG }).await;
    let mut half = TcpStream::connect(served.address).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nX-Never:").await.unwrap();
    let deadline = Instant::now() + LONG;
    while served.connections.open() < 1 {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    assert_eq!(served.tasks.stop(SHORT * 20).await, Vec::<String>::new());
    assert_eq!(rest(half).await, "");
}
