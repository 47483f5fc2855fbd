//! Tails on a real store, with parts handed in as the writer does.
//!
//! Guards that were taken away, and a test that failed (those of the relay's shell are in `hub/relay/tests.rs`):
//!
//! | guard | test |
//! |---|---|
//! | parts of a newer attempt make the tail look, relayed ones too | `parts_that_come_before_the_hint_of_their_attempt_are_shown_at_once` |
//! | parts of a newer attempt make the tail look, own ones too | `a_slow_viewer_is_cut_off_and_goes_on_where_it_was` |
//! | parts of another attempt are dropped | `what_a_full_inbox_did_not_take_is_read_from_the_store` |
//! | parts behind a gap are read from the store | `parts_that_found_no_room_are_read_from_the_store` |
//! | parts that found no room in the inbox are read from the store | `what_a_full_inbox_did_not_take_is_read_from_the_store` |
//! | parts that found no room in a feed are read from the store | `what_a_feed_has_no_room_for_is_read_from_the_store` |
//! | a feed gives no part twice | `what_a_feed_has_no_room_for_is_read_from_the_store` |
//! | a feed begins with what the store has | `a_store_that_fails_ends_neither_dials_nor_viewers` |
//! | only chats that run are relayed | `a_chat_that_ends_while_a_dial_waits_to_be_repeated_is_not_dialled_again` |
//! | without a relay the store is read | `without_any_relay_the_store_tells_everything` |
//! | a connection that was lost is made again | `a_relay_that_drops_is_made_again_and_nothing_is_missing_or_twice` |
//! | what is read again and again is read without hints | `streams_go_on_while_nobody_says_that_anything_changed` |
//! | lost hints make the tail look | `hints_that_were_lost_are_made_good_by_looking_and_old_ones_cost_nothing` |
//! | old hints are not looked at | `hints_that_were_lost_are_made_good_by_looking_and_old_ones_cost_nothing` |
//! | a store that fails loses no viewer | `a_viewer_that_comes_while_the_store_fails_sees_the_chat_when_it_works_again` |
//! | who takes nothing is cut off | `a_slow_viewer_is_cut_off_and_goes_on_where_it_was` |
//! | nobody waits for a viewer (the tail was made to) | `a_viewer_that_takes_nothing_holds_nobody_up_when_hints_are_lost` hangs |
//! | a tail that somebody joins does not end | `whoever_comes_while_the_last_viewer_leaves_is_served` |
//! | a tail without viewers ends | `viewers_elsewhere_who_leave_at_any_moment_leave_nothing_behind` |
//! | a tail that has broken off is replaced | `whoever_comes_after_a_tail_has_broken_off_gets_another` |
//!
//! Not noticed, as another guard holds: a tail without viewers wants no relay (it ends), a snapshot that is not newer is not
//! told (viewers leave it out), a part that comes twice is left out (the store is read instead).

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use warren_authz::Resource;
use warren_chat_proto::{Part, StreamCursor, StreamEvent};
use warren_db::{ConnectionTrait, Guard, Location, Tx, query};
use warren_vocab::{BusyBehavior, ChatStatus, MessageRole, OrganizationId, UserId};

use super::*;
use crate::{
    metrics::ChatMetrics,
    parts::{EpisodeWriter, PartWriter},
    store::{Command, NewMessage, tests::stage::Stage},
};

mod races;
mod relay;

const DEADLINE: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(3600);

/// A channel on which nobody says anything.
fn silence(chat: ChatId) -> String {
    format!("nothing is said about {chat}")
}

fn alone() -> Others {
    Others { me: ReplicaId::new(), relay: None, relayed: Counter::default() }
}

struct World {
    stage: Stage,
    hub: Hub,
    chat: ChatId,
    tasks: Tasks,
}

impl World {
    async fn new(sweep: Duration, channel: fn(ChatId) -> String) -> Self {
        let stage = Stage::new().await;
        let chat = stage.create("question").await;
        stage.take(chat).await;
        let tasks = Tasks::new();
        let hub = Hub::with(stage.db.clone(), tasks.clone(), alone(), sweep, channel);
        Self { stage, hub, chat, tasks }
    }

