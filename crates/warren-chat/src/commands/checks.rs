//! Which values of a request are acceptable.

use std::collections::BTreeMap;

use warren_chat_proto::Part;

use crate::error::{ChatResult, ChatServiceError};

const LABELS_MAX: usize = 50;
const LABEL_KEY_BYTES_MAX: usize = 64;
const LABEL_VALUE_BYTES_MAX: usize = 256;

/// A message says something.
pub(super) fn content(content: &[Part]) -> ChatResult<()> {
    let is_blank = |part: &Part| matches!(part, Part::Text { text } if text.trim().is_empty());
    if content.is_empty() || content.iter().any(is_blank) {
        return Err(ChatServiceError::invalid("content", "The message must not be empty."));
    }
    let is_nameless =
        |part: &Part| matches!(part, Part::FileReference { file_name, .. } if file_name.trim().is_empty());
    if content.iter().any(is_nameless) {
        return Err(ChatServiceError::invalid("content", "A reference to a file must name the file."));
    }
    let is_backwards = |part: &Part| matches!(part, Part::FileReference { start_line, end_line, .. } if *start_line < 0 || end_line < start_line);
    if content.iter().any(is_backwards) {
        let message =
            "The lines of a reference to a file must not be negative, and the last not before the first.";
        return Err(ChatServiceError::invalid("content", message));
    }
    Ok(())
}

/// Labels are few and short.
pub(super) fn labels(labels: &BTreeMap<String, String>) -> ChatResult<()> {
    let is_key = |key: &str| {
        !key.is_empty()
            && key.len() <= LABEL_KEY_BYTES_MAX
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
    };
    let is_label = |(key, value): (&String, &String)| is_key(key) && value.len() <= LABEL_VALUE_BYTES_MAX;
    if labels.len() <= LABELS_MAX && labels.iter().all(is_label) {
        return Ok(());
    }
    let message = "Use at most 50 labels, with keys of 1 to 64 letters, digits, '-', '_', '.' or '/' and values of at most 256 bytes.";
    Err(ChatServiceError::invalid("labels", message))
}
