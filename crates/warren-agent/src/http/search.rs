//! Finds files by name and lines by content.
//!
//! Owns the limits: one answer stays small and takes a bounded time. Ignore files are respected with and without a
//! repository.

use std::path::Path;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, sinks::Lossy};
use ignore::overrides::{Override, OverrideBuilder};
use ignore::{WalkBuilder, WalkState};
use std::sync::{Arc, Mutex, PoisonError};
use warren_wire::agent_http::{
    FoundFiles, FoundLine, SEARCH_MATCHES_DEFAULT, SEARCH_MATCHES_MAX, SearchFiles,
};

use super::files::expanded;
use super::{Body, HttpError, Shared};

/// How long one search may take.
const TIME_MAX: Duration = Duration::from_secs(20);
/// Largest file whose content is searched.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a line in the answer.
const LINE_BYTES_MAX: usize = 400;
/// Bytes of texts and paths in one answer.
const TOTAL_BYTES_MAX: usize = 64 << 10;
const THREADS_MAX: usize = 4;

pub(super) async fn search_files(
    State(shared): State<Shared>,
    Body(request): Body<SearchFiles>,
) -> Result<Json<FoundFiles>, HttpError> {
    let root = expanded(&shared.workplace, &request.path);
    let work = tokio::task::spawn_blocking(move || search(&root, &request, TIME_MAX));
    let found = work.await;
    let failed = |_| HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "the search was aborted");
    found.map_err(failed)?.map(Json)
}

/// What all threads of a search share.
struct Found {
    matches: Vec<FoundLine>,
    n_bytes: usize,
    incomplete: String,
}

/// Searches below `root`. The result is sorted, so that the same files give the same answer when nothing is left out.
fn search(root: &Path, request: &SearchFiles, time: Duration) -> Result<FoundFiles, HttpError> {
    let metadata = std::fs::metadata(root).map_err(|error| HttpError::of_io(&error, root))?;
    if request.name.is_none() && request.content.is_none() {
        return Err(HttpError::bad_request("give a name, a content, or both to search for"));
    }
    let base = if metadata.is_dir() { root } else { root.parent().unwrap_or(root) };
    let name = name_filter(base, request.name.as_deref())?;
    let matcher =
        request.content.as_deref().map(|content| matcher(content, request.ignore_case)).transpose()?;
    let limit = request.limit.unwrap_or(SEARCH_MATCHES_DEFAULT).clamp(1, SEARCH_MATCHES_MAX) as usize;
    let deadline = Instant::now() + time;
    let found = Mutex::new(Found { matches: Vec::new(), n_bytes: 0, incomplete: String::new() });
    let walker = WalkBuilder::new(root)
        .require_git(false)
        .threads(std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX))
        .build_parallel();
    let (name, matcher, shared) = (&name, matcher.as_ref(), &found);
    walker.run(|| {
        let mut searcher =
            SearcherBuilder::new().line_number(true).binary_detection(BinaryDetection::quit(0)).build();
        Box::new(move |entry| {
            if Instant::now() > deadline {
                let text =
                    format!("the search was ended after {} s; search a smaller directory", time.as_secs());
                lock(shared).incomplete = text;
                return WalkState::Quit;
            }
            // What cannot be read is left out, as everywhere in a search.
            let Ok(entry) = entry else { return WalkState::Continue };
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                return WalkState::Continue;
            }
            if name.as_ref().is_some_and(|name| !name.matched(entry.path(), false).is_whitelist()) {
                return WalkState::Continue;
            }
            match matcher {
                None => push(shared, limit, line_of(entry.path(), None, "")),
                Some(matcher) => search_file(&mut searcher, matcher, entry.path(), shared, limit),
            }
        })
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.matches.sort();
    Ok(FoundFiles {
        absolute_path: root.to_string_lossy().into_owned(),
        matches: found.matches,
        incomplete: found.incomplete,
    })
}

fn search_file(
    searcher: &mut Searcher,
    matcher: &RegexMatcher,
    path: &Path,
    found: &Mutex<Found>,
    limit: usize,
) -> WalkState {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > FILE_BYTES_MAX) {
        return WalkState::Continue;
    }
    let mut state = WalkState::Continue;
    let sink = Lossy(|number, text| {
        state = push(found, limit, line_of(path, Some(number), text));
        Ok(matches!(state, WalkState::Continue))
    });
    // A file that disappears meanwhile has no lines.
    drop(searcher.search_path(matcher, path, sink));
    state
}

fn push(found: &Mutex<Found>, limit: usize, line: FoundLine) -> WalkState {
    let mut found = lock(found);
    let n_bytes = line.path.len() + line.text.len();
    if found.matches.len() >= limit || found.n_bytes + n_bytes > TOTAL_BYTES_MAX {
        if found.incomplete.is_empty() {
            let n = found.matches.len();
            found.incomplete = format!("there are more than these {n} matches; search for something rarer");
        }
        return WalkState::Quit;
    }
    found.n_bytes += n_bytes;
    found.matches.push(line);
    WalkState::Continue
}

fn lock(found: &Mutex<Found>) -> std::sync::MutexGuard<'_, Found> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

