//! Somebody who follows a chat on one server.

use futures::StreamExt;
use serde_json::Value;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use super::DEADLINE;
use crate::{chats::CHATS, support::TestServer};

pub(super) type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

pub(super) struct Viewer {
    socket: Socket,
    pub(super) chat: Value,
    pub(super) preview: String,
    last_seq: i64,
    pub(super) n_resets: usize,
    pub(super) status: String,
    pub(super) answer: String,
    /// Every part that was shown, as it came.
    pub(super) parts: Vec<Value>,
}

impl Viewer {
    pub(super) async fn open(server: &TestServer, chat: &Value) -> Self {
        Self::open_with(server, chat, "Coder-Session-Token", &server.token).await
    }

    /// With one header that says who it is.
    pub(super) async fn open_with(
        server: &TestServer,
        chat: &Value,
        header: &'static str,
        value: &str,
    ) -> Self {
        let path = format!("{CHATS}/{}/stream", chat["id"].as_str().unwrap());
        let mut request = format!("ws://{}{path}", server.server.address()).into_client_request().unwrap();
        request.headers_mut().insert(header, value.parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self::on(socket, chat)
    }

    /// On a socket that is open already.
    pub(super) fn on(socket: Socket, chat: &Value) -> Self {
        let (preview, status, answer) = Default::default();
        let chat = chat.clone();
        Self { socket, chat, preview, last_seq: 0, n_resets: 0, status, answer, parts: Vec::new() }
    }

    pub(super) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let follow = async {
            while !holds(self) {
                let message = self.socket.next().await.expect("the stream goes on").unwrap();
                let Message::Text(text) = message else { continue };
                let events: Value = serde_json::from_str(&text).unwrap();
                events.as_array().unwrap().iter().for_each(|event| self.take(event));
            }
        };
        let outcome = tokio::time::timeout(DEADLINE, follow).await;
        assert!(outcome.is_ok(), "waited in vain for {what}: {:?} {}", self.preview, self.status);
    }

    pub(super) async fn sees(&mut self, preview: &str) {
        self.until(preview, |seen| seen.preview == preview).await;
    }

    pub(super) async fn is(&mut self, status: &str) {
        self.until(status, |seen| seen.status == status).await;
    }

    /// Goes, and waits until the server has noticed.
    pub(super) async fn leaves(mut self) {
        self.socket.close(None).await.unwrap();
        self.is_sent_away().await;
    }

    /// Waits until the server ends the stream.
    pub(super) async fn is_sent_away(&mut self) {
        let end = async {
            while let Some(Ok(message)) = self.socket.next().await {
                if matches!(message, Message::Close(_)) {
                    return;
                }
            }
        };
        assert!(tokio::time::timeout(DEADLINE, end).await.is_ok(), "the stream ends");
    }

    fn take(&mut self, event: &Value) {
        match event["type"].as_str().unwrap() {
            "preview_reset" => {
                self.preview.clear();
                self.last_seq = 0;
                self.n_resets += 1;
            }
            "message_part" => {
                let part = &event["message_part"];
                assert_eq!(part["seq"].as_i64(), Some(self.last_seq + 1), "a gap or a repeat");
                self.last_seq += 1;
                self.preview.push_str(part["part"]["text"].as_str().unwrap_or_default());
                self.parts.push(part.clone());
            }
            "message" if event["message"]["role"] == "assistant" => {
                self.answer = event["message"]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
            }
            "status" => self.status = event["status"]["status"].as_str().unwrap().to_owned(),
            _ => {}
        }
    }
}
