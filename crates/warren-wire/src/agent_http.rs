//! Types of the agent's HTTP API on tunnel port 4, which chats use to work in a workspace.
//!
//! Owns paths, headers, bodies and limits. Must not know how the agent carries a request out or who sends it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Prefix of every path.
pub const PREFIX: &str = "/api/v0";
/// Header with the id of the chat on whose behalf a call is made; processes of other chats do not exist for it.
pub const CHAT_ID_HEADER: &str = "Coder-Chat-Id";
/// Bytes of a process's output that are kept from its beginning.
pub const OUTPUT_HEAD_BYTES: usize = 16 << 10;
/// Bytes of a process's output that are kept from its end.
pub const OUTPUT_TAIL_BYTES: usize = 16 << 10;
/// Longest line kept whole, in bytes.
pub const OUTPUT_LINE_BYTES_MAX: usize = 2048;
/// Longest time that a request for output waits for the process to end, in seconds.
pub const OUTPUT_WAIT_SECONDS_MAX: u64 = 300;
/// How long a finished process stays listed, in seconds.
pub const PROCESS_KEEP_SECONDS: u64 = 300;
/// Most processes in one list.
pub const PROCESS_LIST_MAX: usize = 10;
/// Most entries in one listing of a directory.
pub const DIRECTORY_ENTRIES_MAX: usize = 1000;
/// Matches in one answer of a search when none are asked for.
pub const SEARCH_MATCHES_DEFAULT: u32 = 100;
/// Matches in one answer of a search at most.
pub const SEARCH_MATCHES_MAX: u32 = 500;
/// Longest key of a change or id of a process, in bytes.
pub const KEY_BYTES_MAX: usize = 128;
/// Largest file that `write-file` takes, in bytes.
pub const FILE_WRITE_BYTES_MAX: usize = 64 << 20;

/// Every error body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A sentence for people and models.
    pub message: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Body of `POST processes/start`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StartProcess {
    /// Handed to `sh -c`.
    pub command: String,
    /// A second start with the same id runs nothing and answers for the first. Without it the agent picks one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Empty means the directory of sessions.
    #[serde(default)]
    pub workdir: String,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Only a label: the process outlives the request either way.
    #[serde(default)]
    pub background: bool,
}

/// Answer of `POST processes/start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartedProcess {
    pub id: String,
    /// False when a process of this id existed already.
    pub started: bool,
}

/// Answer of `GET processes/list`: running first, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessList {
    pub processes: Vec<ProcessInfo>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessInfo {
    pub id: String,
    pub command: String,
    pub workdir: String,
    pub background: bool,
    pub running: bool,
    /// Absent while the process runs, and -1 when a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    pub started_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exited_at: Option<DateTime<Utc>>,
}

/// Query of `GET processes/{id}/output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputQuery {
    /// Whether to answer only at the end of the process, or when the time is over.
    #[serde(default)]
    pub wait: bool,
    /// How long to wait, in milliseconds; absent and at most [`OUTPUT_WAIT_SECONDS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Answer of `GET processes/{id}/output?wait=true`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessOutput {
    /// Standard output and standard error as they came, or their head and tail with a marker between.
    pub output: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Truncation>,
    pub running: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

/// What an output leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncation {
    /// Bytes that the process wrote.
    pub original_bytes: u64,
    /// Bytes of them in the answer.
    pub retained_bytes: u64,
    /// Bytes between head and tail that were dropped.
    pub omitted_bytes: u64,
}

/// One line (newline-delimited JSON) of `GET processes/{id}/stream?after=`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StreamRecord {
    /// Output, and the position after it, from which a broken stream resumes with `?after=`.
    Output { text: String, position: u64 },
    /// The reader was so slow, or came so late, that `bytes` bytes before the next output are gone.
    Skipped { bytes: u64 },
    /// The last record.
    Exit { exit_code: i32 },
}

