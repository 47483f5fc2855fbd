//! One server per data directory: it holds keys, caches and the work of jobs, and with SQLite the rows.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use super::OpenError;

const LOCK_FILE: &str = "warren.lock";

/// Keeps other servers out of a data directory until it is dropped, also by the death of the process.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Makes the directory for its owner alone if it is missing, and locks it. One that exists keeps its mode: the
    /// administrator chose it.
    ///
    /// # Errors
    /// Fails when another server holds the directory and on disk errors.
    pub fn take(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.to_owned();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
        made.map_err(|source| OpenError::Directory { path: path.clone(), source })?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(data_dir.join(LOCK_FILE));
        let file = file.map_err(|source| OpenError::Lock { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(OpenError::Lock { path, source }),
        }
    }
}
