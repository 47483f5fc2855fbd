//! The SFTP subsystem: the user's files, with the agent's rights.
//!
//! Owns open handles of one client. Paths are relative to the session directory unless absolute.

use std::collections::HashMap;
use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use russh::Channel;
use russh::server::Msg;
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Packet, Status, StatusCode, Version,
};
use russh_sftp::server::{Handler, StatusReply};
use tokio::sync::oneshot;

use super::session::Context;

/// Names in one answer to a read of a directory.
const NAMES_MAX: usize = 100;
/// Bytes in one answer to a read of a file.
const READ_BYTES_MAX: u32 = 256 << 10;
/// Handles one client may have open.
const HANDLES_MAX: usize = 1024;

/// Serves until the client closes the channel.
pub(crate) async fn serve(channel: Channel<Msg>, context: &Context) {
    let id = channel.id();
    let (alive, ended) = oneshot::channel();
    let files = Files { base: context.workplace.directory(), open: HashMap::new(), next: 0, _alive: alive };
    russh_sftp::server::run(channel.into_stream(), files).await;
    // The library runs the handler in a task of its own; its end drops the handler and with it the sender.
    tokio::select! {
        _ = ended => {}
        () = context.ended.cancelled() => {}
    }
    let connection = &context.connection;
    let _ = connection.exit_status_request(id, 0).await;
    let _ = connection.eof(id).await;
    let _ = connection.close(id).await;
}

struct Files {
    base: PathBuf,
    open: HashMap<String, Open>,
    next: u64,
    _alive: oneshot::Sender<()>,
}

enum Open {
    File { file: Arc<std::fs::File>, append: bool },
    Directory(std::vec::IntoIter<File>),
}

type Answer<T> = Result<T, StatusReply>;

impl Files {
    fn path(&self, text: &str) -> PathBuf {
        self.base.join(text)
    }

    fn keep(&mut self, id: u32, open: Open) -> Answer<Handle> {
        if self.open.len() >= HANDLES_MAX {
            return Err(StatusCode::Failure.with_message("too many open handles; close some first"));
        }
        self.next += 1;
        let handle = self.next.to_string();
        self.open.insert(handle.clone(), open);
        Ok(Handle { id, handle })
    }

    fn file(&self, handle: &str) -> Answer<(Arc<std::fs::File>, bool)> {
        match self.open.get(handle) {
            Some(Open::File { file, append }) => Ok((file.clone(), *append)),
            Some(Open::Directory(_)) | None => {
                Err(StatusCode::Failure.with_message("no file has this handle"))
            }
        }
    }
}

impl Handler for Files {
    type Error = StatusReply;

    fn unimplemented(&self) -> StatusReply {
        StatusCode::OpUnsupported.into()
    }

    async fn init(&mut self, _version: u32, _extensions: HashMap<String, String>) -> Answer<Version> {
        let mut version = Version::new();
        for name in ["posix-rename@openssh.com", "fsync@openssh.com", "hardlink@openssh.com"] {
            version.extensions.insert(name.to_owned(), "1".to_owned());
        }
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        filename: String,
        flags: OpenFlags,
        attrs: FileAttributes,
    ) -> Answer<Handle> {
        let path = self.path(&filename);
        let file = blocking(move || {
            let mut options: OpenOptions = flags.into();
            if let Some(mode) = attrs.permissions {
                options.mode(mode & 0o7777);
            }
            options.open(path)
        })
        .await?;
        self.keep(id, Open::File { file: Arc::new(file), append: flags.contains(OpenFlags::APPEND) })
    }