    fn watch(&self, start: Start) -> Viewer {
        let organization = OrganizationId::from_uuid(self.stage.organization);
        let object = Object::owned_in(Resource::Chat, UserId::new(), organization);
        self.hub.watch(self.chat, start, object)
    }

    async fn begin_attempt(&self) -> Episode {
        let fence = self.stage.fence(self.chat).await;
        let state =
            self.stage.apply_under(self.chat, Some(&fence), Command::RecordAttempt).await.unwrap().state;
        Episode { history_version: state.versions.history, attempt: state.versions.attempt }
    }

    async fn commit(&self, text: &str) {
        let message = NewMessage::new(MessageRole::Assistant, vec![Part::text(text)]);
        self.stage.apply(self.chat, Command::CommitStep(vec![message])).await.unwrap();
    }

    async fn finish(&self) {
        self.commit("answer").await;
        let fence = self.stage.fence(self.chat).await;
        self.stage.apply_under(self.chat, Some(&fence), Command::FinishTurn).await.unwrap();
    }

    /// Takes a table away, or gives it back.
    async fn rename(&self, from: &str, to: &str) {
        let statement = format!("ALTER TABLE {from} RENAME TO {to}");
        let run = async |tx: &Tx| {
            tx.execute_unprepared(&statement).await?;
            Ok::<_, warren_db::DbError>(())
        };
        self.stage.db.write(run).await.unwrap();
    }

    /// The hub of another server, which this one hears nothing of.
    fn elsewhere(&self) -> Hub {
        Hub::with(self.stage.db.clone(), self.tasks.clone(), alone(), LONG, silence)
    }

    /// Writes parts of an attempt as a server does whose hub is `hub`.
    async fn writer(&self, hub: &Hub, episode: Episode) -> EpisodeWriter {
        let writer = PartWriter::new(ChatMetrics::default());
        self.tasks.spawn("parts", writer.clone().run(self.stage.db.clone(), hub.clone()));
        writer.open(self.chat, self.stage.fence(self.chat).await.lease, episode)
    }
}

fn part(episode: Episode, seq: i64) -> Arc<StreamPart> {
    Arc::new(StreamPart {
        role: MessageRole::Assistant,
        part: Part::text(format!("{seq} ")),
        history_version: episode.history_version,
        generation_attempt: episode.attempt,
        seq,
    })
}

/// What a viewer was told, in short.
#[derive(Default)]
struct Seen {
    status: Option<ChatStatus>,
    messages: Vec<i64>,
    preview: Vec<i64>,
    n_resets: usize,
    n_queued: usize,
    cursor: Option<StreamCursor>,
}

impl Seen {
    async fn until(&mut self, viewer: &mut Viewer, what: &str, holds: impl Fn(&Self) -> bool) {
        let follow = async {
            while !holds(self) {
                let frame = viewer.next().await.expect("the stream goes on");
                self.apply(&frame);
            }
        };
        assert!(tokio::time::timeout(DEADLINE, follow).await.is_ok(), "waited in vain for {what}");
    }

    fn apply(&mut self, frame: &Frame) {
        assert!((1..=Frame::EVENTS_MAX).contains(&frame.events.len()));
        self.cursor = Some(frame.cursor);
        for event in &frame.events {
            match event {
                StreamEvent::HistoryReset => self.messages.clear(),
                StreamEvent::Message(message) => self.messages.push(message.id.get()),
                StreamEvent::Queue(queue) => self.n_queued = queue.len(),
                StreamEvent::Status(status) => self.status = Some(*status),
                StreamEvent::PreviewReset => {
                    self.preview.clear();
                    self.n_resets += 1;
                }
                StreamEvent::Part(part) => self.preview.push(part.seq),
                StreamEvent::Error(_) | StreamEvent::Retry(_) | StreamEvent::ActionRequired(_) => {}
            }
        }
    }
}