fn line_of(path: &Path, line: Option<u64>, text: &str) -> FoundLine {
    let text = text.trim_end_matches(['\r', '\n']);
    let end = text.floor_char_boundary(LINE_BYTES_MAX);
    let mark = if end < text.len() { "..." } else { "" };
    FoundLine { path: path.to_string_lossy().into_owned(), line, text: format!("{}{mark}", &text[..end]) }
}

/// The globs of overrides are those of ignore files: one without a slash matches in every directory.
fn name_filter(base: &Path, name: Option<&str>) -> Result<Option<Arc<Override>>, HttpError> {
    let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(None) };
    let wrong =
        |error: ignore::Error| HttpError::bad_request(format!("the name is not a valid glob: {error}"));
    let mut builder = OverrideBuilder::new(base);
    // A leading mark would turn the meaning around.
    builder.add(&name.replacen('!', "\\!", usize::from(name.starts_with('!')))).map_err(wrong)?;
    builder.build().map(|filter| Some(Arc::new(filter))).map_err(wrong)
}

fn matcher(content: &str, ignore_case: bool) -> Result<RegexMatcher, HttpError> {
    let mut builder = RegexMatcherBuilder::new();
    builder.case_insensitive(ignore_case).line_terminator(Some(b'\n'));
    builder.build(content).map_err(|error| {
        HttpError::bad_request(format!("the content is not a valid regular expression: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn tree() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("project");
        for (path, text) in [
            ("src/main.rs", "fn main() {\n    hello();\n}\n"),
            ("src/deep/lib.rs", "pub fn hello() {}\n"),
            ("README.md", "Hello\n"),
            ("target/out.rs", "fn hello() {}\n"),
            (".git/config", "hello\n"),
            (".gitignore", "target\n"),
            ("blob.rs", "hello\0\n"),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (dir, root)
    }

    fn run(root: &Path, name: Option<&str>, content: Option<&str>) -> Vec<(String, Option<u64>)> {
        let request = SearchFiles {
            name: name.map(str::to_owned),
            content: content.map(str::to_owned),
            ..SearchFiles::default()
        };
        let found = search(root, &request, TIME_MAX).unwrap();
        assert_eq!(found.incomplete, "");
        let relative = |path: &str| Path::new(path).strip_prefix(root).unwrap().display().to_string();
        found.matches.iter().map(|found| (relative(&found.path), found.line)).collect()
    }

    #[test]
    fn names_are_found_in_every_directory_but_not_in_ignored_or_hidden_ones() {
        let (_dir, root) = tree();
        let names = run(&root, Some("*.rs"), None);
        assert_eq!(
            names,
            [("blob.rs".into(), None), ("src/deep/lib.rs".into(), None), ("src/main.rs".into(), None)]
        );
        assert_eq!(run(&root, Some("src/**/lib.*"), None), [("src/deep/lib.rs".into(), None)]);
        assert_eq!(run(&root, Some("*.py"), None), []);
    }

    #[test]
    fn lines_are_found_by_expression_in_text_files() {
        let (_dir, root) = tree();
        let lines = run(&root, None, Some(r"\bhello\("));
        assert_eq!(lines, [("src/deep/lib.rs".into(), Some(1)), ("src/main.rs".into(), Some(2))]);
        assert_eq!(run(&root, Some("main.*"), Some("hello")), [("src/main.rs".into(), Some(2))]);
        let request =
            SearchFiles { content: Some("HELLO".into()), ignore_case: true, ..SearchFiles::default() };
        assert_eq!(search(&root, &request, TIME_MAX).unwrap().matches.len(), 3);
    }

    #[test]
    fn an_answer_is_bounded_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("many"), format!("{}\n", "x".repeat(1000)).repeat(1000)).unwrap();
        let request = SearchFiles { content: Some("x".into()), limit: Some(7), ..SearchFiles::default() };
        let found = search(dir.path(), &request, TIME_MAX).unwrap();
        assert_eq!(found.matches.len(), 7);
        assert!(found.incomplete.contains("more than these 7"), "{}", found.incomplete);
        assert_eq!(found.matches[0].text.len(), LINE_BYTES_MAX + 3);
        let found =
            search(dir.path(), &SearchFiles { limit: Some(500), ..request.clone() }, TIME_MAX).unwrap();
        assert!(found.matches.len() < 500 && !found.incomplete.is_empty());
        let found = search(dir.path(), &request, Duration::ZERO).unwrap();
        assert!(found.matches.is_empty() && found.incomplete.contains("ended after"), "{found:?}");
    }

    #[test]
    fn wrong_patterns_are_told_in_words() {
        let (_dir, root) = tree();
        for (name, content, says) in [
            (Some("a["), None, "glob"),
            (None, Some("("), "regular expression"),
            (None, None, "to search for"),
        ] {
            let request = SearchFiles {
                name: name.map(str::to_owned),
                content: content.map(str::to_owned),
                ..SearchFiles::default()
            };
            let error = search(&root, &request, TIME_MAX).unwrap_err();
            assert!(error.message.contains(says), "{}", error.message);
        }
    }
}
