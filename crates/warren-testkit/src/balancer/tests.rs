use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const DEADLINE: Duration = Duration::from_secs(30);

/// A server that says its name and then repeats what it hears.
async fn server(name: u8) -> (SocketAddr, Tasks) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, tasks) = (listener.local_addr().unwrap(), Tasks::new());
    let connections = tasks.child();
    tasks.spawn("server", async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            connections.spawn("connection", async move {
                socket.write_u8(name).await?;
                let (mut reading, mut writing) = socket.split();
                tokio::io::copy(&mut reading, &mut writing).await.map(drop)
            });
        }
    });
    (address, tasks)
}

async fn connect(balancer: &Balancer) -> Option<(u8, TcpStream)> {
    let mut socket = TcpStream::connect(balancer.address()).await.ok()?;
    let name = timeout(DEADLINE, socket.read_u8()).await.unwrap().ok()?;
    Some((name, socket))
}

async fn goes_on(socket: &mut TcpStream) -> bool {
    if socket.write_u8(7).await.is_err() {
        return false;
    }
    timeout(DEADLINE, socket.read_u8()).await.unwrap().is_ok_and(|byte| byte == 7)
}

#[tokio::test]
async fn connections_go_to_the_first_backend_that_takes_them() {
    let balancer = Balancer::start().await.unwrap();
    assert!(connect(&balancer).await.is_none(), "there is nobody");
    let ((one, first), (two, _second)) = (server(1).await, server(2).await);
    balancer.prefer(two);
    balancer.prefer(one);
    let (name, mut to_one) = connect(&balancer).await.unwrap();
    assert_eq!(name, 1);
    balancer.take_out(one);
    assert!(goes_on(&mut to_one).await);
    assert_eq!(connect(&balancer).await.unwrap().0, 2);
    balancer.prefer(one);
    first.stop(Duration::ZERO).await;
    drop(first);
    assert_eq!(connect(&balancer).await.unwrap().0, 2);
}

#[tokio::test]
async fn connections_can_go_to_the_backends_in_turn() {
    let balancer = Balancer::start_in_turn().await.unwrap();
    let ((one, _first), (two, _second)) = (server(1).await, server(2).await);
    balancer.prefer(one);
    balancer.prefer(two);
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(connect(&balancer).await.unwrap().0);
    }
    assert_eq!(names, [1, 2, 1, 2]);
}

#[tokio::test]
async fn the_connections_of_one_backend_can_be_cut() {
    let balancer = Balancer::start().await.unwrap();
    let ((one, _first), (two, _second)) = (server(1).await, server(2).await);
    balancer.prefer(one);
    let (_, mut to_one) = connect(&balancer).await.unwrap();
    balancer.prefer(two);
    let (_, mut to_two) = connect(&balancer).await.unwrap();
    balancer.cut(one);
    assert!(!goes_on(&mut to_one).await);
    assert!(goes_on(&mut to_two).await);
    balancer.prefer(one);
    assert!(goes_on(&mut connect(&balancer).await.unwrap().1).await);
}