#[tokio::test]
async fn streams_go_on_while_nobody_says_that_anything_changed() {
    let world = World::new(Duration::from_millis(20), silence).await;
    let (mut viewer, mut seen) = (world.watch(Start::default()), Seen::default());
    seen.until(&mut viewer, "the question", |seen| seen.messages.len() == 1).await;
    // Everything that another server does reaches this one through the store alone.
    let episode = world.begin_attempt().await;
    let parts = world.writer(&world.elsewhere(), episode).await;
    parts.push(MessageRole::Assistant, Part::text("an")).await;
    parts.flush().await;
    seen.until(&mut viewer, "the first part", |seen| seen.preview == [1]).await;
    parts.push(MessageRole::Assistant, Part::text("swer")).await;
    parts.flush().await;
    seen.until(&mut viewer, "the second part", |seen| seen.preview == [1, 2]).await;
    world.commit("answer").await;
    let queued = world.stage.send("next", BusyBehavior::Queue);
    world.stage.apply(world.chat, queued).await.unwrap();
    seen.until(&mut viewer, "the rest", |seen| seen.messages.len() == 2 && seen.n_queued == 1).await;
    assert_eq!(seen.preview, [0i64; 0], "the message took the place of its parts");
}

#[tokio::test]
async fn the_first_word_after_a_long_silence_brings_everything_that_was_missed() {
    let world = World::new(LONG, silence).await;
    let (mut viewer, mut seen) = (world.watch(Start::default()), Seen::default());
    seen.until(&mut viewer, "the question", |seen| seen.messages.len() == 1).await;
    for text in ["one", "two", "three"] {
        world.begin_attempt().await;
        world.commit(text).await;
    }
    let queued = world.stage.send("next", BusyBehavior::Queue);
    world.stage.apply(world.chat, queued).await.unwrap();
    let version = world.stage.state(world.chat).await.versions.snapshot;
    let say = async |tx: &warren_db::Tx| {
        tx.notify(silence(world.chat), serde_json::json!({ "snapshot_version": version }));
        Ok::<_, warren_db::DbError>(())
    };
    world.stage.db.write(say).await.unwrap();
    seen.until(&mut viewer, "all of it", |seen| seen.messages.len() == 4 && seen.n_queued == 1).await;
    let mut ids = seen.messages.clone();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each message came once: {:?}", seen.messages);
}

#[tokio::test]
async fn a_viewer_that_comes_while_the_store_fails_sees_the_chat_when_it_works_again() {
    let world = World::new(Duration::from_millis(50), silence).await;
    world.rename("chat_messages", "chat_messages_away").await;
    let (mut viewer, mut seen) = (world.watch(Start::default()), Seen::default());
    let tries = async {
        while world.hub.figures().reads < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, tries).await.is_ok(), "it is tried again");
    world.rename("chat_messages_away", "chat_messages").await;
    seen.until(&mut viewer, "the question", |seen| seen.messages.len() == 1).await;
    assert_eq!(world.hub.figures().viewers, 1, "the viewer was kept");
}

#[tokio::test]
async fn a_thousand_viewers_cost_one_read_for_each_version() {
    let world = World::new(LONG, channels::chat).await;
    let mut viewers: Vec<_> = (0..1000).map(|_| (world.watch(Start::default()), Seen::default())).collect();
    for (viewer, seen) in &mut viewers {
        seen.until(viewer, "the question", |seen| seen.messages.len() == 1).await;
    }
    assert_eq!(
        world.hub.figures(),
        StreamFigures {
            chats: 1,
            viewers: 1000,
            reads: world.hub.figures().reads,
            parts: 0,
            cut_off: 0,
            feeds: 0
        }
    );
    // The first sweep and the first viewer may both have looked.
    assert!(world.hub.figures().reads <= 2, "{:?}", world.hub.figures());
    let (reads, version) = (world.hub.figures().reads, world.stage.state(world.chat).await.versions.snapshot);
    let episode = world.begin_attempt().await;
    world.hub.show(world.chat, (1..=300).map(|seq| part(episode, seq)).collect());
    world.finish().await;
    for (viewer, seen) in &mut viewers {
        seen.until(viewer, "the end", |seen| seen.status == Some(ChatStatus::Waiting)).await;
        assert_eq!(seen.messages.len(), 2);
    }
    let versions = world.stage.state(world.chat).await.versions.snapshot - version;
    let news = world.hub.figures().reads - reads;
    assert!(news <= versions.unsigned_abs(), "{news} reads for {versions} versions");
}

