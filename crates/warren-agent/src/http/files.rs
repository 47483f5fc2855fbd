//! Reads, writes, edits and lists the user's files.
//!
//! Owns atomic replacement: a reader sees the old file or the new one, whatever happens in between, and an edit of several
//! files that fails in the middle is undone.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use warren_wire::agent_http::{
    Change, DIRECTORY_ENTRIES_MAX, DirectoryEntry, DirectoryListing, EditFiles, EditedFile, EditedFiles,
    FileLines, ListDirectory, ReadFileLines, WriteFile, WrittenFile,
};

use super::edit;
use super::lines;
use super::regular;
use super::{Body, ChatId, HttpError, Shared};
use crate::workplace::Workplace;

/// Largest piece of a file in one answer.
const READ_BYTES_MAX: u64 = 64 << 20;
/// Largest file that is edited.
const EDIT_BYTES_MAX: u64 = 10 << 20;

#[derive(Deserialize)]
pub(super) struct ReadFile {
    path: String,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    limit: u64,
}

pub(super) async fn read_file(
    State(shared): State<Shared>,
    Query(query): Query<ReadFile>,
) -> Result<impl IntoResponse, HttpError> {
    let path = absolute(&shared.workplace, &query.path)?;
    let limit = if query.limit == 0 { READ_BYTES_MAX } else { query.limit.min(READ_BYTES_MAX) };
    let bytes = blocking(path.clone(), move |path| {
        let mut file = regular::open(path)?;
        file.seek(SeekFrom::Start(query.offset))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes))
}

pub(super) async fn read_file_lines(
    State(shared): State<Shared>,
    Query(query): Query<ReadFileLines>,
) -> Result<Json<FileLines>, HttpError> {
    let path = absolute(&shared.workplace, &query.path)?;
    let answer = blocking(path, move |path| Ok(lines::read(path, query.offset, query.limit))).await?;
    Ok(Json(answer))
}

pub(super) async fn write_file(
    State(shared): State<Shared>,
    ChatId(chat): ChatId,
    Query(query): Query<WriteFile>,
    body: Bytes,
) -> Result<Json<WrittenFile>, HttpError> {
    let path = absolute(&shared.workplace, &query.path)?;
    let paths = vec![path.clone()];
    let work =
        move || write(&path, &body).map_err(|error| HttpError::of_io(&error, &path)).map(Change::Written);
    match change_files(shared, chat, query.key, paths, work).await? {
        Change::Written(written) => Ok(Json(written)),
        told @ (Change::Edited(_) | Change::Refused(_)) => Err(told_before(told)),
    }
}

pub(super) async fn edit_files(
    State(shared): State<Shared>,
    ChatId(chat): ChatId,
    Body(mut request): Body<EditFiles>,
) -> Result<Json<EditedFiles>, HttpError> {
    if request.files.is_empty() {
        return Err(HttpError::bad_request("name at least one file to edit"));
    }
    for file in &mut request.files {
        file.path = absolute(&shared.workplace, &file.path)?.to_string_lossy().into_owned();
    }
    let key = request.key.take();
    let paths = request.files.iter().map(|file| PathBuf::from(&file.path)).collect();
    match change_files(shared, chat, key, paths, move || edit_all(&request).map(Change::Edited)).await? {
        Change::Edited(edited) => Ok(Json(edited)),
        told @ (Change::Written(_) | Change::Refused(_)) => Err(told_before(told)),
    }
}

/// What a key was told; the way to find out what became of a change without making it.
pub(super) async fn change(
    State(shared): State<Shared>,
    ChatId(chat): ChatId,
    UrlPath(key): UrlPath<String>,
) -> Result<Json<Change>, HttpError> {
    // A change that is being made is waited for.
    let told = tokio::task::spawn_blocking(move || shared.changes.told(&chat, &key)).await;
    told_or_unknown(told.map_err(|_| aborted())??)
}

/// The same, and when nothing was asked for yet, whatever comes late under this key is not made.
pub(super) async fn call_off_change(
    State(shared): State<Shared>,
    ChatId(chat): ChatId,
    UrlPath(key): UrlPath<String>,
) -> Result<Json<Change>, HttpError> {
    let told = tokio::task::spawn_blocking(move || shared.changes.never(&chat, &key)).await;
    told_or_unknown(told.map_err(|_| aborted())??)
}

fn told_or_unknown(told: Option<Change>) -> Result<Json<Change>, HttpError> {
    told.map(Json).ok_or_else(|| HttpError::not_found("nothing was asked for under this key"))
}

pub(super) async fn list_directory(
    State(shared): State<Shared>,
    Body(request): Body<ListDirectory>,
) -> Result<Json<DirectoryListing>, HttpError> {
    let path = expanded(&shared.workplace, &request.path);
    let mut contents = blocking(path.clone(), |path| {
        let mut contents = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            contents.push(DirectoryEntry {
                name: entry.file_name().to_string_lossy().into_owned(),
                absolute_path: entry.path().to_string_lossy().into_owned(),
                // Follows links, so that a link to a directory can be entered.
                is_dir: entry.path().is_dir(),
            });
        }
        contents.sort_by(|a, b| b.is_dir.cmp(&a.is_dir).then_with(|| a.name.cmp(&b.name)));
        Ok(contents)
    })
    .await?;
    let omitted = contents.len().saturating_sub(DIRECTORY_ENTRIES_MAX) as u64;
    contents.truncate(DIRECTORY_ENTRIES_MAX);
    Ok(Json(DirectoryListing { absolute_path: path.to_string_lossy().into_owned(), contents, omitted }))
}

