//! Where sessions run: user, home, shell, directory and environment.
//!
//! Owns the current manifest and turns it into commands ready to start. Must not start them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use warren_wire::agent::Manifest;

use crate::environment::{self, Sources, Variables};

/// Shells for a user whose account names none that can be used, best first.
const FALLBACK_SHELLS: [&str; 2] = ["/bin/bash", "/bin/sh"];

/// Facts about this machine and user, and the manifest that is in force.
pub struct Workplace {
    manifest: RwLock<Arc<Manifest>>,
    token: String,
    server_url: String,
    process: Variables,
    user: String,
    home: PathBuf,
    shell: PathBuf,
    executable_dir: String,
    data_dir: PathBuf,
}

impl Workplace {
    /// Looks at the process's environment and the user database.
    ///
    /// `data_dir` takes the scripts' data and logs.
    #[must_use]
    pub fn of_process(manifest: Manifest, token: &str, server_url: &str, data_dir: PathBuf) -> Workplace {
        let process: Variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let account = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
        let account_home = account.as_ref().map(|account| account.dir.clone());
        let account_shell = account.as_ref().map(|account| account.shell.clone());
        let home = process.get("HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let shell = process.get("SHELL").map(PathBuf::from).or(account_shell);
        Workplace {
            manifest: RwLock::new(Arc::new(manifest)),
            token: token.to_owned(),
            server_url: server_url.to_owned(),
            user: account.map_or_else(|| "user".to_owned(), |account| account.name),
            home: home.or(account_home).unwrap_or_else(|| PathBuf::from("/")),
            shell: shell.filter(|path| is_usable_shell(path)).unwrap_or_else(fallback_shell),
            executable_dir: executable_dir(),
            data_dir,
            process,
        }
    }

    /// Puts a newer manifest in force for sessions that start from now on.
    pub fn set_manifest(&self, manifest: Manifest) {
        *self.manifest.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(manifest);
    }

    /// The manifest in force.
    #[must_use]
    pub fn manifest(&self) -> Arc<Manifest> {
        self.manifest.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The user's home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The user's shell.
    #[must_use]
    pub fn shell(&self) -> &Path {
        &self.shell
    }

    /// The working directory that the manifest names, made absolute; empty when it names none.
    #[must_use]
    pub fn expanded_directory(&self) -> String {
        let manifest = self.manifest();
        if manifest.directory.is_empty() {
            return String::new();
        }
        self.expand_path(&manifest.directory).to_string_lossy().into_owned()
    }

    /// Where sessions start: the manifest's directory if it exists, else home, else `/`.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        let wanted = self.expanded_directory();
        let candidates = [PathBuf::from(&wanted), self.home.clone()];
        candidates
            .into_iter()
            .find(|path| !path.as_os_str().is_empty() && path.is_dir())
            .unwrap_or_else(|| "/".into())
    }

    /// Expands `~` and variables; a relative path is taken from home.
    #[must_use]
    pub fn expand_path(&self, text: &str) -> PathBuf {
        let home = self.home.to_string_lossy();
        self.home.join(environment::expand_path(text, &home, &self.environment([])))
    }

    /// The environment of a new session that asks for `requested`.
    #[must_use]
    pub fn environment(&self, requested: impl IntoIterator<Item = (String, String)>) -> Variables {
        let manifest = self.manifest();
        let script_bin_dir = self.script_bin_dir();
        let sources = Sources {
            manifest: &manifest,
            token: &self.token,
            server_url: &self.server_url,
            process: &self.process,
            user: &self.user,
            home: &self.home.to_string_lossy(),
            shell: &self.shell.to_string_lossy(),
            executable_dir: &self.executable_dir,
            script_bin_dir: &script_bin_dir.to_string_lossy(),
        };
        environment::build(&sources, requested)
    }

    /// A command in the session directory with exactly `environment`.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>, environment: Variables) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        command.env_clear().envs(environment).current_dir(self.directory());
        command
    }

    /// Shared directory of executables that scripts install.
    #[must_use]
    pub fn script_bin_dir(&self) -> PathBuf {
        self.data_dir.join("bin")
    }

    /// Data directory of one script.
    #[must_use]
    pub fn script_data_dir(&self, log_source: &str) -> PathBuf {
        self.data_dir.join(log_source)
    }

    /// Directory of the scripts' log files.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.data_dir.join("log")
    }
}

fn executable_dir() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| path.parent().map(|dir| dir.to_string_lossy().into_owned()))
        .unwrap_or_default()
}

/// Accounts of services have a shell that only says no.
fn is_usable_shell(path: &Path) -> bool {
    let refuses = path.file_name().is_some_and(|name| name == "nologin" || name == "false");
    !refuses && is_executable(path)
}

fn fallback_shell() -> PathBuf {
    let found = FALLBACK_SHELLS.iter().map(PathBuf::from).find(|path| is_executable(path));
    found.unwrap_or_else(|| PathBuf::from("/bin/sh"))
}

fn is_executable(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_that_refuses_or_does_not_exist_is_not_used() {
        for path in ["/usr/sbin/nologin", "/bin/false", "/no/such/shell", "/etc/passwd"] {
            assert!(!is_usable_shell(Path::new(path)), "{path}");
        }
        assert!(is_usable_shell(Path::new("/bin/sh")));
    }
}
