//! Several servers on one PostgreSQL database, with real sockets between them. On SQLite there is one server, and most of
//! these tests have nothing to do.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};
use warren_server::ServerConfig;

use crate::support::TestServer;

mod chats;
mod keys;
mod line;
mod puppet;
mod relays;
mod strangers;
mod tls;
mod tunnel;
mod viewer;

const DEADLINE: Duration = Duration::from_secs(60);
const REPLICAS: &str = "/api/v2/replicas";

fn only_viewers(config: &mut ServerConfig) {
    config.chats.worker_enable = false;
    config.telemetry.prometheus.enable = true;
    config.telemetry.prometheus.address = "127.0.0.1:0".parse().unwrap();
}

/// How many parts a server got from others.
async fn n_relayed(server: &TestServer) -> u64 {
    let url = format!("http://{}/metrics", server.server.metrics_address().unwrap());
    let text = server.client.get(url).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("warren_chat_relayed_parts_total "));
    line.expect("it is counted").parse().unwrap()
}

fn n_healthy(body: &Value) -> usize {
    body.as_array().unwrap().iter().filter(|one| one["error"] == "").count()
}

#[tokio::test]
async fn a_server_shows_itself_to_operators() {
    let server = TestServer::with_owner().await;
    let (status, body) = server.get(REPLICAS).await;
    assert_eq!((status, body.as_array().unwrap().len()), (StatusCode::OK, 1), "{body}");
    let own = &body[0];
    assert_eq!((&own["error"], &own["region_id"]), (&json!(""), &json!(999)));
    assert!(own["database_latency"].is_i64() && own["created_at"].is_string(), "{own}");
    assert_eq!(own["version"], server.get("/api/v2/buildinfo").await.1["version"]);
    let is_alone = server.server.database().is_exclusive();
    let address = own["relay_address"].as_str().unwrap();
    let expected = if is_alone { String::new() } else { format!("http://{}/", server.server.address()) };
    assert_eq!(address, expected);
}

#[tokio::test]
async fn servers_find_each_other_whichever_of_them_can_be_reached() {
    let first = TestServer::with_owner().await;
    let Some(second) = first.replica().await else { return };
    let both = first.until(REPLICAS, |body| n_healthy(body) == 2).await;
    assert_ne!(both[0]["id"], both[1]["id"]);
    let nowhere = "http://127.0.0.1:1/".parse().unwrap();
    let third = first.replica_with(|config| config.http.relay_address = Some(nowhere)).await.unwrap();
    // It reaches those that do not reach it.
    second.until(REPLICAS, |body| n_healthy(body) == 3).await;
    drop(third.stopped().await);
    second.until(REPLICAS, |body| body.as_array().unwrap().len() == 2).await;
}

#[tokio::test]
async fn operators_learn_which_servers_do_not_reach_each_other() {
    let nowhere = |port| Some(format!("http://127.0.0.1:{port}/").parse().unwrap());
    let first = TestServer::owned(|config| config.http.relay_address = nowhere(1)).await;
    let Some(_second) = first.replica_with(|config| config.http.relay_address = nowhere(2)).await else {
        return;
    };
    let ill = |body: &Value| body.as_array().unwrap().len() == 2 && n_healthy(body) == 0;
    let body = first.until(REPLICAS, ill).await;
    let (error, other) = (body[0]["error"].as_str().unwrap(), body[1]["id"].as_str().unwrap());
    assert!(error.contains(other) && error.contains("127.0.0.1:2"), "{error}");
}

#[tokio::test]
async fn servers_that_give_one_address_say_what_to_do_and_so_do_those_who_look_for_them_there() {
    let first = TestServer::with_owner().await;
    let address = format!("http://{}/", first.server.address());
    let same = |config: &mut ServerConfig| config.http.relay_address = Some(address.parse().unwrap());
    let Some(second) = first.replica_with(same).await else { return };
    let told = |body: &Value, why: &str| {
        body.as_array().unwrap().iter().filter(|one| one["error"].as_str().unwrap().contains(why)).count()
    };
    let own = "it gives the address of this server; give each server a --relay-address of its own";
    second.until(REPLICAS, |body| told(body, own) == 2).await;
    // Nobody reaches it, so that it has to dial both.
    let nowhere = "http://127.0.0.1:1/".parse().unwrap();
    let third = first.replica_with(|config| config.http.relay_address = Some(nowhere)).await.unwrap();
    third.until(REPLICAS, |body| told(body, "the address belongs to another server") == 1).await;
    drop(second.stopped().await);
    first.until(REPLICAS, |body| n_healthy(body) == 2).await;
}

#[tokio::test]
async fn a_stranger_is_not_let_in() {
    let server = TestServer::with_owner().await;
    let request = format!("ws://{}{REPLICAS}/mesh", server.server.address());
    let opened = tokio_tungstenite::connect_async(request).await;
    if server.server.database().is_exclusive() {
        let Err(tungstenite::Error::Http(response)) = opened else { panic!("it is not there") };
        assert_eq!(response.status().as_u16(), 404);
        return;
    }
    let (mut socket, _) = opened.unwrap();
    let me = server.get(REPLICAS).await.1[0]["id"].clone();
    let id = |n: u8| format!("00000000-0000-4000-8000-{n:012}");
    let hello = json!({ "min": 1, "max": 1, "from": id(1), "to": me, "keys": [id(2)], "nonce": vec![0; 32] });
    socket.send(Message::Binary(hello.to_string().into_bytes().into())).await.unwrap();
    let mut next = async || tokio::time::timeout(DEADLINE, socket.next()).await.expect("it ends");
    let told = next().await.unwrap().unwrap().into_data();
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(told, json!({ "refused": "no_common_key" }), "nobody without a key gets more of an answer");
    let end = next().await;
    assert!(!matches!(end, Some(Ok(Message::Binary(_)))), "{end:?}");
}
