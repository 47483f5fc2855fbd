//! What those get who dial as a server and have not shown that they are one.

use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{self, Message};
use warren_mesh_proto::{Dialling, Key, handshake::MESSAGE_MAX};
use warren_vocab::ReplicaId;

use super::{DEADLINE, REPLICAS, puppet::app_of, viewer::Socket};
use crate::support::TestServer;

/// More than may be open at once from one address, also on a machine so slow that the first ones have ended meanwhile.
const TRIES_MAX: usize = 1000;
/// As many as a deployment that starts needs.
const PLACES_MIN: usize = 8;

async fn knock(server: &TestServer) -> Result<Socket, u16> {
    let url = format!("ws://{}{REPLICAS}/mesh", server.server.address());
    match tokio_tungstenite::connect_async(url).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// What a server of the deployment says first.
async fn hello(server: &TestServer) -> Vec<u8> {
    let me = server.get(REPLICAS).await.1[0]["id"].as_str().unwrap().parse().unwrap();
    let keys = app_of(server).mesh_keys().await.unwrap();
    let keys = keys.into_iter().map(|key| Key { id: key.id, secret: key.secret.into_exposed() }).collect();
    Dialling::new(ReplicaId::new(), ReplicaId::from_uuid(me), keys, rand::random()).hello()
}

/// Whether a server goes on with the handshake.
async fn is_answered(server: &TestServer, said: impl IntoIterator<Item = Message>) -> bool {
    let mut socket = knock(server).await.unwrap();
    for message in said {
        // The server may have hung up.
        let _ = socket.send(message).await;
    }
    let answer = async {
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Binary(_)) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(DEADLINE, answer).await.expect("the server answers or hangs up")
}

#[tokio::test]
async fn those_who_say_nothing_are_few() {
    let server = TestServer::with_owner().await;
    if server.server.database().is_exclusive() {
        return;
    }
    let mut silent = Vec::new();
    let refusal = loop {
        match knock(&server).await {
            Ok(socket) => silent.push(socket),
            Err(status) => break status,
        }
        assert!(silent.len() < TRIES_MAX, "everybody is let in");
    };
    assert_eq!(refusal, 503);
    assert!(silent.len() >= PLACES_MIN, "only {} were let in", silent.len());
    drop(silent);
    let served = async { while knock(&server).await.is_err() {} };
    tokio::time::timeout(DEADLINE, served).await.expect("there is room again");
}

#[tokio::test]
async fn nobody_is_listened_to_after_something_that_no_server_says() {
    let server = TestServer::with_owner().await;
    if server.server.database().is_exclusive() {
        return;
    }
    let hello = hello(&server).await;
    let binary = |bytes: &[u8]| Message::Binary(bytes.to_vec().into());
    assert!(is_answered(&server, [binary(&hello)]).await);
    for noise in [Message::text("hello"), Message::Ping("hello".into()), binary(b"hello")] {
        assert!(!is_answered(&server, [noise.clone(), binary(&hello)]).await, "{noise}");
    }
    // Blanks at its end do not change what it says.
    let long = [hello, vec![b' '; MESSAGE_MAX]].concat();
    assert!(!is_answered(&server, [binary(&long)]).await);
}
