//! A server that plays scripted chat streams, one script per connection.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{
        RawQuery, State,
        ws::{CloseFrame, Message, WebSocketUpgrade},
    },
    response::Response,
    routing::get,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use warren_rt::Tasks;

/// What one connection gets before it is closed.
pub(crate) struct Connection {
    pub(crate) frames: Vec<Value>,
    /// 1000 is an ordinary end.
    pub(crate) close: u16,
}

/// The running server; it stops when this is dropped.
pub(crate) struct Fake {
    pub(crate) url: String,
    state: Shared,
    _tasks: Tasks,
}

#[derive(Clone)]
struct Shared {
    script: Arc<Mutex<std::vec::IntoIter<Connection>>>,
    queries: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Serves chat streams.
    pub(crate) async fn start(script: Vec<Connection>) -> Self {
        let state = Shared { script: Arc::new(Mutex::new(script.into_iter())), queries: Arc::default() };
        let router =
            Router::new().route("/api/experimental/chats/{id}/stream", get(stream)).with_state(state.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let tasks = Tasks::new();
        tasks.spawn("fake server", async move { axum::serve(listener, router).await });
        Self { url, state, _tasks: tasks }
    }

    /// The query of every connection so far.
    pub(crate) fn queries(&self) -> Vec<String> {
        self.state.queries.lock().unwrap().clone()
    }
}

async fn stream(
    State(state): State<Shared>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    state.queries.lock().unwrap().push(query.unwrap_or_default());
    let connection = state.script.lock().unwrap().next();
    let connection =
        connection.unwrap_or(Connection { frames: vec![json!("no more scripted connections")], close: 1000 });
    upgrade.on_upgrade(async move |mut socket| {
        for frame in connection.frames {
            socket.send(Message::Text(frame.to_string().into())).await.unwrap();
        }
        let close = CloseFrame { code: connection.close, reason: "".into() };
        // The client may have left when it had seen enough.
        let _ = socket.send(Message::Close(Some(close))).await;
    })
}
