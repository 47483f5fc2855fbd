//! A stand-in for a server that runs chats: it is in the registry, lets servers connect, and says what a test wants when the
//! test wants it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use warren_app::{
    App,
    replicas::{Introduction, Pace, Registry},
};
use warren_chat::proto::{Episode, Part, StreamPart};
use warren_mesh_proto::{
    Accepting, CloseReason, Established, Event, Hops, Key, Received, Session, StreamId, StreamKind,
};
use warren_rt::{Sealer, Tasks};
use warren_vocab::{MessageRole, ReplicaId};

use super::DEADLINE;
use crate::support::TestServer;

/// How often it looks whether the other side lives.
const TICK: Duration = Duration::from_millis(500);

/// What it does with servers that dial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Manner {
    Open,
    /// They wait.
    Held,
    /// They are hung up on.
    Closed,
    /// They connect, and get nothing of what they ask for.
    Refusing,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    Connected,
    Opened(StreamId),
    Message(StreamId, Value),
    Ended(StreamId, CloseReason),
}

enum Order {
    Say(StreamId, Value),
    End(StreamId),
    Ask(Value),
    HangUp,
}

pub(super) struct Puppet {
    pub(super) id: ReplicaId,
    shared: Arc<Shared>,
    heard: mpsc::Receiver<Heard>,
    _tasks: Tasks,
}

struct Shared {
    me: ReplicaId,
    keys: Mutex<Vec<Key>>,
    manner: watch::Sender<Manner>,
    n_dials: AtomicUsize,
    n_opened: AtomicUsize,
    orders: Mutex<Option<mpsc::Sender<Order>>>,
    teller: mpsc::Sender<Heard>,
}

/// The application of a server's deployment, as another server of it has it.
pub(super) fn app_of(server: &TestServer) -> App {
    let sealer = Sealer::load(&server.site.config().database.data_dir).unwrap();
    App::new(server.server.database().clone(), sealer, server.server.url().clone())
}

impl Puppet {
    /// Joins the servers of a deployment. Real servers have smaller ids and so dial it.
    pub(super) async fn join(server: &TestServer, manner: Manner) -> Self {
        let mut bytes = *ReplicaId::new().as_uuid().as_bytes();
        bytes[..4].fill(0xff);
        let me = ReplicaId::from_uuid(uuid::Uuid::from_bytes(bytes));
        let keys = app_of(server).mesh_keys().await.unwrap();
        let keys =
            keys.into_iter().map(|key| Key { id: key.id, secret: key.secret.into_exposed() }).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let (teller, heard) = mpsc::channel(4096);
        let shared = Arc::new(Shared {
            me,
            keys: Mutex::new(keys),
            manner: watch::Sender::new(manner),
            n_dials: AtomicUsize::new(0),
            n_opened: AtomicUsize::new(0),
            orders: Mutex::default(),
            teller,
        });
        let tasks = Tasks::new();
        let (accepting, group) = (shared.clone(), tasks.clone());
        tasks.spawn("puppet", async move {
            while let Ok((inbound, _)) = listener.accept().await {
                let shared = accepting.clone();
                group.spawn("puppet connection", async move {
                    let _ = shared.serve(inbound).await;
                });
            }
        });
        let introduction = Introduction { id: me, relay_address: Some(address), version: "v1".into() };
        let db = server.server.database().clone();
        Registry::start(db, introduction, Pace::default(), &tasks).await.unwrap();
        Self { id: me, shared, heard, _tasks: tasks }
    }

    pub(super) fn set(&self, manner: Manner) {
        self.shared.manner.send_replace(manner);
    }

    /// How often somebody dialled.
    pub(super) fn n_dials(&self) -> usize {
        self.shared.n_dials.load(Ordering::SeqCst)
    }

    /// How many streams were opened.
    pub(super) fn n_opened(&self) -> usize {
        self.shared.n_opened.load(Ordering::SeqCst)
    }

    /// Knows only these keys from now on.
    pub(super) fn know(&self, keys: Vec<Key>) {
        *self.shared.keys.lock().unwrap() = keys;
    }

