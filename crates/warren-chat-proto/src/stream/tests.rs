//! Scenarios of one viewer, and a model of all interleavings.
//!
//! Guards that were taken away, and a test that failed:
//!
//! | guard | test |
//! |---|---|
//! | messages up to the viewer's last one are not told | `the_first_sync_gives_news_then_the_status_then_a_preview_reset` |
//! | of those only what changed since is told | `a_chat_that_was_edited_long_ago_does_not_start_over_at_every_return` |
//! | a snapshot that is not newer tells nothing | `what_a_viewer_was_told_is_not_told_again_however_often_it_arrives` |
//! | a part that was told is not told again | `what_a_viewer_was_told_is_not_told_again_however_often_it_arrives` |

use proptest::prelude::*;
use warren_vocab::{ChatId, MessageRole};

use super::*;
use crate::part::Part;

mod resume;

/// What happens to a chat and to what travels to a viewer.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// The worker begins another attempt.
    Attempt,
    /// The worker writes a part.
    Write,
    /// The worker commits its answer as a message.
    Commit,
    /// The user edits: the last message goes, another comes.
    Edit,
    /// The oldest part on its way arrives; it may be lost.
    DeliverPart { is_lost: bool },
    /// A hint arrives, maybe an old one.
    Hint { is_old: bool },
    /// The snapshot that was asked for arrives; `lag` versions late.
    Answer { lag: usize },
}

/// The truth, and the channel to the viewer.
struct World {
    versions: Versions,
    messages: Vec<Arc<Message>>,
    parts: Vec<Arc<StreamPart>>,
    snapshots: Vec<Snapshot>,
    travelling: VecDeque<Arc<StreamPart>>,
    next_id: i64,
    n_written: i64,
}

impl World {
    fn new() -> Self {
        let versions = Versions { snapshot: 1, history: 1, ..Versions::default() };
        let mut world = Self {
            versions,
            messages: Vec::new(),
            parts: Vec::new(),
            snapshots: Vec::new(),
            travelling: VecDeque::new(),
            next_id: 1,
            n_written: 0,
        };
        world.add_message("question");
        world.save();
        world
    }

    fn add_message(&mut self, text: &str) {
        let message = Message {
            id: MessageId(self.next_id),
            chat_id: ChatId::nil(),
            created_by: None,
            model_config_id: None,
            created_at: chrono::DateTime::UNIX_EPOCH,
            role: MessageRole::Assistant,
            visibility: warren_vocab::MessageVisibility::Both,
            compressed: false,
            content: vec![Part::text(text)],
            usage: None,
            revision: self.versions.snapshot,
        };
        self.next_id += 1;
        self.messages.push(Arc::new(message));
    }

    fn save(&mut self) {
        self.snapshots.push(Snapshot {
            versions: self.versions,
            status: ChatStatus::Running,
            error: None,
            retry: None,
            messages: self.messages.clone().into(),
            queue: Arc::new([]),
            action: None,
        });
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Attempt => {
                self.versions.snapshot += 1;
                self.versions.attempt += 1;
                self.parts.clear();
                self.save();
            }
            Act::Write if self.versions.attempt > 0 => {
                self.n_written += 1;
                let part = Arc::new(StreamPart {
                    role: MessageRole::Assistant,
                    part: Part::text(format!("<{}>", self.n_written)),
                    history_version: self.versions.history,
                    generation_attempt: self.versions.attempt,
                    seq: i64::try_from(self.parts.len()).unwrap() + 1,
                });
                self.parts.push(part.clone());
                self.travelling.push_back(part);
            }
            Act::Commit => {
                let text = text_of(&self.parts);
                self.new_history();
                self.add_message(&text);
                self.save();
            }
            Act::Edit => {
                self.new_history();
                self.messages.pop();
                self.add_message("edited");
                self.save();
            }
            Act::Write | Act::DeliverPart { .. } | Act::Hint { .. } | Act::Answer { .. } => {}
        }
    }

    fn new_history(&mut self) {
        self.versions.snapshot += 1;
        self.versions.history = self.versions.snapshot;
        self.versions.attempt = 0;
        self.parts.clear();
    }

    fn text(&self) -> String {
        let committed: String = self.messages.iter().map(|message| message_text(message)).collect();
        committed + &text_of(&self.parts)
    }
}

