//! The output of one process: what is kept, and readers that follow it.
//!
//! Owns the limits. Two views of the same bytes: the beginning and the end for an answer of bounded size, and a larger
//! recent window with positions for readers that follow live.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use warren_wire::agent_http::{
    OUTPUT_HEAD_BYTES, OUTPUT_LINE_BYTES_MAX, OUTPUT_TAIL_BYTES, StreamRecord, Truncation,
};

/// Recent bytes that a follower can still get.
const RECENT_BYTES: usize = 1 << 20;
/// Bytes in one record.
const RECORD_BYTES: usize = 32 << 10;

/// Bytes of standard output and error as they came. Cheap to write whether or not anybody reads.
pub(in crate::http) struct Output {
    kept: Mutex<Kept>,
    progress: watch::Sender<Progress>,
}

/// How far the output is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::http) struct Progress {
    pub(in crate::http) n_bytes: u64,
    pub(in crate::http) ended: bool,
}

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    recent: VecDeque<u8>,
    n_bytes: u64,
    ended: bool,
}

impl Default for Output {
    fn default() -> Output {
        Output { kept: Mutex::default(), progress: watch::Sender::new(Progress::default()) }
    }
}

impl Output {
    pub(in crate::http) fn push(&self, bytes: &[u8]) {
        let n_bytes = {
            let mut kept = self.lock();
            if kept.ended {
                return;
            }
            let room = OUTPUT_HEAD_BYTES - kept.head.len();
            kept.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
            kept.recent.extend(bytes);
            let excess = kept.recent.len().saturating_sub(RECENT_BYTES);
            kept.recent.drain(..excess);
            kept.n_bytes += bytes.len() as u64;
            kept.n_bytes
        };
        self.progress.send_modify(|progress| progress.n_bytes = n_bytes);
    }

    pub(in crate::http) fn end(&self) {
        self.lock().ended = true;
        self.progress.send_modify(|progress| progress.ended = true);
    }

    /// Changes whenever there is something new.
    pub(in crate::http) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Beginning and end within the limits, lines cut, and what is missing.
    pub(in crate::http) fn summary(&self) -> (String, Option<Truncation>) {
        let kept = self.lock();
        let limit = (OUTPUT_HEAD_BYTES + OUTPUT_TAIL_BYTES) as u64;
        if kept.n_bytes <= limit {
            let bytes: Vec<u8> = kept.recent.iter().copied().collect();
            return (cut_lines(&String::from_utf8_lossy(&bytes)), None);
        }
        let tail: Vec<u8> = kept.recent.iter().skip(kept.recent.len() - OUTPUT_TAIL_BYTES).copied().collect();
        let omitted_bytes = kept.n_bytes - limit;
        let text = format!(
            "{}\n[{omitted_bytes} bytes omitted]\n{}",
            cut_lines(&String::from_utf8_lossy(&kept.head)),
            cut_lines(&String::from_utf8_lossy(&tail)),
        );
        let truncation = Truncation { original_bytes: kept.n_bytes, retained_bytes: limit, omitted_bytes };
        (text, Some(truncation))
    }

    /// What comes after `position`, and the position after it; nothing when there is nothing yet.
    ///
    /// A character that is cut at the end is left for the next call unless the output has ended.
    pub(in crate::http) fn after(&self, position: u64) -> (Vec<StreamRecord>, u64) {
        let kept = self.lock();
        let first_kept = kept.n_bytes - kept.recent.len() as u64;
        let mut records = Vec::new();
        let mut position = position.min(kept.n_bytes);
        if position < first_kept {
            records.push(StreamRecord::Skipped { bytes: first_kept - position });
            position = first_kept;
        }
        let skip = usize::try_from(position - first_kept).unwrap_or(usize::MAX);
        let mut bytes: Vec<u8> = kept.recent.iter().skip(skip).take(RECORD_BYTES).copied().collect();
        let at_end = position + bytes.len() as u64 == kept.n_bytes;
        if !(at_end && kept.ended) {
            bytes.truncate(whole_characters(&bytes));
        }
        if !bytes.is_empty() {
            position += bytes.len() as u64;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            records.push(StreamRecord::Output { text, position });
        }
        (records, position)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Length without a UTF-8 character that is cut at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    let n_last = bytes.len().min(3);
    for back in 1..=n_last {
        let byte = bytes[bytes.len() - back];
        let width = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            _ => 1,
        };
        return if width > back { bytes.len() - back } else { bytes.len() };
    }
    bytes.len()
}

fn cut_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches('\n');
        if body.len() <= OUTPUT_LINE_BYTES_MAX {
            out.push_str(line);
            continue;
        }
        let end = body.floor_char_boundary(OUTPUT_LINE_BYTES_MAX);
        out.push_str(&body[..end]);
        out.push_str(&format!("... [{} bytes of this line cut]", body.len() - end));
        out.push_str(&line[body.len()..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_output_is_whole() {
        let output = Output::default();
        output.push(b"hello\n");
        assert_eq!(output.summary(), ("hello\n".to_owned(), None));
    }

    #[test]
    fn a_long_output_keeps_head_and_tail_and_says_so() {
        let output = Output::default();
        for number in 0..20_000 {
            output.push(format!("{number}\n").as_bytes());
        }
        let (text, truncation) = output.summary();
        let truncation = truncation.unwrap();
        assert!(text.starts_with("0\n1\n") && text.ends_with("19999\n"), "{text:?}");
        assert_eq!(truncation.original_bytes, 108_890);
        assert_eq!(truncation.retained_bytes, 32 << 10);
        assert!(text.contains(&format!("[{} bytes omitted]", truncation.omitted_bytes)));
    }

    #[test]
    fn a_long_line_is_cut() {
        let output = Output::default();
        output.push(&[b'x'; 3000]);
        output.push(b"\nend\n");
        let (text, _) = output.summary();
        assert!(text.contains("... [952 bytes of this line cut]\nend\n"), "{text:?}");
    }

    #[test]
    fn a_follower_gets_every_byte_once_and_whole_characters() {
        let output = Output::default();
        let euro = "€".as_bytes();
        output.push(b"a");
        output.push(&euro[..2]);
        let (records, position) = output.after(0);
        assert_eq!(records, [StreamRecord::Output { text: "a".into(), position: 1 }]);
        output.push(&euro[2..]);
        output.end();
        let (records, position) = output.after(position);
        assert_eq!(records, [StreamRecord::Output { text: "€".into(), position: 4 }]);
        assert_eq!(output.after(position), (vec![], 4));
    }

    #[test]
    fn a_late_follower_is_told_what_is_gone() {
        let output = Output::default();
        output.push(&vec![b'x'; RECENT_BYTES + 10]);
        let (records, position) = output.after(0);
        assert_eq!(records[0], StreamRecord::Skipped { bytes: 10 });
        assert_eq!(position, 10 + RECORD_BYTES as u64);
    }
}