    async fn close(&mut self, id: u32, handle: String) -> Answer<Status> {
        match self.open.remove(&handle) {
            Some(_) => Ok(ok(id)),
            None => Err(StatusCode::Failure.with_message("no such handle")),
        }
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Answer<Data> {
        let (file, _) = self.file(&handle)?;
        let data = blocking(move || {
            let mut data = vec![0; len.min(READ_BYTES_MAX) as usize];
            // Reads at a position fail on pipes and devices that cannot seek; those are read in order.
            let n = match file.read_at(&mut data, offset) {
                Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ESPIPE as i32) => {
                    (&*file).read(&mut data)?
                }
                result => result?,
            };
            data.truncate(n);
            Ok(data)
        })
        .await?;
        if data.is_empty() {
            return Err(StatusCode::Eof.into());
        }
        Ok(Data { id, data })
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Answer<Status> {
        let (file, append) = self.file(&handle)?;
        blocking(move || {
            if append {
                return (&*file).write_all(&data);
            }
            match file.write_all_at(&data, offset) {
                Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ESPIPE as i32) => {
                    (&*file).write_all(&data)
                }
                result => result,
            }
        })
        .await?;
        Ok(ok(id))
    }

    async fn stat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        let path = self.path(&path);
        let attrs = blocking(move || std::fs::metadata(path)).await?;
        Ok(Attrs { id, attrs: attributes(&attrs) })
    }

    async fn lstat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        let path = self.path(&path);
        let attrs = blocking(move || std::fs::symlink_metadata(path)).await?;
        Ok(Attrs { id, attrs: attributes(&attrs) })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Answer<Attrs> {
        let (file, _) = self.file(&handle)?;
        let attrs = blocking(move || file.metadata()).await?;
        Ok(Attrs { id, attrs: attributes(&attrs) })
    }

    async fn setstat(&mut self, id: u32, path: String, attrs: FileAttributes) -> Answer<Status> {
        let path = self.path(&path);
        blocking(move || {
            // A directory cannot be opened for writing, and a truncation needs that.
            let file =
                OpenOptions::new().write(attrs.size.is_some()).read(attrs.size.is_none()).open(path)?;
            set_attributes(&file, &attrs)
        })
        .await?;
        Ok(ok(id))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, attrs: FileAttributes) -> Answer<Status> {
        let (file, _) = self.file(&handle)?;
        blocking(move || set_attributes(&file, &attrs)).await?;
        Ok(ok(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Answer<Handle> {
        let path = self.path(&path);
        let names = blocking(move || list(&path)).await?;
        self.keep(id, Open::Directory(names.into_iter()))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Answer<Name> {
        let Some(Open::Directory(names)) = self.open.get_mut(&handle) else {
            return Err(StatusCode::Failure.with_message("no directory has this handle"));
        };
        let files: Vec<File> = names.take(NAMES_MAX).collect();
        if files.is_empty() {
            return Err(StatusCode::Eof.into());
        }
        Ok(Name { id, files })
    }

    async fn remove(&mut self, id: u32, path: String) -> Answer<Status> {
        let path = self.path(&path);
        blocking(move || std::fs::remove_file(path)).await?;
        Ok(ok(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, attrs: FileAttributes) -> Answer<Status> {
        let path = self.path(&path);
        blocking(move || {
            // The user's umask narrows what the client asks for.
            DirBuilder::new().mode(attrs.permissions.unwrap_or(0o777) & 0o777).create(&path)
        })
        .await?;
        Ok(ok(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Answer<Status> {
        let path = self.path(&path);
        blocking(move || std::fs::remove_dir(path)).await?;
        Ok(ok(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Answer<Name> {
        let path = self.path(&path);
        let resolved =
            blocking(move || Ok(std::fs::canonicalize(&path).unwrap_or_else(|_| normalize(&path)))).await?;
        Ok(Name { id, files: vec![File::dummy(resolved.to_string_lossy())] })
    }

    async fn rename(&mut self, id: u32, old: String, new: String) -> Answer<Status> {
        let (old, new) = (self.path(&old), self.path(&new));
        blocking(move || {
            if new.symlink_metadata().is_ok() {
                return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists));
            }
            std::fs::rename(old, new)
        })
        .await?;
        Ok(ok(id))
    }

    async fn readlink(&mut self, id: u32, path: String) -> Answer<Name> {
        let path = self.path(&path);
        let target = blocking(move || std::fs::read_link(path)).await?;
        Ok(Name { id, files: vec![File::dummy(target.to_string_lossy())] })
    }

    async fn symlink(&mut self, id: u32, link: String, target: String) -> Answer<Status> {
        // OpenSSH sends the two paths in the opposite order of the draft, and every client follows it.
        let (target, link) = (link, self.path(&target));
        blocking(move || std::os::unix::fs::symlink(target, link)).await?;
        Ok(ok(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Answer<Packet> {
        let mut strings = Strings(&data);
        match request.as_str() {
            "posix-rename@openssh.com" => {
                let (old, new) = (self.path(&strings.next()?), self.path(&strings.next()?));
                blocking(move || std::fs::rename(old, new)).await?;
            }
            "hardlink@openssh.com" => {
                let (old, new) = (self.path(&strings.next()?), self.path(&strings.next()?));
                blocking(move || std::fs::hard_link(old, new)).await?;
            }
            "fsync@openssh.com" => {
                let (file, _) = self.file(&strings.next()?)?;
                blocking(move || file.sync_all()).await?;
            }
            _ => return Err(StatusCode::OpUnsupported.into()),
        }
        Ok(Packet::Status(ok(id)))
    }
}

/// Strings of an extended request: each a 32-bit big-endian length and its bytes.
struct Strings<'a>(&'a [u8]);

impl Strings<'_> {
    fn next(&mut self) -> Answer<String> {
        let bad = || StatusReply::from(StatusCode::BadMessage);
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or_else(bad)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (text, rest) = rest.split_at_checked(length).ok_or_else(bad)?;
        self.0 = rest;
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Answer<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(status(&error)),
        Err(_) => Err(StatusCode::Failure.into()),
    }
}

fn status(error: &std::io::Error) -> StatusReply {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => StatusCode::NoSuchFile,
        std::io::ErrorKind::PermissionDenied => StatusCode::PermissionDenied,
        // The rest has no code of its own; the text tells.
        _ => StatusCode::Failure,
    };
    code.with_message(error.to_string())
}

fn ok(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: "Ok".to_owned(), language_tag: "en".to_owned() }
}

fn attributes(metadata: &Metadata) -> FileAttributes {
    // The protocol's times are 32 bits wide.
    let seconds = |value: i64| u32::try_from(value.max(0)).unwrap_or(u32::MAX);
    FileAttributes {
        size: Some(metadata.len()),
        uid: Some(metadata.uid()),
        gid: Some(metadata.gid()),
        permissions: Some(metadata.mode()),
        atime: Some(seconds(metadata.atime())),
        mtime: Some(seconds(metadata.mtime())),
        ..FileAttributes::default()
    }
}

fn set_attributes(file: &std::fs::File, attrs: &FileAttributes) -> std::io::Result<()> {
    if let Some(size) = attrs.size {
        file.set_len(size)?;
    }
    if let Some(mode) = attrs.permissions {
        file.set_permissions(Permissions::from_mode(mode & 0o7777))?;
    }
    if attrs.uid.is_some() || attrs.gid.is_some() {
        std::os::unix::fs::fchown(file, attrs.uid, attrs.gid)?;
    }
    if let (Some(atime), Some(mtime)) = (attrs.atime, attrs.mtime) {
        let time = |seconds: u32| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
        file.set_times(std::fs::FileTimes::new().set_accessed(time(atime)).set_modified(time(mtime)))?;
    }
    Ok(())
}

fn list(path: &Path) -> std::io::Result<Vec<File>> {
    let special = [".", ".."].map(|name| (name.to_owned(), path.join(name)));
    let mut names: Vec<(String, PathBuf)> = special.into();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        names.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    // A file may vanish between the two calls; a listing without it is as true as one with it.
    let file = |(name, path): (String, PathBuf)| {
        Some(File::new(name, attributes(&std::fs::symlink_metadata(path).ok()?)))
    };
    Ok(names.into_iter().filter_map(file).collect())
}

/// Removes `.` and `..` from an absolute path that does not exist.
fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => drop(out.pop()),
            Component::Normal(name) => out.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    out
}
