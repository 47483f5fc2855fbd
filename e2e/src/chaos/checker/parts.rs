//! What all viewers of a chat are shown: the same part under the same number.

use std::collections::BTreeMap;

use super::{Seen, Violation, Wrong};

/// Episodes whose parts are remembered.
const EPISODES_MAX: usize = 6;

/// The parts of a chat as the first viewer of each saw them.
#[derive(Debug, Default)]
pub struct PartsOfChat(BTreeMap<(i64, i64), BTreeMap<i64, (u64, String)>>);

impl PartsOfChat {
    /// Compares a part with what others saw under its number.
    pub fn take(&mut self, who: &str, seen: &Seen) -> Option<Violation> {
        let Seen::Part { history, attempt, seq, text, digest } = seen else { return None };
        let episode = (*history, *attempt);
        let parts = self.0.entry(episode).or_default();
        let (had, said) = parts.entry(*seq).or_insert_with(|| (*digest, text.clone()));
        let is_same = *had == *digest;
        let what = format!("part {seq} of {episode:?} is {text:?}, others saw {said:?}");
        while self.0.len() > EPISODES_MAX {
            self.0.pop_first();
        }
        (!is_same).then(|| Violation::new(Wrong::Different, who, what))
    }
}
