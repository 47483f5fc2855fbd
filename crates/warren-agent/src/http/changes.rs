//! Changes of files that are made once for each key.
//!
//! Owns the lock under which files change, and the memory of what each key was told. The memory is bounded; it lives as
//! long as the agent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use warren_wire::agent_http::{Change, KEY_BYTES_MAX};

use super::HttpError;

/// Keys that are remembered.
const KEYS_MAX: usize = 4096;
/// Bytes of answers that are remembered.
const BYTES_MAX: usize = 16 << 20;

/// Makes changes one after the other: an edit reads and then replaces, and two at once would lose one of them. One lock for
/// all files, because a request may name several.
#[derive(Clone, Default)]
pub(super) struct Changes {
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    told: HashMap<(String, String), String>,
    order: VecDeque<(String, String)>,
    n_bytes: usize,
}

impl Changes {
    /// Makes a change, or gives what the same key of the same chat was told before. Blocks while another change is made.
    pub(super) fn make(
        &self,
        chat: &str,
        key: Option<&str>,
        change: impl FnOnce() -> Result<Change, HttpError>,
    ) -> Result<Change, HttpError> {
        let mut memory = self.lock();
        let Some(key) = key else { return change() };
        if key.is_empty() || key.len() > KEY_BYTES_MAX || key.contains('/') {
            return Err(HttpError::bad_request("the key must have 1 to 128 characters and no slash"));
        }
        if let Some(told) = memory.get(chat, key) {
            return Ok(told);
        }
        let made = change();
        // A failure of the system may pass; only what was decided is remembered.
        let told = match &made {
            Ok(change) => Some(change.clone()),
            Err(error) if error.status.is_client_error() => Some(Change::Refused(error.body())),
            Err(_) => None,
        };
        if let Some(told) = told {
            memory.put(chat, key, &told);
        }
        made
    }

    /// What a key was told.
    pub(super) fn told(&self, chat: &str, key: &str) -> Option<Change> {
        self.lock().get(chat, key)
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn get(&self, chat: &str, key: &str) -> Option<Change> {
        let told = self.told.get(&(chat.to_owned(), key.to_owned()))?;
        serde_json::from_str(told).ok()
    }

    fn put(&mut self, chat: &str, key: &str, told: &Change) {
        let Ok(text) = serde_json::to_string(told) else { return };
        let id = (chat.to_owned(), key.to_owned());
        self.n_bytes += text.len();
        self.told.insert(id.clone(), text);
        self.order.push_back(id);
        while self.order.len() > KEYS_MAX || (self.n_bytes > BYTES_MAX && self.order.len() > 1) {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(text) = self.told.remove(&oldest) {
                self.n_bytes -= text.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use warren_wire::agent_http::WrittenFile;

    use super::*;

    fn written(bytes: u64) -> Result<Change, HttpError> {
        Ok(Change::Written(WrittenFile { path: "/f".into(), bytes }))
    }

    #[test]
    fn a_key_changes_once_and_is_told_the_same_again() {
        let changes = Changes::default();
        let first = changes.make("chat", Some("k"), || written(1)).unwrap();
        let second = changes.make("chat", Some("k"), || panic!("it was made before")).unwrap();
        assert_eq!(first, second);
        assert_eq!(changes.told("chat", "k"), Some(first));
        assert_eq!(changes.told("other", "k"), None, "keys belong to chats");
        let other = changes.make("other", Some("k"), || written(2)).unwrap();
        assert_eq!(other, written(2).unwrap());
    }

    #[test]
    fn a_refusal_is_remembered_and_a_failure_is_not() {
        let changes = Changes::default();
        let refused = || Err(HttpError::bad_request("no such text"));
        changes.make("chat", Some("k"), refused).unwrap_err();
        assert!(
            matches!(changes.told("chat", "k"), Some(Change::Refused(body)) if body.message == "no such text")
        );
        let failed = || Err(HttpError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "disk full"));
        changes.make("chat", Some("l"), failed).unwrap_err();
        assert_eq!(changes.told("chat", "l"), None);
    }

    #[test]
    fn the_memory_is_bounded() {
        let changes = Changes::default();
        for n in 0..KEYS_MAX + 10 {
            changes.make("chat", Some(&n.to_string()), || written(1)).unwrap();
        }
        assert_eq!(changes.told("chat", "9"), None);
        assert!(changes.told("chat", "10").is_some());
        let large = Change::Refused(warren_wire::agent_http::ErrorBody {
            message: "x".repeat(BYTES_MAX / 2),
            detail: String::new(),
        });
        for key in ["a", "b", "c"] {
            changes.make("chat", Some(key), || Ok(large.clone())).unwrap();
        }
        assert!(changes.told("chat", "a").is_none() && changes.told("chat", "c").is_some());
    }
}
