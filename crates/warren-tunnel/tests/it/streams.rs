//! Streams carry bytes: intact, in order, many at a time, each direction on its own.

use ring::digest::{Context, SHA256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use warren_tunnel::{Identity, PORT_SSH};
use warren_vocab::AgentId;

use crate::harness::{PATIENCE, Server, check_echo, within};

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_comes_back_over_websockets() {
    let server = Server::start().await;
    let agent = AgentId::new();
    let _agent = server.agent(agent);
    let connection = server.client().connect(agent, PATIENCE).await.unwrap();
    let mut stream = connection.open_stream(PORT_SSH).await.unwrap();
    check_echo(&mut stream, b"hello over there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_comes_back_from_the_servers_own_node() {
    let server = Server::start().await;
    let agent = AgentId::new();
    let _agent = server.agent(agent);
    let node = server.local_node(Identity::Server);
    let connection = node.connect(agent, PATIENCE).await.unwrap();
    let mut stream = connection.open_stream(PORT_SSH).await.unwrap();
    check_echo(&mut stream, b"hello from the server").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_mebibytes_arrive_intact_in_both_directions() {
    const TOTAL: usize = 64 << 20;
    let server = Server::start().await;
    let agent = AgentId::new();
    let _agent = server.agent(agent);
    let connection = server.client().connect(agent, PATIENCE).await.unwrap();
    let stream = connection.open_stream(PORT_SSH).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sending = async move {
        let mut hash = Context::new(&SHA256);
        for number in 0..TOTAL / 65_536 {
            let chunk: Vec<u8> = (0..65_536).map(|at| (at * 7 + number * 13 + at / 251) as u8).collect();
            hash.update(&chunk);
            writer.write_all(&chunk).await.unwrap();
        }
        writer.shutdown().await.unwrap();
        hash.finish()
    };
    let receiving = async move {
        let (mut hash, mut total, mut buffer) = (Context::new(&SHA256), 0, vec![0; 65_536]);
        loop {
            let count = within(reader.read(&mut buffer)).await.unwrap();
            if count == 0 {
                return (hash.finish(), total);
            }
            hash.update(&buffer[..count]);
            total += count;
        }
    };
    let (sent, (received, total)) = tokio::join!(sending, receiving);
    assert_eq!(total, TOTAL);
    assert_eq!(sent.as_ref(), received.as_ref());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_direction_closes_on_its_own() {
    let server = Server::start().await;
    let agent = AgentId::new();
    let _agent = server.agent(agent);
    let connection = server.client().connect(agent, PATIENCE).await.unwrap();
    let mut stream = connection.open_stream(PORT_SSH).await.unwrap();
    stream.write_all(b"the last words").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, b"the last words");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_connect_at_the_same_time_share_a_working_connection() {
    let server = Server::start().await;
    let agent = AgentId::new();
    let _agent = server.agent(agent);
    let client = server.client();
    let callers = (0..8u8).map(|number| {
        let client = client.clone();
        async move {
            let connection = client.connect(agent, PATIENCE).await.unwrap();
            let mut stream = connection.open_stream(PORT_SSH).await.unwrap();
            check_echo(&mut stream, &[number; 100]).await;
            connection
        }
    });
    let connections = futures::future::join_all(callers).await;
    assert!(connections.iter().all(|connection| !connection.is_closed()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_streams_share_one_connection() {
    let server = Server::start().await;
    let agent = AgentId::new();
    let _agent = server.agent(agent);
    let connection = server.client().connect(agent, PATIENCE).await.unwrap();
    let streams = (0..200u32).map(|number| {
        let connection = connection.clone();
        async move {
            let mut stream = connection.open_stream(PORT_SSH).await.unwrap();
            check_echo(&mut stream, &number.to_be_bytes().repeat(500)).await;
        }
    });
    futures::future::join_all(streams).await;
}