    /// Waits for something, and forgets what it hears before.
    pub(super) async fn until<T>(&mut self, what: &str, fits: impl Fn(&Heard) -> Option<T>) -> T {
        let listen = async {
            loop {
                let heard = self.heard.recv().await.expect("the puppet lives");
                if let Some(found) = fits(&heard) {
                    return found;
                }
            }
        };
        timeout(DEADLINE, listen).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    pub(super) async fn is_connected(&mut self) {
        self.until("a connection", |heard| matches!(heard, Heard::Connected).then_some(())).await;
    }

    /// Waits for somebody who wants parts, and gives the choice.
    pub(super) async fn is_asked(&mut self) -> (StreamId, Value) {
        let choice = |heard: &Heard| match heard {
            Heard::Message(stream, choice) => Some((*stream, choice.clone())),
            Heard::Connected | Heard::Opened(_) | Heard::Ended(..) => None,
        };
        self.until("a choice", choice).await
    }

    /// Waits for what is said on a stream.
    pub(super) async fn is_told(&mut self, stream: StreamId) -> Value {
        let said = |heard: &Heard| match heard {
            Heard::Message(on, said) if *on == stream => Some(said.clone()),
            Heard::Message(..) | Heard::Connected | Heard::Opened(_) | Heard::Ended(..) => None,
        };
        self.until("parts", said).await
    }

    pub(super) async fn is_left(&mut self, stream: StreamId) {
        let end = |heard: &Heard| matches!(heard, Heard::Ended(ended, _) if *ended == stream).then_some(());
        self.until("the end of the stream", end).await;
    }

    /// What was said on a stream and not waited for.
    pub(super) fn has_heard(&mut self, stream: StreamId) -> Vec<Heard> {
        let said = |heard: &Heard| matches!(heard, Heard::Message(on, _) if *on == stream);
        std::iter::from_fn(|| self.heard.try_recv().ok()).filter(said).collect()
    }

    /// Says parts with these numbers, whose text is the number and a blank.
    pub(super) async fn say(&self, stream: StreamId, episode: Episode, seqs: impl IntoIterator<Item = i64>) {
        let part = |seq| StreamPart {
            role: MessageRole::Assistant,
            part: Part::text(format!("{seq} ")),
            history_version: episode.history_version,
            generation_attempt: episode.attempt,
            seq,
        };
        let parts: Vec<_> = seqs.into_iter().map(part).collect();
        self.order(Order::Say(stream, json!(parts))).await;
    }

    pub(super) async fn end(&self, stream: StreamId) {
        self.order(Order::End(stream)).await;
    }

    pub(super) async fn hang_up(&self) {
        self.order(Order::HangUp).await;
    }

    /// Asks the server that is connected for the parts of a chat.
    pub(super) async fn ask(&mut self, chat: &Value, choice: Value) -> StreamId {
        self.order(Order::Ask(json!({ "chat": chat["id"], "choice": choice }))).await;
        self.until("its own stream", |heard| match heard {
            Heard::Opened(stream) => Some(*stream),
            Heard::Connected | Heard::Message(..) | Heard::Ended(..) => None,
        })
        .await
    }

    async fn order(&self, order: Order) {
        let orders = self.shared.orders.lock().unwrap().clone().expect("it is connected");
        // A connection that has ended meanwhile obeys no more.
        let _ = orders.send(order).await;
    }
}

impl Shared {
    async fn serve(&self, inbound: TcpStream) -> Option<()> {
        self.n_dials.fetch_add(1, Ordering::SeqCst);
        let mut manner = self.manner.subscribe();
        if *manner.wait_for(|manner| *manner != Manner::Held).await.ok()? == Manner::Closed {
            return None;
        }
        let mut socket = accept_async(inbound).await.ok()?;
        let hello = receive(&mut socket).await?;
        let keys = self.keys.lock().unwrap().clone();
        let (accepting, challenge) = Accepting::new(self.me, &hello, &keys, rand::random()).ok()?;
        socket.send(Message::Binary(challenge.into())).await.ok()?;
        let answer = receive(&mut socket).await?;
        let established = accepting.finish(&answer).ok()?;
        let (orders, ordered) = mpsc::channel(64);
        *self.orders.lock().unwrap() = Some(orders);
        self.tell(Heard::Connected).await;
        self.talk(socket, established, ordered).await
    }

    async fn talk(
        &self,
        mut socket: WebSocketStream<TcpStream>,
        Established { mut sealing, mut opening, .. }: Established,
        mut orders: mpsc::Receiver<Order>,
    ) -> Option<()> {
        let mut session = Session::new(false, Instant::now());
        let mut ticks = tokio::time::interval(TICK);
        loop {
            while let Some((frame, _)) = session.poll_frame() {
                let sealed = sealing.seal(frame).ok()?;
                socket.send(Message::Binary(sealed.into())).await.ok()?;
            }
            tokio::select! {
                message = receive(&mut socket) => {
                    let frame = opening.open(message?).ok()?;
                    if let Some(event) = session.handle_frame(frame.into(), Instant::now()).ok()? {
                        self.hear(&mut session, event).await;
                    }
                }
                order = orders.recv() => self.obey(&mut session, order?).await?,
                _ = ticks.tick() => session.handle_timeout(Instant::now()).ok()?,
            }
        }
    }

    async fn hear(&self, session: &mut Session, event: Event) {
        match event {
            Event::Opened { stream, .. } => {
                self.n_opened.fetch_add(1, Ordering::SeqCst);
                if *self.manner.borrow() == Manner::Refusing {
                    session.close(stream, CloseReason::Refused);
                }
                self.tell(Heard::Opened(stream)).await;
            }
            Event::Changed(stream) => loop {
                match session.take(stream) {
                    Received::Message(message) => {
                        self.tell(Heard::Message(stream, serde_json::from_slice(&message).unwrap())).await;
                    }
                    Received::Ended(reason) => {
                        session.close(stream, reason);
                        return self.tell(Heard::Ended(stream, reason)).await;
                    }
                    Received::Nothing => return,
                }
            },
        }
    }

    /// None for the end of the connection.
    async fn obey(&self, session: &mut Session, order: Order) -> Option<()> {
        match order {
            // What is said on a stream that has ended is lost.
            Order::Say(stream, parts) => drop(session.send(stream, parts.to_string().into())),
            Order::End(stream) => session.close(stream, CloseReason::Failed),
            Order::Ask(wish) => {
                let header = json!({ "chat": wish["chat"] }).to_string();
                let stream = session.open(StreamKind::CHAT_PARTS, Hops::NONE, header.into()).unwrap();
                session.send(stream, wish["choice"].to_string().into()).unwrap();
                self.tell(Heard::Opened(stream)).await;
            }
            Order::HangUp => return None,
        }
        Some(())
    }

    async fn tell(&self, heard: Heard) {
        // Nobody listens when the test is over.
        let _ = self.teller.send(heard).await;
    }
}

async fn receive(socket: &mut WebSocketStream<TcpStream>) -> Option<Vec<u8>> {
    loop {
        if let Message::Binary(bytes) = socket.next().await?.ok()? {
            return Some(bytes.to_vec());
        }
    }
}
