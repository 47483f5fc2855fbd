//! Viewers: they follow a chat over one server, come back after every cut with their exact place, and are judged throughout.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt;
use reqwest::{Method, Response};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};
use warren_testkit::cluster::Somebody;

use super::{
    checker::{Committed, PartsOfChat, Seen, ViewerCheck, Violation, Wrong, read_events},
    dice::Dice,
    tally::{Tally, add, count},
};

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// The server gives a sign of life every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// After everything works again, so long may it take until a chat gets on and everybody has everything.
pub const HEAL_DEADLINE: Duration = Duration::from_secs(75);

/// How a viewer follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    WebSocket,
    Events,
}

/// What the viewers of a chat share.
#[derive(Clone)]
pub struct Watched {
    pub chat: String,
    pub name: String,
    pub ada: Somebody,
    pub parts: Arc<Mutex<PartsOfChat>>,
    /// The history at rest, once there is one.
    pub end: watch::Receiver<Option<Arc<Committed>>>,
    /// When everybody should have everything, once everything works again.
    pub late: watch::Receiver<Option<Instant>>,
    pub tally: Arc<Tally>,
}

/// What tells viewers of the end of their chat.
pub struct Ends {
    pub end: watch::Sender<Option<Arc<Committed>>>,
    pub late: watch::Sender<Option<Instant>>,
}

/// One viewer.
pub struct Viewer {
    watched: Watched,
    server: SocketAddr,
    transport: Transport,
    check: ViewerCheck,
    cursor: Option<String>,
    after: Option<i64>,
    /// Whether it is there from the beginning.
    stays: bool,
}

enum Stream {
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Events { response: Response, buffer: String },
}

/// The connection is lost, for a reason that is noted.
struct Lost(String);

impl Watched {
    /// Whether everybody should have everything by now.
    pub fn is_late(&self) -> bool {
        self.late.borrow().is_some_and(|late| Instant::now() > late)
    }
}

impl Viewer {
    /// A viewer with a name of its own; one that says it has the messages up to `after`.
    pub fn new(
        watched: Watched,
        which: &str,
        server: SocketAddr,
        transport: Transport,
        after: Option<i64>,
    ) -> Self {
        let name = format!("{} of {} ({})", which, watched.name, watched.chat);
        let check = ViewerCheck::new(name, after.unwrap_or_default());
        Self { watched, server, transport, check, cursor: None, after, stays: false }
    }

    /// Follows until it has what was kept at the end, or until it should have it.
    pub async fn follow(mut self, mut dice: Dice) {
        while !self.is_done() {
            match self.connect().await {
                Ok(stream) => {
                    let Lost(why) = self.read(stream, None).await;
                    self.check.note(format!("-- lost at {:?}: {why}", self.watched.tally.elapsed()));
                }
                Err(Lost(why)) => self.check.note(format!("-- no connection: {why}")),
            }
            count(&self.watched.tally.n_reconnects);
            sleep(dice.millis(10..120)).await;
        }
        self.leave();
    }

    /// The same for one that is there from the beginning.
    pub async fn stay(mut self, dice: Dice) {
        self.stays = true;
        self.follow(dice).await;
    }

    /// Looks in for a while, over one connection.
    pub async fn look_in(mut self, lasts: Duration) {
        count(&self.watched.tally.n_guests);
        if let Ok(stream) = self.connect().await {
            self.read(stream, Some(Instant::now() + lasts)).await;
        }
        self.leave();
    }

    fn leave(&self) {
        let tally = &self.watched.tally;
        add(&tally.n_parts, self.check.n_parts);
        add(&tally.n_messages, self.check.n_messages);
        add(&tally.n_resets, self.check.n_resets);
        tally.retried(&self.watched.chat, self.check.retries.iter().cloned());
    }

    /// Whether there is nothing more to wait for; says what is missing when it is too late.
    fn is_done(&self) -> bool {
        let end = self.watched.end.borrow().clone();
        let missing = end.as_deref().map(|committed| self.check.finish(committed));
        if missing.as_ref().is_some_and(Vec::is_empty) {
            return true;
        }
        let is_late = self.watched.is_late();
        // A chat that has no end is reported by whoever writes to it.
        if is_late && let Some(missing) = missing {
            self.report(missing.into_iter().map(|violation| Violation { wrong: Wrong::Stuck, ..violation }));
        }
        is_late
    }

    fn report(&self, violations: impl IntoIterator<Item = Violation>) {
        self.watched.tally.report(violations, || self.check.transcript().map(str::to_owned).collect());
    }

