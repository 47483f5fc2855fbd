//! Cuts a byte stream into log lines.

/// Longest line; a longer one is cut into several.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Keeps the unfinished last line between reads.
#[derive(Default)]
pub(crate) struct LineSplitter {
    partial: Vec<u8>,
}

impl LineSplitter {
    /// The lines that `bytes` completes, without line endings, NUL replaced and made valid UTF-8.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.partial.len() >= LINE_BYTES_MAX {
                lines.extend(self.finish());
            }
        }
        lines
    }

    /// The unfinished line, if there is one.
    pub(crate) fn finish(&mut self) -> Option<String> {
        if self.partial.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.partial);
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Some(String::from_utf8_lossy(line).replace('\0', "\u{fffd}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_across_reads() {
        let mut splitter = LineSplitter::default();
        assert_eq!(splitter.push(b"a\r\nb"), ["a"]);
        assert_eq!(splitter.push(b"c\n\nd"), ["bc", ""]);
        assert_eq!(splitter.finish().as_deref(), Some("d"));
        assert_eq!(splitter.finish(), None);
    }

    #[test]
    fn text_that_a_database_cannot_hold_is_replaced() {
        let mut splitter = LineSplitter::default();
        assert_eq!(splitter.push(b"a\0b\xff\n"), ["a\u{fffd}b\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let mut splitter = LineSplitter::default();
        let lines = splitter.push(&vec![b'x'; LINE_BYTES_MAX + 10]);
        assert_eq!(lines.iter().map(String::len).sum::<usize>(), LINE_BYTES_MAX + 10);
    }
}