#[tokio::test]
async fn a_slow_viewer_is_cut_off_and_goes_on_where_it_was() {
    let world = World::new(LONG, channels::chat).await;
    let (mut quick, mut quick_seen) = (world.watch(Start::default()), Seen::default());
    let (mut slow, mut slow_seen) = (world.watch(Start::default()), Seen::default());
    let episode = world.begin_attempt().await;
    let ready = |seen: &Seen| seen.n_resets > 0;
    quick_seen.until(&mut quick, "the attempt", ready).await;
    slow_seen.until(&mut slow, "the attempt", ready).await;
    let last = i64::try_from(ITEMS_WAITING_MAX).unwrap() + 50;
    for seq in 1..=last {
        world.hub.show(world.chat, vec![part(episode, seq)]);
        quick_seen.until(&mut quick, "a part", |seen| seen.preview.last() == Some(&seq)).await;
    }
    assert_eq!(world.hub.figures().cut_off, 1);
    let all: Vec<_> = (1..=last).collect();
    assert_eq!(quick_seen.preview, all, "the quick one was not disturbed");
    while let Some(frame) = tokio::time::timeout(DEADLINE, slow.next()).await.unwrap() {
        slow_seen.apply(&frame);
    }
    assert!(slow_seen.preview.len() < all.len());
    let resets = slow_seen.n_resets;
    let mut slow = world.watch(Start::at(slow_seen.cursor.unwrap()));
    slow_seen.until(&mut slow, "the rest", |seen| seen.preview.len() >= all.len()).await;
    assert_eq!((slow_seen.preview, slow_seen.n_resets), (all, resets), "nothing was taken back");
}

#[tokio::test]
async fn parts_that_found_no_room_are_read_from_the_store() {
    let world = World::new(LONG, channels::chat).await;
    let (mut viewer, mut seen) = (world.watch(Start::default()), Seen::default());
    let episode = world.begin_attempt().await;
    seen.until(&mut viewer, "the attempt", |seen| seen.n_resets > 0).await;
    let parts = world.writer(&world.hub, episode).await;
    parts.push(MessageRole::Assistant, Part::text("one ")).await;
    parts.flush().await;
    seen.until(&mut viewer, "the first part", |seen| seen.preview == [1]).await;
    let resets = seen.n_resets;
    // A gap: what comes now is not what comes next.
    world.hub.show(world.chat, vec![part(episode, 3)]);
    parts.push(MessageRole::Assistant, Part::text("two ")).await;
    parts.flush().await;
    seen.until(&mut viewer, "the second part", |seen| seen.preview.len() == 2).await;
    assert_eq!((&seen.preview[..], seen.n_resets), (&[1, 2][..], resets));
}

#[tokio::test]
async fn saved_parts_are_read_from_any_place_in_a_row() {
    let world = World::new(LONG, channels::chat).await;
    let writer = PartWriter::new(ChatMetrics::default());
    world.tasks.spawn("parts", writer.clone().run(world.stage.db.clone(), world.hub.clone()));
    let episode = world.begin_attempt().await;
    let parts = writer.open(world.chat, world.stage.fence(world.chat).await.lease, episode);
    // Rows of two parts: those of different roles do not become one.
    for _ in 0..3 {
        parts.push(MessageRole::Assistant, Part::text("said")).await;
        parts.push(MessageRole::Tool, Part::text("done")).await;
        parts.flush().await;
    }
    for after in 0..=7 {
        let found = tail::saved_parts_after(&world.stage.db, world.chat, episode, after).await.unwrap();
        let seqs: Vec<_> = found.iter().map(|part| part.seq).collect();
        assert_eq!(seqs, (after + 1..=6).collect::<Vec<_>>(), "after {after}");
    }
    let rows = |after| {
        let Episode { history_version, attempt } = episode;
        query::chat_parts::list(world.stage.db.reader(), world.chat, history_version, attempt, after)
    };
    assert!(rows(6).await.unwrap().len() <= 1, "what is known is not read again");
}

