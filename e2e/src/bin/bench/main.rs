//! Measures a release build and prints each figure beside its peer's from the same run.
//!
//! `cargo xtask bench [case ...]`. The table is for people, the JSON line after it for programs.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod chats;
mod figures;
mod replicas;
mod requests;
mod shell;
mod start;
mod throughput;
mod timing;

use std::process::ExitCode;

use anyhow::{Result, bail};
use figures::Figures;

const CASES: &[&str] = &["start", "requests", "shell", "throughput", "chats", "replicas"];

#[tokio::main]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    match run(&wanted).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(wanted: &[String]) -> Result<()> {
    if let Some(unknown) = wanted.iter().find(|name| !CASES.contains(&name.as_str())) {
        bail!("no case is called `{unknown}`; the cases are {}", CASES.join(", "));
    }
    let is_wanted = |case: &str| wanted.is_empty() || wanted.iter().any(|name| name == case);
    let mut figures = Figures::default();
    if is_wanted("start") {
        start::measure(&mut figures).await?;
    }
    if is_wanted("requests") {
        requests::measure(&mut figures).await?;
    }
    if is_wanted("shell") {
        shell::measure(&mut figures).await?;
    }
    if is_wanted("throughput") {
        throughput::measure(&mut figures).await?;
    }
    if is_wanted("chats") {
        chats::measure(&mut figures).await?;
    }
    if is_wanted("replicas") {
        replicas::measure(&mut figures).await?;
    }
    print!("{}", figures.table());
    println!("{}", figures.json());
    Ok(())
}
