//! Reads a file as numbered lines for a model.
//!
//! Owns the limits that keep one answer small, and the sentences that tell a model what to ask instead.

use std::io::Read;
use std::path::Path;

use warren_wire::agent_http::FileLines;

use super::regular;

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 10 << 20;
/// Lines in one answer when none are asked for, and at most.
const LINES_MAX: u64 = 2000;
/// Bytes of one line; the rest is cut.
const LINE_BYTES_MAX: usize = 1024;
/// Bytes of one answer.
const TOTAL_BYTES_MAX: usize = 32 << 10;

/// Reads up to `limit` lines from line `offset` (from 1) on.
pub(super) fn read(path: &Path, offset: Option<u64>, limit: Option<u64>) -> FileLines {
    match try_read(path, offset.unwrap_or(1).max(1), limit.unwrap_or(LINES_MAX)) {
        Ok(lines) => lines,
        Err(error) => FileLines { error, ..FileLines::default() },
    }
}

fn try_read(path: &Path, offset: u64, limit: u64) -> Result<FileLines, String> {
    let (bytes, file_size) = load(path)?;
    let text = String::from_utf8_lossy(&bytes);
    if bytes.contains(&0) {
        return Err(format!("{} is a binary file and cannot be shown as lines", path.display()));
    }
    let total_lines = text.lines().count() as u64;
    if offset > total_lines.max(1) {
        return Err(format!("line {offset} is beyond the end: the file has {total_lines} lines"));
    }
    let limit = if limit == 0 { LINES_MAX } else { limit.min(LINES_MAX) };
    let mut content = String::new();
    let mut lines_read = 0;
    for (number, line) in (1_u64..).zip(text.lines()).skip(usize::try_from(offset - 1).unwrap_or(usize::MAX))
    {
        if lines_read == limit {
            break;
        }
        let entry = format!("{number}\t{}", cut(line));
        if content.len() + entry.len() > TOTAL_BYTES_MAX {
            break;
        }
        if lines_read > 0 {
            content.push('\n');
        }
        content.push_str(&entry);
        lines_read += 1;
    }
    Ok(FileLines { success: true, file_size, total_lines, lines_read, content, error: String::new() })
}

fn load(path: &Path) -> Result<(Vec<u8>, u64), String> {
    let shown = path.display();
    let file = regular::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{shown} does not exist"),
        std::io::ErrorKind::IsADirectory => format!("{shown} is a directory, not a file"),
        std::io::ErrorKind::InvalidInput => format!("{shown} {error}"),
        _ => format!("{shown} cannot be opened: {error}"),
    })?;
    let size = file.metadata().map_err(|error| format!("{shown} cannot be read: {error}"))?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!(
            "{shown} has {size} bytes, which is more than {FILE_BYTES_MAX}; read it with head, tail or grep"
        ));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{shown} cannot be read: {error}"))?;
    Ok((bytes, size))
}

fn cut(line: &str) -> String {
    if line.len() <= LINE_BYTES_MAX {
        return line.to_owned();
    }
    let end = line.floor_char_boundary(LINE_BYTES_MAX);
    format!("{}... [{} bytes cut]", &line[..end], line.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn lines_are_numbered_from_the_offset() {
        let file = file("a\nb\r\nc\n");
        let lines = read(file.path(), Some(2), Some(1));
        assert_eq!(
            (lines.success, lines.content.as_str(), lines.total_lines, lines.lines_read),
            (true, "2\tb", 3, 1)
        );
    }

    #[test]
    fn an_empty_file_is_no_error() {
        let lines = read(file("").path(), None, None);
        assert!(lines.success);
        assert_eq!((lines.content.as_str(), lines.total_lines), ("", 0));
    }

    #[test]
    fn the_answer_stays_small() {
        let lines =
            read(file("x".repeat(1000).as_str().repeat(3) + "\n" + &"y\n".repeat(5000)).path(), None, None);
        assert_eq!(lines.lines_read, LINES_MAX);
        assert!(lines.content.len() <= TOTAL_BYTES_MAX);
        assert!(lines.content.lines().next().unwrap().ends_with("[1976 bytes cut]"));
    }

    #[test]
    fn what_cannot_be_read_is_told_in_words() {
        assert!(read(Path::new("/nowhere/at/all"), None, None).error.contains("does not exist"));
        assert!(read(Path::new("/"), None, None).error.contains("directory"));
        assert!(read(Path::new("/dev/zero"), None, None).error.contains("not a regular file"));
        assert!(read(file("a\0b").path(), None, None).error.contains("binary"));
        assert!(read(file("a\n").path(), Some(5), None).error.contains("has 1 lines"));
    }
}