#[tokio::test]
async fn viewers_of_a_chat_that_was_set_back_come_anew() {
    let world = World::new(Duration::from_millis(20), silence).await;
    let reader = world.stage.db.reader();
    let before = query::chats::by_id(reader, world.chat).await.unwrap().unwrap();
    world.begin_attempt().await;
    world.commit("an answer that is lost").await;
    let (mut viewer, mut seen) = (world.watch(Start::default()), Seen::default());
    seen.until(&mut viewer, "both messages", |seen| seen.messages.len() == 2).await;
    let set_back = async |tx: &Tx| {
        tx.execute_unprepared("DELETE FROM chats").await?;
        // Without its messages, which only transitions may add.
        query::chats::insert(tx, before).await
    };
    world.stage.db.write(set_back).await.unwrap();
    let cut_off = async { while viewer.next().await.is_some() {} };
    assert!(tokio::time::timeout(DEADLINE, cut_off).await.is_ok(), "the viewer stays with what is gone");
    let mut again = world.watch(Start { cursor: seen.cursor, ..Start::default() });
    let first = tokio::time::timeout(DEADLINE, again.next()).await.unwrap().expect("the chat is there");
    assert!(matches!(first.events.first(), Some(StreamEvent::HistoryReset)), "{:?}", first.events);
    seen.apply(&first);
    assert!(seen.messages.is_empty());
}

#[tokio::test]
async fn a_thousand_viewers_that_come_and_go_leave_nothing_behind() {
    let world = World::new(LONG, channels::chat).await;
    let tasks_before = world.tasks.len();
    for round in 0..1000 {
        let mut viewer = world.watch(Start::default());
        if round % 3 == 0 {
            let frame = tokio::time::timeout(DEADLINE, viewer.next()).await.unwrap();
            assert!(frame.is_some());
        }
    }
    let gone = async {
        while world.hub.figures().chats > 0 || world.tasks.len() > tasks_before {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, gone).await.is_ok(), "{:?}", world.hub.figures());
    assert_eq!(world.hub.figures().viewers, 0);
}

/// Makes the database take no parts of one chat.
async fn refuse_parts_of(stage: &Stage, chat: ChatId) {
    let statement = match stage.database.location() {
        Location::Sqlite { .. } => format!(
            "CREATE TRIGGER refuse_one BEFORE INSERT ON chat_parts WHEN NEW.chat_id = x'{}' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
            chat.as_uuid().simple()
        ),
        Location::Postgres { .. } => format!(
            "CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.chat_id = '{chat}' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER refuse_one BEFORE INSERT ON chat_parts \
             FOR EACH ROW EXECUTE FUNCTION refuse_one()"
        ),
    };
    let write = async |tx: &Tx| tx.execute_unprepared(&statement).await.map_err(warren_db::DbError::from);
    stage.db.write(write).await.unwrap();
}

#[tokio::test]
async fn parts_that_the_database_refuses_do_not_hold_up_other_chats() {
    let world = World::new(LONG, channels::chat).await;
    let metrics = ChatMetrics::default();
    let writer = PartWriter::new(metrics.clone());
    let episode = world.begin_attempt().await;
    let lease = world.stage.fence(world.chat).await.lease;
    refuse_parts_of(&world.stage, world.chat).await;
    let other = world.stage.create("hello").await;
    let fence = world.stage.take(other).await;
    let begun = world.stage.apply_under(other, Some(&fence), Command::RecordAttempt).await.unwrap().state;
    let theirs = Episode { history_version: begun.versions.history, attempt: begun.versions.attempt };

    let refused = writer.open(world.chat, lease, episode);
    let fine = writer.open(other, fence.lease, theirs);
    refused.push(MessageRole::Assistant, Part::text("lost")).await;
    fine.push(MessageRole::Assistant, Part::text("kept")).await;
    world.tasks.spawn("parts", writer.clone().run(world.stage.db.clone(), world.hub.clone()));
    assert!(tokio::time::timeout(DEADLINE, fine.flush()).await.is_ok(), "what is fine is saved");
    assert!(tokio::time::timeout(DEADLINE, refused.flush()).await.is_ok(), "it comes to an end");
    let saved = saved_parts(&world.stage.db, other, theirs).await.unwrap();
    assert_eq!(saved.iter().map(|part| part.part.clone()).collect::<Vec<_>>(), [Part::text("kept")]);
    assert!(metrics.text().contains("coderd_chatd_stream_buffer_dropped_total 1\n"), "{}", metrics.text());
}

