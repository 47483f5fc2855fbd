//! Unpacking a template's archive into a directory.
//!
//! Owns: what an archive may hold. Must not: trust a path in it.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Component, Path, PathBuf},
};

use thiserror::Error;

/// The most bytes of one file.
pub(crate) const FILE_BYTES_MAX: u64 = 10 << 20;
/// The most bytes of all files together.
pub(crate) const TOTAL_BYTES_MAX: u64 = 100 << 20;
/// The most files and directories.
pub(crate) const ENTRIES_MAX: usize = 10_000;

/// Why an archive is refused; the text is for the template's author.
#[derive(Debug, Error)]
pub(crate) enum ArchiveError {
    #[error("the template's archive is not a valid tar file")]
    NotTar(#[source] io::Error),
    #[error("the template's archive holds a path that leads out of its directory: {0:?}")]
    NonLocal(PathBuf),
    #[error("the template's file {0:?} is larger than 10 MiB")]
    FileTooLarge(PathBuf),
    #[error("the template's files are larger than 100 MiB together")]
    TooLarge,
    #[error("the template's archive holds more than 10000 files")]
    TooMany,
    #[error("the template's archive holds no Terraform file (*.tf or *.tf.json) in its root directory")]
    NoTerraform,
    #[error("the template's file {0:?} could not be written")]
    Write(PathBuf, #[source] io::Error),
}

/// Unpacks a tar archive. Returns what was left out because it is neither a file nor a directory: links could
/// lead out of the directory.
///
/// # Errors
/// The archive breaks one of the limits; some files may have been written then.
pub(crate) fn unpack(archive: &[u8], into: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut left_out = vec![];
    let mut total = 0;
    let mut has_terraform = false;
    let mut archive = tar::Archive::new(archive);
    for (n, entry) in archive.entries().map_err(ArchiveError::NotTar)?.enumerate() {
        if n >= ENTRIES_MAX {
            return Err(ArchiveError::TooMany);
        }
        let mut entry = entry.map_err(ArchiveError::NotTar)?;
        let path = local(&entry.path().map_err(ArchiveError::NotTar)?)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            make_dir(&into.join(&path)).map_err(|error| ArchiveError::Write(path, error))?;
            continue;
        }
        if !kind.is_file() {
            left_out.push(path);
            continue;
        }
        let size = entry.size();
        total += size;
        if size > FILE_BYTES_MAX {
            return Err(ArchiveError::FileTooLarge(path));
        }
        if total > TOTAL_BYTES_MAX {
            return Err(ArchiveError::TooLarge);
        }
        let mode = entry.header().mode().unwrap_or(0);
        has_terraform |= is_terraform(&path);
        write(&mut entry, &into.join(&path), mode).map_err(|error| ArchiveError::Write(path, error))?;
    }
    if has_terraform { Ok(left_out) } else { Err(ArchiveError::NoTerraform) }
}

/// Accepts relative paths that stay below their start.
fn local(path: &Path) -> Result<PathBuf, ArchiveError> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => {
                return Err(ArchiveError::NonLocal(path.to_owned()));
            }
        }
    }
    Ok(plain)
}

fn is_terraform(path: &Path) -> bool {
    let name = path.to_string_lossy();
    path.components().count() == 1 && (name.ends_with(".tf") || name.ends_with(".tf.json"))
}

fn make_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

fn write(from: &mut impl Read, to: &Path, mode: u32) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        make_dir(parent)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    io::copy(from, &mut file)?;
    // Only whether the file can be run is of interest; the owner can always read and write.
    file.set_permissions(fs::Permissions::from_mode(0o600 | (mode & 0o711)))
}

#[cfg(test)]
mod tests;
