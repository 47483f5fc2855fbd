use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

/// A server that gives back what it gets, behind a proxy.
async fn echo() -> (Proxy, Tasks) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new();
    let group = tasks.clone();
    tasks.spawn("echo", async move {
        while let Ok((stream, _)) = listener.accept().await {
            group.spawn("echo", async move {
                let (mut reads, mut writes) = stream.into_split();
                let _ = tokio::io::copy(&mut reads, &mut writes).await;
            });
        }
    });
    let proxy = Proxy::start_marking(b"LISTEN").await.unwrap();
    proxy.lead_to(Target::Tcp(address));
    (proxy, tasks)
}

async fn open(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn hears(stream: &mut TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    timeout(DEADLINE, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    assert_eq!(bytes, text.as_bytes());
}

async fn is_lost(stream: &mut TcpStream) {
    let mut byte = [0];
    let read = timeout(DEADLINE, stream.read(&mut byte)).await.unwrap();
    assert!(read.is_err() || read.unwrap() == 0);
}

#[tokio::test]
async fn bytes_pass_until_a_connection_is_cut() {
    let (proxy, _tasks) = echo().await;
    let (mut first, mut second) = (open(&proxy).await, open(&proxy).await);
    for stream in [&mut first, &mut second] {
        say(stream, "hello").await;
        hears(stream, "hello").await;
    }
    let ids = proxy.connections();
    assert_eq!(ids.len(), 2);
    assert!(proxy.cut(ids[0]));
    is_lost(&mut first).await;
    say(&mut second, "again").await;
    hears(&mut second, "again").await;
    assert_eq!(proxy.cut_all(), 1);
    is_lost(&mut second).await;
}

#[tokio::test]
async fn what_is_held_comes_after_the_release_and_nothing_is_lost() {
    let (proxy, _tasks) = echo().await;
    let mut stream = open(&proxy).await;
    say(&mut stream, "one").await;
    hears(&mut stream, "one").await;
    let id = proxy.connections()[0];
    assert!(proxy.hold(id));
    say(&mut stream, "two").await;
    let mut other = open(&proxy).await;
    say(&mut other, "other").await;
    hears(&mut other, "other").await;
    let mut byte = [0];
    assert_eq!(stream.try_read(&mut byte).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    proxy.release(id);
    hears(&mut stream, "two").await;
}

#[tokio::test]
async fn in_bad_weather_connections_wait_or_are_refused() {
    let (proxy, _tasks) = echo().await;
    proxy.set_weather(Weather::Held);
    let mut stream = open(&proxy).await;
    say(&mut stream, "one").await;
    let mut byte = [0];
    assert_eq!(stream.try_read(&mut byte).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    proxy.set_weather(Weather::Slow(Duration::from_millis(1)));
    hears(&mut stream, "one").await;
    proxy.set_weather(Weather::Refusing);
    is_lost(&mut open(&proxy).await).await;
    say(&mut stream, "two").await;
    hears(&mut stream, "two").await;
}

#[tokio::test]
async fn connections_with_the_mark_are_known() {
    let (proxy, _tasks) = echo().await;
    let (mut first, mut second) = (open(&proxy).await, open(&proxy).await);
    say(&mut first, "SELECT").await;
    hears(&mut first, "SELECT").await;
    assert!(proxy.marked().is_empty());
    say(&mut second, "LISTEN").await;
    hears(&mut second, "LISTEN").await;
    assert_eq!(proxy.marked().len(), 1);
}
