//! Building the dashboard and the binary.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{process, setup};

/// Builds everything and becomes `warren server`.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::require_node()?;
    dashboard()?;
    let binary = binary(Profile::Dev)?;
    if !process::exists("terraform") && !process::exists("tofu") {
        println!(
            "note: neither `terraform` nor `tofu` is on the PATH; the server starts, but builds will fail until one is"
        );
    }
    let error = Command::new(&binary).arg("server").args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", binary.display()))
}

/// Which way to build the binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
}

/// Builds the `warren` binary and returns its path.
pub fn binary(profile: Profile) -> Result<PathBuf> {
    let mut cargo = process::cargo();
    // With the features of the whole workspace, so that tests and binary share what is built.
    cargo.args(["build", "--workspace", "--bin", "warren"]);
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    process::run(&mut cargo)?;
    Ok(target_folder()?.join(folder).join("warren"))
}

/// Installs the dashboard's packages if its lock file changed, and builds it if a source changed.
pub fn dashboard() -> Result<()> {
    packages()?;
    let site = Path::new("site");
    let built = site.join("dist/index.html");
    let newest_source = ["src", "public", "index.html", "package.json", "vite.config.ts"]
        .iter()
        .filter_map(|name| newest(&site.join(name)))
        .max();
    let is_fresh = fs::metadata(&built)
        .and_then(|data| data.modified())
        .is_ok_and(|time| newest_source.is_none_or(|source| source <= time));
    if is_fresh {
        return Ok(());
    }
    process::run(Command::new("npm").current_dir(site).args(["run", "build"]))
}

/// Runs `npm ci` unless the installed packages are those of the lock file.
pub fn packages() -> Result<()> {
    let site = Path::new("site");
    let lock = fs::read(site.join("package-lock.json")).context("site/package-lock.json cannot be read")?;
    let stamp = site.join("node_modules/.lock-stamp");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    process::run(Command::new("npm").current_dir(site).args(["ci", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, lock).context("site/node_modules cannot be written")
}

/// Writes `site/openapi.json` from the code and the dashboard's types from it.
pub fn codegen() -> Result<()> {
    fs::write(DOCUMENT, openapi()?).with_context(|| format!("{DOCUMENT} cannot be written"))?;
    packages()?;
    process::run(Command::new("npm").current_dir("site").args(["run", "codegen"]))
}

/// Fails when [`codegen`] would change a committed file.
pub fn check_codegen() -> Result<()> {
    let committed = fs::read_to_string(DOCUMENT).with_context(|| format!("{DOCUMENT} cannot be read"))?;
    if committed != openapi()? {
        bail!("{DOCUMENT} is not what the code says: run `cargo xtask codegen` and commit what it writes");
    }
    packages()?;
    process::run(Command::new("npm").current_dir("site").args(["run", "codegen", "--", "--check"]))
}

const DOCUMENT: &str = "site/openapi.json";

fn openapi() -> Result<String> {
    let document = process::output(Command::new(binary(Profile::Dev)?).args(["dev", "openapi"]))?;
    if !document.starts_with('{') {
        bail!("`warren dev openapi` did not print a JSON document");
    }
    Ok(document)
}

fn target_folder() -> Result<PathBuf> {
    let text = process::output(process::cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let folder = metadata["target_directory"].as_str().context("cargo names no target directory")?;
    Ok(PathBuf::from(folder))
}

fn newest(path: &Path) -> Option<std::time::SystemTime> {
    let data = fs::metadata(path).ok()?;
    if data.is_file() {
        return data.modified().ok();
    }
    let entries = fs::read_dir(path).ok()?;
    entries.filter_map(|entry| newest(&entry.ok()?.path())).max()
}
