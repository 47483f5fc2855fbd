//! A campaign of faults over several servers. The campaign itself is a program of the `e2e` package.

use anyhow::Result;

use crate::{build, process, setup};

/// Builds the servers and the campaign, and runs it: for release, or with `--debug` as tests are built.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::require_node()?;
    setup::test_programs()?;
    setup::clock_library()?;
    setup::require_terraform()?;
    build::dashboard()?;
    let is_debug = arguments.iter().any(|argument| argument == "--debug");
    let (profile, flags): (_, &[&str]) =
        if is_debug { (build::Profile::Dev, &[]) } else { (build::Profile::Release, &["--release"]) };
    let binary = build::binary(profile)?;
    process::run(
        process::cargo()
            .arg("run")
            .args(flags)
            .args(["--package", "e2e", "--bin", "chaos", "--"])
            .args(arguments.iter().filter(|argument| *argument != "--debug"))
            .env("WARREN_BIN", binary),
    )
}