async fn change_files(
    shared: Shared,
    chat: String,
    key: Option<String>,
    paths: Vec<PathBuf>,
    change: impl FnOnce() -> Result<Change, HttpError> + Send + 'static,
) -> Result<Change, HttpError> {
    let work = move || {
        let paths = paths.iter().map(|path| resolve(path)).collect();
        shared.changes.make(&chat, key.as_deref(), paths, change)
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| aborted())?
}

/// The answer for a key that was told something else than a success of this route.
fn told_before(told: Change) -> HttpError {
    match told {
        Change::Refused(body) => HttpError::bad_request(body.message),
        Change::Written(_) | Change::Edited(_) => {
            HttpError::new(StatusCode::CONFLICT, "this key was used for another request")
        }
    }
}

fn aborted() -> HttpError {
    HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "the file operation was aborted")
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<WrittenFile> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    replace(path, bytes)?;
    Ok(WrittenFile { path: path.to_string_lossy().into_owned(), bytes: bytes.len() as u64 })
}

/// A file that an edit changes.
struct Prepared {
    path: PathBuf,
    before: String,
    after: String,
}

/// Prepares every file, and writes only when all could be prepared.
fn edit_all(request: &EditFiles) -> Result<EditedFiles, HttpError> {
    let mut prepared: Vec<Prepared> = Vec::new();
    let mut files = Vec::new();
    for file in &request.files {
        let path = PathBuf::from(&file.path);
        // A file that is named twice is edited in the order of the request.
        let earlier = prepared.iter().position(|known| known.path == path);
        let before = match earlier {
            Some(at) => prepared[at].after.clone(),
            None => read_text(&path)?,
        };
        let edited = edit::apply(&before, &file.edits).map_err(|error| {
            HttpError::bad_request(format!("{}: {error}; no file was changed", path.display()))
        })?;
        let diff =
            if request.include_diff { edit::diff(&file.path, &before, &edited.text) } else { String::new() };
        files.push(EditedFile { path: file.path.clone(), replacements: edited.n_replacements, diff });
        match earlier {
            Some(at) => prepared[at].after = edited.text,
            None => prepared.push(Prepared { path, before, after: edited.text }),
        }
    }
    put_all(&prepared)?;
    Ok(EditedFiles { files })
}

/// Puts all files in place. When one cannot be, those before it get their old text back.
fn put_all(prepared: &[Prepared]) -> Result<(), HttpError> {
    let mut staged = Vec::new();
    for file in prepared {
        let failed = |error: std::io::Error| HttpError::of_io(&error, &file.path);
        staged.push(stage(&file.path, file.after.as_bytes()).map_err(failed)?);
    }
    for (n_put, (file, staged)) in prepared.iter().zip(staged).enumerate() {
        let Err(error) = staged.persist(resolve(&file.path)) else { continue };
        for earlier in &prepared[..n_put] {
            replace(&earlier.path, earlier.before.as_bytes())
                .map_err(|error| HttpError::of_io(&error, &earlier.path))?;
        }
        return Err(HttpError::of_io(&error.error, &file.path));
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<String, HttpError> {
    let bytes = regular::read(path, EDIT_BYTES_MAX).map_err(|error| HttpError::of_io(&error, path))?;
    String::from_utf8(bytes).map_err(|_| {
        HttpError::bad_request(format!("{} is not a UTF-8 text file; no file was changed", path.display()))
    })
}

/// Writes a new file beside `path` and puts it in its place; the mode of an existing file is kept, links are followed.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    regular::check_target(path)?;
    stage(path, bytes)?.persist(resolve(path)).map_err(|error| error.error)?;
    Ok(())
}

fn stage(path: &Path, bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let target = resolve(path);
    let parent = target.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".warren-").tempfile_in(parent)?;
    file.write_all(bytes)?;
    let permissions = match std::fs::metadata(&target) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => std::os::unix::fs::PermissionsExt::from_mode(0o666 & !umask()),
    };
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn resolve(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The process's file mode mask, read without changing it, as changing it would race with other threads.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    mask.and_then(|text| u32::from_str_radix(text.trim(), 8).ok()).unwrap_or(0o022)
}

/// An absolute path, or one below the home directory.
fn absolute(workplace: &Workplace, path: &str) -> Result<PathBuf, HttpError> {
    if path.is_empty() {
        return Err(HttpError::bad_request("the path is missing"));
    }
    if path != "~" && !path.starts_with('/') && !path.starts_with("~/") {
        return Err(HttpError::bad_request(format!("the path must be absolute: {path:?}")));
    }
    Ok(expanded(workplace, path))
}

/// A path as people write it, from the home directory; empty means that directory itself. Variables are not expanded: a
/// path must not say what a variable holds, and a rule must know where it leads.
pub(super) fn expanded(workplace: &Workplace, path: &str) -> PathBuf {
    match path {
        "" | "~" => workplace.home().to_owned(),
        path => {
            workplace.home().join(path.strip_prefix("~/").map_or(path, |rest| rest.trim_start_matches('/')))
        }
    }
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, HttpError> {
    let task =
        tokio::task::spawn_blocking(move || work(&path).map_err(|error| HttpError::of_io(&error, &path)));
    task.await.map_err(|_| aborted())?
}

#[cfg(test)]
mod tests;
