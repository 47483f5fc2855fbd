//! Viewers that lose their connection again and again see what one sees that never lost it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use warren_authz::Subject;
use warren_chat::{
    ChatService, Frame, Start,
    proto::{Episode, Message, Part, StreamCursor, StreamEvent},
};
use warren_vocab::{BusyBehavior, ChatId, ChatStatus, MessageId};

use crate::support::{DEADLINE, Stage, text};

const DROPS: usize = 10_000;
const VIEWERS: usize = 8;
/// However slow the machine is, the test ends; it then fails with the number of drops that it came to.
const TIME_MAX: Duration = Duration::from_secs(150);

/// A client that keeps what the rules of the stream let it keep, and refuses what they forbid.
#[derive(Default)]
struct Client {
    cursor: Option<StreamCursor>,
    messages: Vec<Message>,
    preview: Vec<Part>,
    place: Option<(Episode, i64)>,
    /// Messages that were told, by id and revision, since the last reset.
    told: BTreeSet<(MessageId, i64)>,
    status: Option<ChatStatus>,
    n_queued: usize,
}

impl Client {
    fn take(&mut self, frame: &Frame) {
        self.cursor = Some(frame.cursor);
        frame.events.iter().for_each(|event| self.apply(event));
    }

    fn apply(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::HistoryReset => {
                self.messages.clear();
                self.told.clear();
            }
            StreamEvent::Message(message) => {
                assert!(self.told.insert((message.id, message.revision)), "{:?} was told twice", message.id);
                self.messages.retain(|known| known.id != message.id);
                self.messages.push((**message).clone());
            }
            StreamEvent::Queue(queue) => self.n_queued = queue.len(),
            StreamEvent::Status(status) => self.status = Some(*status),
            StreamEvent::PreviewReset => {
                self.preview.clear();
                self.place = None;
            }
            StreamEvent::Part(part) => {
                let episode = part.episode();
                match self.place {
                    Some((known, seq)) => {
                        assert_eq!((known, seq + 1), (episode, part.seq), "a gap or a repeat")
                    }
                    None => assert_eq!(part.seq, 1, "the beginning is missing"),
                }
                self.place = Some((episode, part.seq));
                self.preview.push(part.part.clone());
            }
            StreamEvent::Error(_) | StreamEvent::Retry(_) | StreamEvent::ActionRequired(_) => {}
        }
    }

    fn summary(&self) -> (Vec<Message>, String, Option<ChatStatus>, usize) {
        let mut messages = self.messages.clone();
        messages.sort_by_key(|message| message.id);
        (messages, text(&self.preview), self.status, self.n_queued)
    }
}

