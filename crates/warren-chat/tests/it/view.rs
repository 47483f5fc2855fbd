//! A viewer that follows the rules of the stream.

use serde_json::Value;
use warren_chat::{
    Viewer,
    proto::{ChatError, Message, Part, StreamCursor, StreamEvent},
};
use warren_vocab::{ChatStatus, MessageId, MessageRole};

use crate::support::DEADLINE;

/// A client that keeps what the rules of the stream let it keep.
pub(crate) struct View {
    viewer: Viewer,
    /// The place after the last frame.
    pub(crate) cursor: Option<StreamCursor>,
    pub(crate) messages: Vec<Message>,
    pub(crate) preview: Vec<Part>,
    /// All parts that were ever shown.
    pub(crate) shown: Vec<Part>,
    pub(crate) status: Option<ChatStatus>,
    pub(crate) error: Option<ChatError>,
    pub(crate) n_queued: usize,
    pub(crate) retries: Vec<String>,
    pub(crate) n_preview_resets: usize,
}

impl View {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self {
            viewer,
            cursor: None,
            messages: Vec::new(),
            preview: Vec::new(),
            shown: Vec::new(),
            status: None,
            error: None,
            n_queued: 0,
            retries: Vec::new(),
            n_preview_resets: 0,
        }
    }

    /// Follows the stream until the condition holds.
    pub(crate) async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let followed = tokio::time::timeout(DEADLINE, async {
            while !condition(self) {
                let frame = self.viewer.next().await.expect("the stream goes on");
                self.cursor = Some(frame.cursor);
                frame.events.into_iter().for_each(|event| self.apply(event));
            }
        });
        if followed.await.is_err() {
            panic!(
                "waited in vain for {what}: {:?} {:?} {:?} {:?}",
                self.status, self.messages, self.preview, self.error
            );
        }
    }

    pub(crate) async fn until_waiting(&mut self) {
        self.until("the end of the turn", |view| view.status == Some(ChatStatus::Waiting)).await;
    }

    fn apply(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::HistoryReset => self.messages.clear(),
            StreamEvent::Message(message) => {
                self.messages.retain(|known| known.id != message.id);
                self.messages.push((*message).clone());
            }
            StreamEvent::Queue(queue) => self.n_queued = queue.len(),
            StreamEvent::Status(status) => self.status = Some(status),
            StreamEvent::Error(error) => self.error = Some(error),
            StreamEvent::ActionRequired(_) => {}
            StreamEvent::Retry(retry) => self.retries.push(retry.error),
            StreamEvent::PreviewReset => {
                self.preview.clear();
                self.n_preview_resets += 1;
            }
            StreamEvent::Part(part) => {
                self.preview.push(part.part.clone());
                self.shown.push(part.part.clone());
            }
        }
    }

    pub(crate) fn preview_text(&self) -> String {
        text(&self.preview)
    }

    /// Role and text of each message.
    pub(crate) fn story(&self) -> Vec<(MessageRole, String)> {
        self.messages.iter().map(|message| (message.role, text(&message.content))).collect()
    }

    pub(crate) fn last_id(&self) -> Option<MessageId> {
        self.messages.last().map(|message| message.id)
    }

    /// Results of tools, in the order of the history.
    pub(crate) fn results(&self) -> Vec<(Value, bool)> {
        let parts = self.messages.iter().flat_map(|message| &message.content);
        parts
            .filter_map(|part| match part {
                Part::ToolResult { result: Some(result), is_error, .. } => Some((result.clone(), *is_error)),
                _ => None,
            })
            .collect()
    }
}

pub(crate) fn text(parts: &[Part]) -> String {
    parts
        .iter()
        .filter_map(|part| if let Part::Text { text } = part { Some(text.as_str()) } else { None })
        .collect()
}
