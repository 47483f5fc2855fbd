//! A viewer's exact place in a stream, as opaque text.

use std::{fmt, str::FromStr};

use warren_vocab::{ChatStatus, MessageId};

use super::Episode;

/// What a viewer has been told: everything up to here, and nothing after it. It survives reconnects and servers, as it names
/// only what is kept in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StreamCursor {
    /// The newest version of the chat of which the viewer was told anything.
    pub(super) snapshot: i64,
    /// Of the messages up to `last_message`, the viewer has what this history version says.
    pub(super) history: i64,
    pub(super) last_message: i64,
    pub(super) queue: i64,
    pub(super) retry: i64,
    /// The history version at which the viewer was told of an error; 0 when it was told of none.
    pub(super) error: i64,
    /// The version at which the viewer was told what must be answered; 0 when there is nothing.
    pub(super) action: i64,
    pub(super) status: Option<ChatStatus>,
    /// Where the answer that is being written is, and how much of it the viewer has.
    pub(super) episode: Episode,
    pub(super) seq: i64,
}

/// The text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a place in a stream")]
pub struct BadCursor;

/// Changes with the meaning of the fields.
const FORMAT: &str = "1";

impl StreamCursor {
    /// The last message that the viewer has.
    pub fn last_message(&self) -> Option<MessageId> {
        (self.last_message > 0).then_some(MessageId(self.last_message))
    }

    fn numbers(&self) -> [i64; 10] {
        let Episode { history_version, attempt } = self.episode;
        [
            self.snapshot,
            self.history,
            self.last_message,
            self.queue,
            self.retry,
            self.error,
            self.action,
            history_version,
            attempt,
            self.seq,
        ]
    }
}

impl fmt::Display for StreamCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FORMAT}.{}", self.status.map_or("", ChatStatus::as_str))?;
        self.numbers().iter().try_for_each(|number| write!(f, ".{number}"))
    }
}

impl FromStr for StreamCursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split('.');
        if words.next() != Some(FORMAT) {
            return Err(BadCursor);
        }
        let status = words.next().ok_or(BadCursor)?;
        let status = if status.is_empty() { None } else { Some(status.parse().map_err(|_| BadCursor)?) };
        let numbers: Vec<i64> = words.map(str::parse).collect::<Result<_, _>>().map_err(|_| BadCursor)?;
        let numbers: [i64; 10] = numbers.try_into().map_err(|_| BadCursor)?;
        if numbers.iter().any(|number| *number < 0) {
            return Err(BadCursor);
        }
        let [snapshot, history, last_message, queue, retry, error, action, history_version, attempt, seq] =
            numbers;
        let episode = Episode { history_version, attempt };
        Ok(Self { snapshot, history, last_message, queue, retry, error, action, status, episode, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_anything_else_is_refused() {
        let cursor = StreamCursor {
            snapshot: i64::MAX,
            history: 8,
            last_message: 7,
            status: Some(ChatStatus::RequiresAction),
            episode: Episode { history_version: 8, attempt: 2 },
            seq: 41,
            ..StreamCursor::default()
        };
        for cursor in [cursor, StreamCursor::default()] {
            let text = cursor.to_string();
            assert_eq!(text.parse(), Ok(cursor));
            assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c)), "{text}");
        }
        let text = cursor.to_string();
        let cut = &text[..text.len() - 3];
        let longer = format!("{text}.1");
        let wrong = ["", "1", "2.running.1.1.1.1.1.1.1.1.1.1", "1.asleep.1.1.1.1.1.1.1.1.1.1", cut, &longer];
        for text in wrong.into_iter().chain(["1..-1.0.0.0.0.0.0.0.0.0", "1..x.0.0.0.0.0.0.0.0.0"]) {
            assert_eq!(text.parse::<StreamCursor>(), Err(BadCursor), "{text}");
        }
    }
}