    async fn connect(&mut self) -> Result<Stream, Lost> {
        let mut path = format!("/api/experimental/chats/{}/stream", self.watched.chat);
        match (&self.cursor, self.after) {
            (Some(cursor), _) => path.push_str(&format!("?cursor={cursor}")),
            (None, Some(after)) => path.push_str(&format!("?after_id={after}")),
            (None, None) => {}
        }
        let opening = async {
            match self.transport {
                Transport::WebSocket => self.socket(&path).await,
                Transport::Events => self.events(&path).await,
            }
        };
        let opened = timeout(CONNECT_DEADLINE, opening).await;
        let stream = opened.map_err(|_| Lost(String::from("no answer in time")))??;
        self.check.note(format!("-- connected with {path}"));
        Ok(stream)
    }

    async fn socket(&self, path: &str) -> Result<Stream, Lost> {
        let lost = |error: &dyn std::fmt::Display| Lost(error.to_string());
        let url = format!("ws://{}{path}", self.server);
        let mut request = url.into_client_request().map_err(|error| lost(&error))?;
        let token = self.watched.ada.token.parse().map_err(|_| lost(&"the token is no header"))?;
        request.headers_mut().insert("Coder-Session-Token", token);
        let (socket, _) = tokio_tungstenite::connect_async(request).await.map_err(|error| lost(&error))?;
        Ok(Stream::Socket(Box::new(socket)))
    }

    async fn events(&self, path: &str) -> Result<Stream, Lost> {
        let request = self.watched.ada.request(self.server, Method::GET, path);
        let sent = request.header("accept", "text/event-stream").send().await;
        let response = sent.map_err(|error| Lost(error.to_string()))?;
        if response.status() != 200 {
            return Err(Lost(format!("the answer is {}", response.status())));
        }
        Ok(Stream::Events { response, buffer: String::new() })
    }

    /// Reads until the connection is lost, until there is nothing more to wait for, or for a time.
    async fn read(&mut self, mut stream: Stream, until: Option<Instant>) -> Lost {
        let far = Instant::now() + Duration::from_secs(3600);
        let mut end = self.watched.end.clone();
        loop {
            if until.is_none() && self.is_done() {
                return Lost(String::from("done"));
            }
            let look_again = Instant::now() + Duration::from_secs(5);
            tokio::select! {
                frame = stream.next() => match frame {
                    Ok(frame) => self.take(&frame),
                    Err(lost) => return lost,
                },
                changed = end.changed() => if changed.is_err() {
                    return Lost(String::from("the chat is over"));
                },
                () = tokio::time::sleep_until(until.unwrap_or(far)) => return Lost(String::from("seen enough")),
                () = tokio::time::sleep_until(look_again) => {}
            }
        }
    }

    /// Notes how late a part is that says when the model said it. Guests come late by themselves.
    fn clock(&self, event: &Seen) {
        let Seen::Part { text, .. } = event else { return };
        let Ok(said) = text.trim().parse::<u128>() else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        if self.stays {
            let late = u64::try_from(now.saturating_sub(said)).unwrap_or(u64::MAX);
            self.watched.tally.delayed(Duration::from_nanos(late));
        }
    }

    fn take(&mut self, frame: &str) {
        let (events, cursor) = match read_events(frame) {
            Ok(read) => read,
            Err(error) => {
                let what = format!("a frame is not JSON: {error}: {frame}");
                return self.report([Violation::new(Wrong::Different, "viewer", what)]);
            }
        };
        for event in &events {
            self.clock(event);
            let mut found = self.check.take(event);
            let mut parts = self.watched.parts.lock().unwrap_or_else(PoisonError::into_inner);
            found.extend(parts.take(&self.watched.name, event));
            drop(parts);
            self.report(found);
        }
        if let Some(cursor) = cursor {
            self.check.note(format!("-- cursor {cursor}"));
            self.cursor = Some(cursor);
        }
    }
}

impl Stream {
    /// Waits for the next frame. Cancel-safe: what has come is in the buffer or the socket.
    async fn next(&mut self) -> Result<String, Lost> {
        let silent = |_| Lost(String::from("nothing was heard for too long"));
        loop {
            match self {
                Self::Socket(socket) => match timeout(SILENCE_MAX, socket.next()).await.map_err(silent)? {
                    Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                    Some(Ok(Message::Close(frame))) => return Err(Lost(format!("closed: {frame:?}"))),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(Lost(error.to_string())),
                    None => return Err(Lost(String::from("ended"))),
                },
                Self::Events { response, buffer } => {
                    if let Some(at) = buffer.find("\n\n") {
                        let block: String = buffer.drain(..at + 2).collect();
                        let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                        match data {
                            Some(data) => return Ok(data.to_owned()),
                            None => continue,
                        }
                    }
                    match timeout(SILENCE_MAX, response.chunk()).await.map_err(silent)? {
                        Ok(Some(bytes)) => buffer.push_str(&String::from_utf8_lossy(&bytes)),
                        Ok(None) => return Err(Lost(String::from("ended"))),
                        Err(error) => return Err(Lost(error.to_string())),
                    }
                }
            }
        }
    }
}