/// What all viewers of the test share.
#[derive(Clone)]
struct Scene {
    chat: ChatService,
    subject: Subject,
    id: ChatId,
    n_drops: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Scene {
    /// Connects, reads a few frames, loses the connection, maybe with a frame that was on its way; again and again.
    async fn drop_again_and_again(self, seed: u64) -> Client {
        let mut random = StdRng::seed_from_u64(seed);
        let mut client = Client::default();
        while !self.is_over.load(Ordering::Relaxed) {
            let start = Start { after: None, cursor: client.cursor };
            let mut viewer = self.chat.watch(&self.subject, self.id, start).await.unwrap();
            for _ in 0..random.random_range(0..4) {
                let wait = Duration::from_millis(random.random_range(1..10));
                let Ok(frame) = tokio::time::timeout(wait, viewer.next()).await else { break };
                let frame = frame.expect("this viewer is not slow");
                if random.random_bool(0.25) {
                    break;
                }
                client.take(&frame);
            }
            self.n_drops.fetch_add(1, Ordering::Relaxed);
        }
        client
    }

    /// Reads until the chat rests and nothing more is to come.
    async fn read_to_the_end(&self, client: &mut Client, last: Option<MessageId>) {
        let start = Start { after: None, cursor: client.cursor };
        let mut viewer = self.chat.watch(&self.subject, self.id, start).await.unwrap();
        let reading = tokio::time::timeout(DEADLINE, async {
            while client.status != Some(ChatStatus::Waiting)
                || client.messages.iter().map(|message| message.id).max() != last
                || client.n_queued > 0
                || !client.preview.is_empty()
            {
                client.take(&viewer.next().await.expect("this viewer is not slow"));
            }
        });
        assert!(reading.await.is_ok(), "the rest does not come: {:?}", client.summary());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_that_are_dropped_10_000_times_see_what_one_that_stays_sees() {
    let seed: u64 =
        std::env::var("WARREN_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("WARREN_TEST_SEED={seed}");
    let stage = Stage::new().await;
    let _model = stage
        .with_script(&json!({ "turns": [
            { "when": { "user": "work", "tool_results": 0 }, "steps": [
                { "text": "I look around in the house." },
                { "tool_call": { "name": "list_templates", "args": {} } },
            ] },
            { "when": { "user": "break", "nth": 1 }, "steps": [{ "text": "This is lost" }, "cut"] },
            { "steps": [
                { "reasoning": "What could the answer be?" },
                { "clock": { "count": 60, "interval_ms": 3 } },
                { "text": "That is the time, word by word, until the end of it." },
            ] },
        ] }))
        .await;
    let id = stage.create("talk").await;
    let scene = Scene {
        chat: stage.chat.clone(),
        subject: stage.subject.clone(),
        id,
        n_drops: Arc::default(),
        is_over: Arc::default(),
    };
    let mut viewers = Vec::new();
    for number in 0..VIEWERS {
        let dropped = scene.clone().drop_again_and_again(seed.wrapping_add(number as u64));
        viewers.push(tokio::spawn(dropped));
    }
    let mut steady = Client::default();
    let mut viewer = stage.chat.watch(&stage.subject, id, Start::default()).await.unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let begin = std::time::Instant::now();
    while scene.n_drops.load(Ordering::Relaxed) < DROPS && begin.elapsed() < TIME_MAX {
        disturb(&stage, id, &mut random, &steady).await;
        for _ in 0..random.random_range(1..60) {
            let Ok(frame) = tokio::time::timeout(Duration::from_millis(100), viewer.next()).await else {
                break;
            };
            steady.take(&frame.expect("this viewer is not slow"));
        }
    }
    scene.is_over.store(true, Ordering::Relaxed);
    let n_drops = scene.n_drops.load(Ordering::Relaxed);
    assert!(n_drops >= DROPS, "only {n_drops} drops in {TIME_MAX:?}");
    // One more turn, after which the chat rests.
    let last = Stage::message("talk about the end", BusyBehavior::Interrupt);
    stage.chat.send(&stage.subject, id, last).await.unwrap();
    let ended = tokio::time::timeout(DEADLINE, async {
        let has_answer = |client: &Client| {
            let end = client.messages.iter().rposition(|one| text(&one.content) == "talk about the end");
            end.is_some_and(|end| client.messages.len() > end + 1)
        };
        while !(has_answer(&steady) && steady.status == Some(ChatStatus::Waiting) && steady.n_queued == 0) {
            steady.take(&viewer.next().await.expect("this viewer is not slow"));
        }
    });
    assert!(ended.await.is_ok(), "the chat does not come to rest: {:?}", steady.summary());
    let last = steady.messages.iter().map(|message| message.id).max();
    for viewer in viewers {
        let mut client = viewer.await.unwrap();
        scene.read_to_the_end(&mut client, last).await;
        assert_eq!(client.summary(), steady.summary());
    }
    println!("{n_drops} drops in {:?}", begin.elapsed());
}

/// Does something that users do.
async fn disturb(stage: &Stage, id: ChatId, random: &mut StdRng, steady: &Client) {
    let subject = &stage.subject;
    let words = ["talk", "work", "talk", "break"][random.random_range(0..4)];
    // Many of these come at a moment that does not allow them, which is fine.
    let done = match random.random_range(0..10) {
        0..=4 => stage.chat.send(subject, id, Stage::message(words, BusyBehavior::Queue)).await.map(drop),
        5..=6 => stage.chat.send(subject, id, Stage::message(words, BusyBehavior::Interrupt)).await.map(drop),
        7 => stage.chat.interrupt(subject, id).await.map(drop),
        _ => {
            let users = steady.messages.iter().filter(|one| one.role == warren_vocab::MessageRole::User);
            let users: Vec<_> = users.map(|one| one.id).collect();
            let Some(first) = users.get(users.len().saturating_sub(3)) else { return };
            stage.chat.edit(subject, id, *first, Stage::message(words, BusyBehavior::Queue)).await.map(drop)
        }
    };
    if let Err(error) = done {
        let is_expected = matches!(
            error,
            warren_chat::ChatServiceError::Conflict { .. }
                | warren_chat::ChatServiceError::QueueFull
                | warren_chat::ChatServiceError::NotFound
        );
        assert!(is_expected, "{error:?}");
    }
}
