//! Reads, writes, edits and lists the user's files.
//!
//! Owns atomic replacement: a reader sees the old file or the new one, whatever happens in between.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use warren_wire::agent_http::{
    DirectoryEntry, DirectoryListing, EditFiles, EditedFile, EditedFiles, FileLines, ListDirectory,
    ReadFileLines,
};

use super::edit;
use super::lines;
use super::{Body, HttpError, Shared};

/// Held while files are changed: an edit reads and then replaces, and two at once would lose one of them. One lock for
/// all files, because a request may name several.
static CHANGES: Mutex<()> = Mutex::new(());

/// Largest piece of a file in one answer.
const READ_BYTES_MAX: u64 = 64 << 20;

#[derive(Deserialize)]
pub(super) struct ReadFile {
    path: String,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    limit: u64,
}

#[derive(Deserialize)]
pub(super) struct WriteFile {
    path: String,
}

pub(super) async fn read_file(Query(query): Query<ReadFile>) -> Result<impl IntoResponse, HttpError> {
    let path = absolute(&query.path)?;
    let limit = if query.limit == 0 { READ_BYTES_MAX } else { query.limit.min(READ_BYTES_MAX) };
    let bytes = blocking(path.clone(), move |path| {
        let mut file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        file.seek(SeekFrom::Start(query.offset))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes))
}

pub(super) async fn read_file_lines(
    Query(query): Query<ReadFileLines>,
) -> Result<Json<FileLines>, HttpError> {
    let path = absolute(&query.path)?;
    let answer = blocking(path, move |path| Ok(lines::read(path, query.offset, query.limit))).await?;
    Ok(Json(answer))
}

pub(super) async fn write_file(Query(query): Query<WriteFile>, body: Bytes) -> Result<StatusCode, HttpError> {
    let path = absolute(&query.path)?;
    blocking(path, move |path| {
        let _one_at_a_time = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        replace(path, &body)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn edit_files(Body(request): Body<EditFiles>) -> Result<Json<EditedFiles>, HttpError> {
    if request.files.is_empty() {
        return Err(HttpError::bad_request("name at least one file to edit"));
    }
    for file in &request.files {
        absolute(&file.path)?;
    }
    let work = tokio::task::spawn_blocking(move || edit_all(&request));
    let edited =
        work.await.map_err(|_| HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "the edit was aborted"))?;
    edited.map(Json)
}

pub(super) async fn list_directory(
    State(shared): State<Shared>,
    Body(request): Body<ListDirectory>,
) -> Result<Json<DirectoryListing>, HttpError> {
    let path = if request.path == "~" {
        shared.workplace.home().to_owned()
    } else {
        shared.workplace.expand_path(&request.path)
    };
    let contents = blocking(path.clone(), |path| {
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
    Ok(Json(DirectoryListing { absolute_path: path.to_string_lossy().into_owned(), contents }))
}

/// Prepares every file, and writes only when all could be prepared.
fn edit_all(request: &EditFiles) -> Result<EditedFiles, HttpError> {
    let _one_at_a_time = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut prepared: Vec<(PathBuf, String)> = Vec::new();
    let mut files = Vec::new();
    for file in &request.files {
        let path = PathBuf::from(&file.path);
        // A file that is named twice is edited in the order of the request.
        let earlier = prepared.iter().position(|(known, _)| *known == path);
        let before = match earlier {
            Some(at) => prepared[at].1.clone(),
            None => read_text(&path)?,
        };
        let edited = edit::apply(&before, &file.edits).map_err(|error| {
            HttpError::bad_request(format!("{}: {error}; no file was changed", path.display()))
        })?;
        let diff =
            if request.include_diff { edit::diff(&file.path, &before, &edited.text) } else { String::new() };
        files.push(EditedFile { path: file.path.clone(), replacements: edited.n_replacements, diff });
        match earlier {
            Some(at) => prepared[at].1 = edited.text,
            None => prepared.push((path, edited.text)),
        }
    }
    let mut staged = Vec::new();
    for (path, text) in &prepared {
        staged.push((path, stage(path, text.as_bytes()).map_err(|error| HttpError::of_io(&error, path))?));
    }
    for (path, file) in staged {
        file.persist(resolve(path)).map_err(|error| HttpError::of_io(&error.error, path))?;
    }
    Ok(EditedFiles { files })
}

fn read_text(path: &Path) -> Result<String, HttpError> {
    let bytes = std::fs::read(path).map_err(|error| HttpError::of_io(&error, path))?;
    String::from_utf8(bytes).map_err(|_| {
        HttpError::bad_request(format!("{} is not a UTF-8 text file; no file was changed", path.display()))
    })
}

/// Writes a new file beside `path` and puts it in its place; the mode of an existing file is kept, links are followed.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
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

fn absolute(path: &str) -> Result<PathBuf, HttpError> {
    if path.is_empty() {
        return Err(HttpError::bad_request("the path is missing"));
    }
    if !path.starts_with('/') {
        return Err(HttpError::bad_request(format!("the path must be absolute: {path:?}")));
    }
    Ok(PathBuf::from(path))
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, HttpError> {
    let task =
        tokio::task::spawn_blocking(move || work(&path).map_err(|error| HttpError::of_io(&error, &path)));
    task.await
        .map_err(|_| HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "the file operation was aborted"))?
}

#[cfg(test)]
mod tests {
    use warren_wire::agent_http::{FileEdit, FileEdits};

    use super::*;

    #[test]
    fn edits_of_one_file_at_the_same_time_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let lines: Vec<_> = (0..8).map(|n| format!("line {n}.\n{}", "x\n".repeat(20_000))).collect();
        std::fs::write(&path, lines.concat()).unwrap();
        std::thread::scope(|scope| {
            for n in 0..8 {
                let edit = FileEdit {
                    search: format!("line {n}."),
                    replace: format!("done {n}."),
                    replace_all: false,
                };
                let file = FileEdits { path: path.to_str().unwrap().into(), edits: vec![edit] };
                scope.spawn(move || edit_all(&EditFiles { files: vec![file], include_diff: false }).unwrap());
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("done").count(), 8);
    }
}
