//! The directory that remembers the server and the session between commands.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

const URL: &str = "url";
const SESSION: &str = "session";
const ORGANIZATION: &str = "organization";

/// A configuration directory, which need not exist yet.
#[derive(Debug, Clone)]
pub struct ConfigDir(PathBuf);

impl ConfigDir {
    /// Names a directory.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns the directory that is used when none is named.
    pub fn default_path(env: &dyn Fn(&str) -> Option<String>) -> PathBuf {
        let home = PathBuf::from(env("HOME").unwrap_or_else(|| "/".into()));
        let base = if cfg!(target_os = "macos") {
            home.join("Library/Application Support")
        } else {
            env("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map_or(home.join(".config"), PathBuf::from)
        };
        base.join("coderv2")
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the stored server URL.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn url(&self) -> anyhow::Result<Option<String>> {
        self.read(URL)
    }

    /// Returns the stored session token.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn session(&self) -> anyhow::Result<Option<String>> {
        self.read(SESSION)
    }

    /// Remembers a server and a session there.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn store(&self, url: &str, session: &str) -> anyhow::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(&self.0)
            .with_context(|| format!("cannot create the configuration directory {}", self.0.display()))?;
        self.write(URL, url)?;
        self.write(SESSION, session)
    }

    /// Forgets server and session.
    ///
    /// # Errors
    /// When a file is there but cannot be removed.
    pub fn forget(&self) -> anyhow::Result<()> {
        for name in [URL, SESSION, ORGANIZATION] {
            let path = self.0.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", path.display()));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        let path = self.0.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.0.join(name);
        let aside = self.0.join(format!(".{name}.{}", std::process::id()));
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&aside, &path));
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_session_is_remembered_privately_and_forgotten() {
        let parent = tempfile::tempdir().unwrap();
        let config = ConfigDir::new(parent.path().join("a/b"));
        assert_eq!(config.session().unwrap(), None);
        config.store("http://localhost:3000", "secret").unwrap();
        assert_eq!(config.url().unwrap().as_deref(), Some("http://localhost:3000"));
        assert_eq!(config.session().unwrap().as_deref(), Some("secret"));
        let mode = fs::metadata(config.path().join("session")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        config.forget().unwrap();
        assert_eq!(config.url().unwrap(), None);
        config.forget().unwrap();
    }

    #[test]
    fn the_session_file_is_read_trimmed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("session"), "token\n").unwrap();
        assert_eq!(ConfigDir::new(dir.path().into()).session().unwrap().as_deref(), Some("token"));
    }
}
