//! Changes of files that are made once for each key.
//!
//! Owns who changes which file at a time, and the memory of what each key was told. The memory is bounded; it lives as
//! long as the agent. No lock is held while a file is read or written, as that may take for ever on some file systems.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use warren_wire::agent_http::{Change, ErrorBody, KEY_BYTES_MAX};

use super::HttpError;

/// Keys that are remembered.
const KEYS_MAX: usize = 4096;
/// Bytes of answers that are remembered.
const BYTES_MAX: usize = 16 << 20;
/// How long a change waits for another one of the same file or under the same key. Who asks waits for a minute.
const TURN_DEADLINE: Duration = Duration::from_secs(30);

/// Makes changes of one file one after the other: an edit reads and then replaces, and two at once would lose one of them.
#[derive(Clone, Default)]
pub(super) struct Changes {
    shared: Arc<Turns>,
}

#[derive(Default)]
struct Turns {
    memory: Mutex<Memory>,
    /// Rung when something is no longer claimed.
    freed: Condvar,
}

#[derive(Default)]
struct Memory {
    claimed: HashSet<Claimed>,
    told: HashMap<(String, String), String>,
    order: VecDeque<(String, String)>,
    n_bytes: usize,
}

/// What a change has for itself while it is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Claimed {
    Key(String, String),
    File(PathBuf),
}

/// Gives back what was claimed.
struct Claim<'a> {
    turns: &'a Turns,
    things: Vec<Claimed>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut memory = self.turns.lock();
        for thing in &self.things {
            memory.claimed.remove(thing);
        }
        drop(memory);
        self.turns.freed.notify_all();
    }
}

impl Changes {
    /// Makes a change of some files, or gives what the same key of the same chat was told before. Blocks while another
    /// change of one of them is made.
    pub(super) fn make(
        &self,
        chat: &str,
        key: Option<&str>,
        files: Vec<PathBuf>,
        change: impl FnOnce() -> Result<Change, HttpError>,
    ) -> Result<Change, HttpError> {
        let mut things: Vec<_> = files.into_iter().map(Claimed::File).collect();
        if let Some(key) = key {
            things.push(named(chat, key)?);
        }
        let _claim = self.claim(things)?;
        let Some(key) = key else { return change() };
        if let Some(told) = self.shared.lock().get(chat, key) {
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
            self.shared.lock().put(chat, key, &told);
        }
        made
    }

    /// What a key was told. Blocks while a change is made under it.
    pub(super) fn told(&self, chat: &str, key: &str) -> Result<Option<Change>, HttpError> {
        let _claim = self.claim(vec![named(chat, key)?])?;
        Ok(self.shared.lock().get(chat, key))
    }

    /// What a key was told; a key that was not heard of yet makes no change any more.
    pub(super) fn never(&self, chat: &str, key: &str) -> Result<Option<Change>, HttpError> {
        let _claim = self.claim(vec![named(chat, key)?])?;
        let mut memory = self.shared.lock();
        let told = memory.get(chat, key);
        if told.is_none() {
            let message = String::from("this change was called off before it was made; no file was changed");
            memory.put(chat, key, &Change::Refused(ErrorBody { message, detail: String::new() }));
        }
        Ok(told)
    }

    /// Waits until nobody else has any of some things.
    fn claim(&self, things: Vec<Claimed>) -> Result<Claim<'_>, HttpError> {
        let turns = &*self.shared;
        let is_taken = |memory: &mut Memory| things.iter().any(|thing| memory.claimed.contains(thing));
        let waited = turns.freed.wait_timeout_while(turns.lock(), TURN_DEADLINE, is_taken);
        let (mut memory, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            let text = "another change of the same file is still being made; try again later";
            return Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        memory.claimed.extend(things.iter().cloned());
        Ok(Claim { turns, things })
    }
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(chat: &str, key: &str) -> Result<Claimed, HttpError> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX || key.contains('/') {
        return Err(HttpError::bad_request("the key must have 1 to 128 characters and no slash"));
    }
    Ok(Claimed::Key(chat.to_owned(), key.to_owned()))
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

    fn told(changes: &Changes, chat: &str, key: &str) -> Option<Change> {
        changes.told(chat, key).unwrap()
    }

    #[test]
    fn a_change_that_does_not_end_holds_up_no_other_file() {
        let changes = Changes::default();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (end, is_to_end) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| {
                let change = move || {
                    begun.send(()).unwrap();
                    is_to_end.recv().unwrap();
                    written(1)
                };
                changes.make("chat", Some("slow"), vec!["/a".into()], change)
            });
            has_begun.recv().unwrap();
            let other = changes.make("chat", Some("k"), vec!["/b".into()], || written(2)).unwrap();
            assert_eq!(other, written(2).unwrap());
            assert_eq!(told(&changes, "chat", "k"), Some(other));
            let behind = scope.spawn(|| changes.make("chat", Some("l"), vec!["/a".into()], || written(3)));
            end.send(()).unwrap();
            assert_eq!(slow.join().unwrap().unwrap(), written(1).unwrap());
            assert_eq!(behind.join().unwrap().unwrap(), written(3).unwrap());
        });
    }

    #[test]
    fn a_change_that_was_called_off_is_not_made_when_it_comes_late() {
        let changes = Changes::default();
        assert_eq!(changes.never("chat", "k").unwrap(), None);
        let late = changes.make("chat", Some("k"), Vec::new(), || panic!("it was called off")).unwrap();
        assert!(matches!(late, Change::Refused(body) if body.message.contains("called off")));
        let made = changes.make("chat", Some("l"), Vec::new(), || written(1)).unwrap();
        assert_eq!(changes.never("chat", "l").unwrap(), Some(made), "what was made is told");
    }

    #[test]
    fn a_key_changes_once_and_is_told_the_same_again() {
        let changes = Changes::default();
        let first = changes.make("chat", Some("k"), Vec::new(), || written(1)).unwrap();
        let second = changes.make("chat", Some("k"), Vec::new(), || panic!("it was made before")).unwrap();
        assert_eq!(first, second);
        assert_eq!(told(&changes, "chat", "k"), Some(first));
        assert_eq!(told(&changes, "other", "k"), None, "keys belong to chats");
        let other = changes.make("other", Some("k"), Vec::new(), || written(2)).unwrap();
        assert_eq!(other, written(2).unwrap());
    }

    #[test]
    fn a_refusal_is_remembered_and_a_failure_is_not() {
        let changes = Changes::default();
        let refused = || Err(HttpError::bad_request("no such text"));
        changes.make("chat", Some("k"), Vec::new(), refused).unwrap_err();
        assert!(
            matches!(told(&changes, "chat", "k"), Some(Change::Refused(body)) if body.message == "no such text")
        );
        let failed = || Err(HttpError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "disk full"));
        changes.make("chat", Some("l"), Vec::new(), failed).unwrap_err();
        assert_eq!(told(&changes, "chat", "l"), None);
    }

    #[test]
    fn the_memory_is_bounded() {
        let changes = Changes::default();
        for n in 0..KEYS_MAX + 10 {
            changes.make("chat", Some(&n.to_string()), Vec::new(), || written(1)).unwrap();
        }
        assert_eq!(told(&changes, "chat", "9"), None);
        assert!(told(&changes, "chat", "10").is_some());
        let large = Change::Refused(ErrorBody { message: "x".repeat(BYTES_MAX / 2), detail: String::new() });
        for key in ["a", "b", "c"] {
            changes.make("chat", Some(key), Vec::new(), || Ok(large.clone())).unwrap();
        }
        assert!(told(&changes, "chat", "a").is_none() && told(&changes, "chat", "c").is_some());
    }
}
