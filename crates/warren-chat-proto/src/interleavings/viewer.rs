//! A viewer that is cut off after every look and goes on from its cursor.

use std::sync::Arc;

use warren_vocab::{ChatId, ChatStatus, MessageId, MessageRole, MessageVisibility};

use super::world::World;
use crate::{
    message::Message,
    part::{Part, StreamPart},
    stream::{Episode, Snapshot, StreamCommand, StreamCursor, StreamEvent, StreamLoop},
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Viewer {
    cursor: Option<StreamCursor>,
    /// Ids and revisions of the messages that it has.
    messages: Vec<(i64, i64)>,
    status: Option<ChatStatus>,
    episode: Episode,
    /// How many parts of the episode it has.
    n_parts: i64,
    pub(super) fault: Option<&'static str>,
}

impl Viewer {
    pub(super) fn look(&mut self, world: &World, all: bool) -> bool {
        let mut stream = StreamLoop::new(None, self.cursor);
        while let Some(command) = stream.poll_command() {
            match command {
                StreamCommand::Fetch { .. } => stream.handle_snapshot(&snapshot(world)),
                StreamCommand::Replay { episode, after_seq } => {
                    let parts: Vec<_> =
                        parts(world).into_iter().filter(|part| part.seq > after_seq).collect();
                    stream.handle_replay(episode, &parts);
                }
            }
        }
        let mut n_events = 0;
        while all || n_events == 0 {
            let Some(event) = stream.poll_event() else { break };
            self.take(event, world);
            n_events += 1;
        }
        self.cursor = stream.cursor();
        if all && !self.has_all(world) {
            self.fault = Some("it has looked at everything and shows something else");
        }
        true
    }

    /// Whether it has seen the beginning of the current answer only.
    pub(super) fn is_in_the_middle(&self, world: &World) -> bool {
        self.episode == world.episode() && self.n_parts > 0 && self.n_parts < world.n_parts
    }

    /// Whether it shows a message that an edit has taken away.
    pub(super) fn shows_more_than(&self, world: &World) -> bool {
        self.messages.iter().any(|had| world.items.iter().all(|item| item.id != had.0))
    }

    fn has_all(&self, world: &World) -> bool {
        let wanted: Vec<_> = world.items.iter().map(|item| (item.id, item.revision)).collect();
        let shows_answer =
            world.n_parts == 0 || (self.episode == world.episode() && self.n_parts == world.n_parts);
        self.messages == wanted && self.status == Some(world.state.status) && shows_answer
    }

    fn take(&mut self, event: StreamEvent, world: &World) {
        match event {
            StreamEvent::HistoryReset => {
                let is_live = |had: &(i64, i64)| world.items.iter().any(|item| item.id == had.0);
                if self.messages.iter().all(is_live) {
                    self.fault = Some("it starts over although it has lost nothing");
                }
                self.messages.clear();
            }
            StreamEvent::Message(message) => {
                let place = (message.id.get(), message.revision);
                if self.messages.contains(&place) {
                    self.fault = Some("it gets a message twice");
                }
                self.messages.push(place);
            }
            StreamEvent::PreviewReset => {
                (self.n_parts, self.episode) = (0, world.episode());
            }
            StreamEvent::Part(part) => {
                if part.seq != self.n_parts + 1 || part.episode() != self.episode {
                    self.fault = Some("it gets a part that does not follow");
                }
                self.n_parts = part.seq;
            }
            StreamEvent::Status(status) => self.status = Some(status),
            StreamEvent::Queue(_)
            | StreamEvent::Error(_)
            | StreamEvent::ActionRequired(_)
            | StreamEvent::Retry(_) => {}
        }
    }
}

fn snapshot(world: &World) -> Snapshot {
    let message = |item: &super::world::Item| {
        Arc::new(Message {
            id: MessageId(item.id),
            chat_id: ChatId::nil(),
            created_by: None,
            model_config_id: None,
            created_at: chrono::DateTime::UNIX_EPOCH,
            role: MessageRole::User,
            visibility: MessageVisibility::Both,
            compressed: false,
            content: Vec::new(),
            usage: None,
            revision: item.revision,
        })
    };
    Snapshot {
        versions: world.state.versions,
        status: world.state.status,
        error: None,
        retry: None,
        messages: world.items.iter().map(message).collect(),
        queue: Arc::new([]),
        action: None,
    }
}

fn parts(world: &World) -> Vec<Arc<StreamPart>> {
    let Episode { history_version, attempt } = world.episode();
    let part = |seq| {
        Arc::new(StreamPart {
            role: MessageRole::Assistant,
            part: Part::text("x"),
            history_version,
            generation_attempt: attempt,
            seq,
        })
    };
    (1..=world.n_parts).map(part).collect()
}