#[tokio::test]
async fn parts_of_a_chat_that_somebody_holds_wait_without_holding_up_others() {
    let world = World::new(LONG, channels::chat).await;
    if world.stage.db.is_exclusive() {
        // One transaction at a time: nothing can be held.
        return;
    }
    let writer = PartWriter::new(ChatMetrics::default());
    world.tasks.spawn("parts", writer.clone().run(world.stage.db.clone(), world.hub.clone()));
    let episode = world.begin_attempt().await;
    let lease = world.stage.fence(world.chat).await.lease;
    let other = world.stage.create("hello").await;
    let fence = world.stage.take(other).await;
    let begun = world.stage.apply_under(other, Some(&fence), Command::RecordAttempt).await.unwrap().state;
    let theirs = Episode { history_version: begun.versions.history, attempt: begun.versions.attempt };
    let held = writer.open(world.chat, lease, episode);
    let free = writer.open(other, fence.lease, theirs);
    let hold = async |_: &Tx| {
        held.push(MessageRole::Assistant, Part::text("one ")).await;
        free.push(MessageRole::Assistant, Part::text("free")).await;
        assert!(
            tokio::time::timeout(DEADLINE, free.flush()).await.is_ok(),
            "a free chat waits for a held one"
        );
        // What is said meanwhile does not overtake what waits.
        held.push(MessageRole::User, Part::text("two")).await;
        assert!(saved_parts(&world.stage.db, world.chat, episode).await.unwrap().is_empty());
        Ok::<_, warren_db::DbError>(())
    };
    world.stage.db.write_guarded(Guard::chat(world.chat), hold).await.unwrap();
    assert!(tokio::time::timeout(DEADLINE, held.flush()).await.is_ok(), "it comes to an end");
    let saved = saved_parts(&world.stage.db, world.chat, episode).await.unwrap();
    let said: Vec<_> = saved.iter().map(|part| (part.seq, part.part.clone())).collect();
    assert_eq!(said, [(1, Part::text("one ")), (2, Part::text("two"))]);
}

#[tokio::test]
async fn very_long_answers_end_with_a_mark_and_without_a_gap() {
    let world = World::new(LONG, channels::chat).await;
    let metrics = ChatMetrics::default();
    let writer = PartWriter::new(metrics.clone());
    world.tasks.spawn("parts", writer.clone().run(world.stage.db.clone(), world.hub.clone()));
    let episode = world.begin_attempt().await;
    let lease = world.stage.fence(world.chat).await.lease;
    let parts = writer.open(world.chat, lease, episode);
    for _ in 0..6 {
        parts.push(MessageRole::Assistant, Part::text("x".repeat(1024 * 1024))).await;
        parts.flush().await;
    }
    parts.push(MessageRole::Assistant, Part::text("small")).await;
    parts.push(MessageRole::Assistant, Part::tool_call("c1", "execute", serde_json::json!({}))).await;
    parts.flush().await;
    let saved = saved_parts(&world.stage.db, world.chat, episode).await.unwrap();
    let seqs: Vec<_> = saved.iter().map(|part| part.seq).collect();
    assert_eq!(seqs, (1..=i64::try_from(saved.len()).unwrap()).collect::<Vec<_>>());
    let marks =
        saved.iter().filter(|part| matches!(&part.part, Part::Text { text } if text.contains("longer")));
    assert_eq!(marks.count(), 1);
    assert!(
        saved.iter().all(|part| part.part != Part::text("small")),
        "nothing small slips in after the mark"
    );
    assert!(matches!(saved.last().unwrap().part, Part::ToolCall { .. }));
    let text = metrics.text();
    assert!(text.contains("coderd_chatd_stream_buffer_dropped_total 3\n"), "{text}");
}
