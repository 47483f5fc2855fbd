//! Measuring a release build. The cases themselves are a program of the `e2e` package.

use anyhow::Result;

use crate::{
    build,
    postgres::{self, POSTGRES_URL},
    process, setup,
};

/// Builds for release and runs the named cases, or all.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::require_node()?;
    setup::test_programs()?;
    setup::bench_programs()?;
    build::dashboard()?;
    let binary = build::binary(build::Profile::Release)?;
    let postgres = postgres::start()?;
    process::run(
        process::cargo()
            .args(["run", "--release", "--package", "e2e", "--bin", "bench", "--"])
            .args(arguments)
            .env("WARREN_BIN", binary)
            .env(POSTGRES_URL, postgres.url()),
    )
}
