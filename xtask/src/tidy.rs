//! Habits that no compiler checks: the crate graph, file sizes, file names, forbidden calls.

mod graph;
mod sources;

use anyhow::{Result, bail};

/// Runs every check and lists all findings at once.
pub fn run() -> Result<()> {
    let mut findings = graph::check()?;
    findings.extend(sources::check()?);
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        println!("tidy: {finding}");
    }
    bail!("{} findings", findings.len())
}
