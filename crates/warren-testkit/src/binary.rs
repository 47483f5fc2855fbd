//! Finding the binary under test.

use std::{path::PathBuf, process::Command, sync::OnceLock};

use crate::repository;

/// Returns the `warren` binary: the one that `WARREN_BIN` names, or one built now.
///
/// # Panics
/// Panics if it has to be built and that fails.
pub fn warren_binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("WARREN_BIN").map_or_else(build, PathBuf::from)).clone()
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(repository())
        .args(["build", "--quiet", "--package", "warren"])
        .status()
        .expect("cargo runs, since it ran this test");
    assert!(status.success(), "the warren binary could not be built");
    // This test binary lies in `<target>/<profile>/deps`.
    let test = std::env::current_exe().expect("a running program has a path");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("test binaries lie in deps/");
    profile.join("warren")
}