/// A client that follows the rules for events.
#[derive(Default)]
struct Client {
    messages: Vec<(MessageId, String)>,
    preview: String,
}

impl Client {
    fn apply(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::HistoryReset => self.messages.clear(),
            StreamEvent::Message(message) => {
                self.messages.retain(|(id, _)| *id != message.id);
                self.messages.push((message.id, message_text(&message)));
            }
            StreamEvent::PreviewReset => self.preview.clear(),
            StreamEvent::Part(part) => self.preview += &text_of(&[part]),
            StreamEvent::Queue(_)
            | StreamEvent::Status(_)
            | StreamEvent::Error(_)
            | StreamEvent::ActionRequired(_)
            | StreamEvent::Retry(_) => {}
        }
    }

    fn text(&self) -> String {
        let committed: String = self.messages.iter().map(|(_, text)| text.as_str()).collect();
        committed + &self.preview
    }
}

/// Carries out commands and hands events to the client.
struct Viewer {
    stream: StreamLoop,
    client: Client,
    fetch: bool,
}

impl Viewer {
    fn new(after: Option<MessageId>) -> Self {
        let mut viewer =
            Self { stream: StreamLoop::new(after, None), client: Client::default(), fetch: false };
        viewer.drain(&World::new());
        viewer
    }

    fn drain(&mut self, world: &World) {
        loop {
            while let Some(event) = self.stream.poll_event() {
                self.client.apply(event);
            }
            match self.stream.poll_command() {
                Some(StreamCommand::Fetch { .. }) => self.fetch = true,
                Some(StreamCommand::Replay { episode, after_seq }) => {
                    if episode == episode_of(&world.versions) {
                        let wanted = |part: &&Arc<StreamPart>| part.seq > after_seq;
                        let parts: Vec<_> = world.parts.iter().filter(wanted).cloned().collect();
                        self.stream.handle_replay(episode, &parts);
                    }
                }
                None => return,
            }
        }
    }

    fn act(&mut self, act: Act, world: &mut World) {
        match act {
            Act::DeliverPart { is_lost } => {
                if let Some(part) = world.travelling.pop_front()
                    && !is_lost
                {
                    self.stream.handle_part(&part);
                }
            }
            Act::Hint { is_old } => {
                self.stream.handle_hint(if is_old { 1 } else { world.versions.snapshot });
            }
            Act::Answer { lag } => {
                if std::mem::take(&mut self.fetch) {
                    let last = world.snapshots.len() - 1;
                    self.stream.handle_snapshot(&world.snapshots[last.saturating_sub(lag)]);
                }
            }
            Act::Attempt | Act::Write | Act::Commit | Act::Edit => {}
        }
        self.drain(world);
    }
}

