//! What one NOTIFY carries, and how hints are packed into as few of them as fit.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// PostgreSQL refuses payloads of 8000 bytes; the rest is for the frame around the hints.
const HINT_BYTES_MAX: usize = 7_600;

/// A channel and a hint on it.
pub(super) type Hint = (String, Value);

/// One payload. A batch without anything in it is a heartbeat.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Batch {
    /// The sending process, which ignores its echo.
    pub(super) from: Uuid,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) hints: Vec<Hint>,
    /// Channels with a hint that no payload can hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) too_long: Vec<String>,
    /// Whether earlier hints were lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) has_lost: bool,
}

impl Batch {
    /// Packs hints in order, equal ones once; gives at least one payload.
    pub(super) fn encode(from: Uuid, hints: Vec<Hint>, has_lost: bool) -> Vec<String> {
        let mut batches = vec![Self { from, has_lost, ..Self::default() }];
        let (mut seen, mut n_bytes) = (HashSet::new(), 0);
        for (channel, hint) in hints {
            let text = to_json(&(&channel, &hint));
            let is_too_long = text.len() > HINT_BYTES_MAX;
            // Escapes can make a name longer, but never sixfold; names are short.
            let size = if is_too_long { channel.len() * 6 + 3 } else { text.len() + 1 };
            if !seen.insert(text) {
                continue;
            }
            if n_bytes + size > HINT_BYTES_MAX {
                batches.push(Self { from, ..Self::default() });
                n_bytes = 0;
            }
            n_bytes += size;
            if let Some(batch) = batches.last_mut() {
                if is_too_long { batch.too_long.push(channel) } else { batch.hints.push((channel, hint)) }
            }
        }
        batches.iter().map(to_json).collect()
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and JSON values become JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decode(payloads: &[String]) -> Vec<Batch> {
        assert!(payloads.iter().all(|payload| payload.len() < 8000));
        payloads.iter().map(|payload| serde_json::from_str(payload).unwrap()).collect()
    }

    #[test]
    fn many_hints_fill_few_payloads_in_order_and_equal_ones_once() {
        let from = Uuid::new_v4();
        let hints: Vec<Hint> =
            (0..1000).map(|n| (format!("chat:{}", n % 500), json!({"n": n % 500}))).collect();
        let batches = decode(&Batch::encode(from, hints.clone(), true));
        assert!(batches.len() <= 3, "{}", batches.len());
        assert!(batches[0].has_lost && !batches[1].has_lost);
        let packed: Vec<Hint> = batches.into_iter().flat_map(|batch| batch.hints).collect();
        assert_eq!(packed, hints[..500]);
    }

    #[test]
    fn a_hint_that_does_not_fit_becomes_a_loss_on_its_channel() {
        let long = json!("x".repeat(9000));
        let hints = vec![("a".to_owned(), json!(1)), ("b".to_owned(), long), ("c".to_owned(), json!(2))];
        let batches = decode(&Batch::encode(Uuid::nil(), hints, false));
        assert_eq!(batches[0].too_long, ["b"]);
        assert_eq!(batches[0].hints.len(), 2);
    }

    #[test]
    fn nothing_to_say_is_still_a_heartbeat() {
        assert_eq!(decode(&Batch::encode(Uuid::nil(), Vec::new(), false)).len(), 1);
    }
}
