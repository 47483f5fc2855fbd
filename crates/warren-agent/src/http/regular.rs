//! Opens files that a request names.
//!
//! Owns the promise that opening and reading ends: a pipe without a writer, a device or a file without end is refused
//! instead of read.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a regular file for reading. Never waits for a writer.
pub(super) fn open(path: &Path) -> std::io::Result<File> {
    // Opening a device may already do something.
    check(&std::fs::metadata(path)?)?;
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// Reads a whole file that has at most `bytes_max` bytes, however fast it grows.
pub(super) fn read(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(refused(ErrorKind::FileTooLarge, &format!("has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// Refuses what is there but is no regular file: replacing it would take a device or a directory away.
pub(super) fn check_target(path: &Path) -> std::io::Result<()> {
    match std::fs::metadata(path) {
        Ok(metadata) => check(&metadata),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn check(metadata: &std::fs::Metadata) -> std::io::Result<()> {
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(refused(ErrorKind::InvalidInput, "is a pipe, socket or device, not a regular file"));
    }
    Ok(())
}

fn refused(kind: ErrorKind, why: &str) -> Error {
    Error::new(kind, why)
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn what_never_ends_is_refused_instead_of_read() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero")] {
            let error = read(path, 10).unwrap_err();
            assert!(error.to_string().contains("not a regular file"), "{error}");
            assert!(check_target(path).is_err());
        }
        let file = dir.path().join("file");
        std::fs::write(&file, "0123456789").unwrap();
        assert_eq!(read(&file, 10).unwrap(), b"0123456789");
        assert_eq!(read(&file, 9).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert!(check_target(&file).is_ok() && check_target(&dir.path().join("new")).is_ok());
        assert_eq!(check_target(dir.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
    }
}