fn message_text(message: &Message) -> String {
    let texts = message.content.iter().map(|part| match part {
        Part::Text { text } => text.as_str(),
        Part::Reasoning { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => "",
    });
    texts.collect()
}

fn text_of(parts: &[Arc<StreamPart>]) -> String {
    let texts = parts.iter().map(|part| match &part.part {
        Part::Text { text } => text.as_str(),
        Part::Reasoning { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => "",
    });
    texts.collect()
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::Attempt),
        4 => Just(Act::Write),
        1 => Just(Act::Commit),
        1 => Just(Act::Edit),
        4 => any::<bool>().prop_map(|is_lost| Act::DeliverPart { is_lost }),
        3 => any::<bool>().prop_map(|is_old| Act::Hint { is_old }),
        3 => (0usize..3).prop_map(|lag| Act::Answer { lag }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn after_all_has_arrived_the_viewer_has_the_committed_rows_and_the_live_prefix(
        acts in prop::collection::vec(acts(), 0..80),
    ) {
        let mut world = World::new();
        let mut viewer = Viewer::new(None);
        for act in acts {
            world.act(act);
            viewer.act(act, &mut world);
            // What a viewer shows is never a mixture: committed text of one version, and a prefix of one episode.
            let is_state = world.snapshots.iter().any(|snapshot| {
                let texts: String = snapshot.messages.iter().map(|message| message_text(message)).collect();
                viewer.client.messages.iter().map(|(_, text)| text.as_str()).collect::<String>() == texts
            });
            prop_assert!(viewer.client.messages.is_empty() || is_state);
        }
        // One more part that arrives shows every loss before it, then the rest is quiet.
        world.act(Act::Attempt);
        world.act(Act::Write);
        while !world.travelling.is_empty() {
            viewer.act(Act::DeliverPart { is_lost: false }, &mut world);
        }
        for _ in 0..3 {
            viewer.act(Act::Hint { is_old: false }, &mut world);
            viewer.act(Act::Answer { lag: 0 }, &mut world);
        }
        prop_assert_eq!(viewer.client.text(), world.text());
    }
}

fn drained(stream: &mut StreamLoop) -> Vec<StreamEvent> {
    std::iter::from_fn(|| stream.poll_event()).collect()
}

#[test]
fn the_first_sync_gives_news_then_the_status_then_a_preview_reset() {
    let mut world = World::new();
    world.act(Act::Commit);
    let snapshot = world.snapshots.last().unwrap();
    let mut stream = StreamLoop::new(Some(MessageId(1)), None);
    assert_eq!(stream.poll_command(), Some(StreamCommand::Fetch { newer_than: 0 }));
    stream.handle_snapshot(snapshot);
    assert_eq!(
        drained(&mut stream),
        [
            StreamEvent::Message(snapshot.messages[1].clone()),
            StreamEvent::Status(ChatStatus::Running),
            StreamEvent::PreviewReset,
        ]
    );
}

#[test]
fn a_viewer_whose_last_message_was_cut_starts_over() {
    let mut world = World::new();
    world.act(Act::Edit);
    let mut stream = StreamLoop::new(Some(MessageId(1)), None);
    stream.handle_snapshot(world.snapshots.last().unwrap());
    let events = drained(&mut stream);
    assert_eq!(events[0], StreamEvent::HistoryReset);
    assert!(matches!(&events[1], StreamEvent::Message(message) if message.id == MessageId(2)));
}

#[test]
fn an_old_hint_does_not_make_it_look() {
    let world = World::new();
    let mut stream = StreamLoop::new(None, None);
    let _ = stream.poll_command();
    stream.handle_snapshot(world.snapshots.last().unwrap());
    stream.handle_hint(1);
    assert_eq!(stream.poll_command(), None);
    stream.handle_hint(2);
    assert_eq!(stream.poll_command(), Some(StreamCommand::Fetch { newer_than: 1 }));
    stream.handle_hint(3);
    assert_eq!(stream.poll_command(), None, "one fetch at a time");
}

#[test]
fn a_gap_is_filled_from_the_place_where_the_viewer_is() {
    let mut world = World::new();
    world.act(Act::Attempt);
    let mut stream = StreamLoop::new(None, None);
    let _ = stream.poll_command();
    stream.handle_snapshot(world.snapshots.last().unwrap());
    assert!(
        matches!(stream.poll_command(), Some(StreamCommand::Replay { after_seq: 0, .. })),
        "it comes in the middle"
    );
    (0..3).for_each(|_| world.act(Act::Write));
    stream.handle_part(&world.parts[0]);
    drained(&mut stream);
    stream.handle_part(&world.parts[2]);
    assert_eq!(drained(&mut stream), [], "nothing is shown with a hole before it");
    let episode = world.snapshots.last().unwrap().episode();
    assert_eq!(stream.poll_command(), Some(StreamCommand::Replay { episode, after_seq: 1 }));
    stream.handle_replay(episode, &world.parts[1..]);
    assert_eq!(drained(&mut stream).len(), 2, "the viewer keeps what it has");
}
