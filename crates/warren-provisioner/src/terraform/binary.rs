//! Which Terraform is run.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde::Deserialize;
use thiserror::Error;
use tokio::process::Command;

/// The oldest version whose output can be read.
const VERSION_MIN: (u64, u64) = (1, 9);
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);

/// A Terraform that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

/// Why there is none; the text is for the user whose job fails.
#[derive(Debug, Error)]
pub(crate) enum BinaryError {
    #[error(
        "Terraform was not found: install `terraform` (or `tofu`) on the PATH of the Warren server, or start the \
         server with the path of its executable"
    )]
    NotOnPath,
    #[error(
        "Terraform was not found at {0}: correct the path that the Warren server was started with, or leave it \
         out to search the PATH"
    )]
    NotAt(PathBuf),
    #[error("{0} could not be asked for its version: it is not a working Terraform executable")]
    Broken(PathBuf),
    #[error("Terraform {version} at {path} is too old: Warren needs version 1.9 or newer")]
    TooOld { path: PathBuf, version: String },
}

#[derive(Deserialize)]
struct VersionOutput {
    terraform_version: String,
}

impl Binary {
    /// Finds Terraform and asks for its version.
    ///
    /// # Errors
    /// There is none, or it is not usable.
    pub(crate) async fn find(explicit: Option<&Path>) -> Result<Self, BinaryError> {
        let path = match explicit {
            Some(path) if path.is_file() => path.to_owned(),
            Some(path) => return Err(BinaryError::NotAt(path.to_owned())),
            None => on_path(std::env::var_os("PATH").unwrap_or_default()).ok_or(BinaryError::NotOnPath)?,
        };
        let broken = || BinaryError::Broken(path.clone());
        let output = Command::new(&path)
            .args(["version", "-json"])
            .env("CHECKPOINT_DISABLE", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(VERSION_TIMEOUT, output).await.map_err(|_| broken())?;
        let output = output.map_err(|_| broken())?;
        let VersionOutput { terraform_version: version } =
            serde_json::from_slice(&output.stdout).map_err(|_| broken())?;
        if numbers(&version).ok_or_else(broken)? < VERSION_MIN {
            return Err(BinaryError::TooOld { path, version });
        }
        Ok(Self { path, version })
    }
}

fn on_path(path: std::ffi::OsString) -> Option<PathBuf> {
    let dirs: Vec<_> = std::env::split_paths(&path).filter(|dir| dir.is_absolute()).collect();
    let find = |name: &str| dirs.iter().map(|dir| dir.join(name)).find(|file| is_executable(file));
    find("terraform").or_else(|| find("tofu"))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn numbers(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_path_without_terraform_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("terraform");
        let error = Binary::find(Some(&path)).await.unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains("was not found"), "{error}");
        assert!(on_path(dir.path().as_os_str().to_owned()).is_none());
    }

    #[tokio::test]
    async fn something_else_is_not_taken_for_terraform() {
        let error = Binary::find(Some(Path::new("/bin/echo"))).await.unwrap_err();
        assert!(matches!(error, BinaryError::Broken(_)));
    }

    #[tokio::test]
    async fn an_old_version_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("terraform");
        std::fs::write(&path, "#!/bin/sh\necho '{\"terraform_version\": \"1.8.5\"}'\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let error = Binary::find(Some(&path)).await.unwrap_err().to_string();
        assert!(error.contains("1.8.5") && error.contains("too old"), "{error}");
    }
}