/// Body of `POST processes/{id}/signal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalProcess {
    pub signal: ProcessSignal,
    /// When there is no such process, remember its id, so that a start that is still on its way runs nothing.
    #[serde(default)]
    pub or_never: bool,
}

/// Signals for the process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessSignal {
    Kill,
    Terminate,
}

/// Query of `GET read-file-lines`. Lines count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFileLines {
    pub path: String,
    #[serde(default)]
    pub offset: Option<u64>,
    #[serde(default)]
    pub limit: Option<u64>,
}

/// Answer of `GET read-file-lines`: problems that a model can correct are told in `error`, not by the status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLines {
    pub success: bool,
    #[serde(default)]
    pub file_size: u64,
    #[serde(default)]
    pub total_lines: u64,
    #[serde(default)]
    pub lines_read: u64,
    /// Each line as `number<TAB>text`.
    #[serde(default)]
    pub content: String,
    #[serde(default)]
    pub error: String,
}

/// Query of `POST write-file`. The body is the content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteFile {
    pub path: String,
    /// A second request with the same key writes nothing and gets the first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Answer of `POST write-file`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    pub path: String,
    pub bytes: u64,
}

/// Answer of `GET changes/{key}`: what a request of `write-file` or `edit-files` under that key was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    Written(WrittenFile),
    Edited(EditedFiles),
    /// It was refused, and nothing was changed.
    Refused(ErrorBody),
}

/// Body of `POST edit-files`: either every edit of every file is made or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditFiles {
    pub files: Vec<FileEdits>,
    #[serde(default)]
    pub include_diff: bool,
    /// A second request with the same key changes nothing and gets the first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Edits of one file, applied in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEdits {
    pub path: String,
    pub edits: Vec<FileEdit>,
}

/// Replaces `search`, which must occur exactly once unless `replace_all`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEdit {
    pub search: String,
    pub replace: String,
    #[serde(default)]
    pub replace_all: bool,
}

/// Answer of `POST edit-files`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedFiles {
    pub files: Vec<EditedFile>,
}

/// What happened to one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedFile {
    pub path: String,
    /// Places that were replaced.
    pub replacements: u64,
    /// Empty unless the request asked for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub diff: String,
}

/// Body of `POST resolve-paths`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvePaths {
    /// As for the other routes: absolute, or relative to the home directory.
    pub paths: Vec<String>,
}

/// Answer of `POST resolve-paths`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedPaths {
    /// The user's home directory, without links.
    pub home: String,
    /// In the order of the request.
    pub paths: Vec<ResolvedPath>,
}

/// Where a path leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedPath {
    /// As it was asked for.
    pub path: String,
    /// Absolute and without links as far as it exists; none where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real: Option<String>,
}

/// Body of `POST list-directory`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDirectory {
    /// Absolute, or relative to the home directory; empty means the home directory.
    #[serde(default)]
    pub path: String,
}

/// Answer of `POST list-directory`: directories first, each group by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryListing {
    pub absolute_path: String,
    pub contents: Vec<DirectoryEntry>,
    /// Entries that are left out because there are too many.
    #[serde(default)]
    pub omitted: u64,
}

/// One entry of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    pub name: String,
    pub absolute_path: String,
    pub is_dir: bool,
}

/// Body of `POST search-files`. Files that ignore files name, hidden files and binary files are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchFiles {
    /// Where to search: absolute, or relative to the home directory; empty means the home directory.
    #[serde(default)]
    pub path: String,
    /// A glob over the name, or over the path below `path` when it has a slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A regular expression over lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(default)]
    pub ignore_case: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Answer of `POST search-files`, by path and line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundFiles {
    pub absolute_path: String,
    pub matches: Vec<FoundLine>,
    /// Why there may be more than these: too many, or the time was over. Empty when these are all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub incomplete: String,
}

/// A file, or a line of one when contents were searched.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoundLine {
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}
