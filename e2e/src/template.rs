//! Templates that tests write themselves.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use warren_testkit::User;

/// Writes a template of one file into the user's home and returns its directory as text.
///
/// # Errors
/// Fails when the file cannot be written.
pub fn write(user: &User, name: &str, main_tf: &str) -> Result<String> {
    let directory: PathBuf = user.home().join(name);
    fs::create_dir_all(&directory).context("the template's directory cannot be made")?;
    fs::write(directory.join("main.tf"), main_tf).context("main.tf cannot be written")?;
    directory.into_os_string().into_string().ok().context("the path is not text")
}
