//! What CI runs, step by step; the first failure ends it and is the last line.

use std::{process::Command, time::Instant};

use anyhow::{Context, Result, bail};

use crate::{
    build,
    postgres::{self, POSTGRES_URL},
    process, setup, tidy,
};

type Step = (&'static str, fn() -> Result<()>);

/// Steps in order: cheap ones first, so that a slip shows in seconds.
const STEPS: &[Step] = &[
    ("fmt", fmt),
    ("tidy", tidy::run),
    ("site", site),
    ("clippy", clippy),
    ("unit", unit),
    ("codegen", build::check_codegen),
    ("postgres", on_postgres),
    ("e2e", e2e),
];

/// The packages whose tests use a database. They run on SQLite in the step `unit`, then again on PostgreSQL.
const DATABASE_PACKAGES: &[&str] = &["warren-db", "warren-app", "warren-chat", "warren-server", "warren"];

/// Runs all steps, or those that are named.
pub fn run(arguments: &[String]) -> Result<()> {
    let fast = arguments.iter().any(|argument| argument == "--fast");
    let named: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|argument| *argument != "--fast").collect();
    if let Some(unknown) = named.iter().find(|name| !STEPS.iter().any(|(step, _)| step == *name)) {
        let known: Vec<_> = STEPS.iter().map(|(step, _)| *step).collect();
        bail!("no step is called `{unknown}`; the steps are {}", known.join(", "));
    }
    setup::require_node()?;
    let chosen = STEPS
        .iter()
        .filter(|(name, _)| if named.is_empty() { !(fast && *name == "e2e") } else { named.contains(name) });
    let start = Instant::now();
    for (name, step) in chosen {
        let began = Instant::now();
        println!("── {name}");
        step().with_context(|| format!("step `{name}`"))?;
        println!("── {name}: ok in {} s", began.elapsed().as_secs());
    }
    println!("all steps passed in {} s", start.elapsed().as_secs());
    Ok(())
}

fn fmt() -> Result<()> {
    process::run(process::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    process::run(process::cargo().args(arguments))
}

fn site() -> Result<()> {
    build::packages()?;
    for script in ["lint", "test", "build"] {
        process::run(Command::new("npm").current_dir("site").args(["run", script]))?;
    }
    Ok(())
}

fn unit() -> Result<()> {
    setup::test_programs()?;
    setup::require_terraform()?;
    process::run(tests("not package(e2e)", &["--workspace", "--exclude", "e2e"]).env_remove(POSTGRES_URL))
}

fn on_postgres() -> Result<()> {
    setup::test_programs()?;
    setup::require_terraform()?;
    let server = postgres::start()?;
    let filter: Vec<_> = DATABASE_PACKAGES.iter().map(|name| format!("package({name})")).collect();
    let plain: Vec<_> = DATABASE_PACKAGES.iter().flat_map(|name| ["--package", name]).collect();
    process::run(tests(&filter.join(" + "), &plain).env(POSTGRES_URL, server.url()))
}

fn e2e() -> Result<()> {
    setup::test_programs()?;
    setup::clock_library()?;
    setup::require_terraform()?;
    build::packages()?;
    build::dashboard()?;
    let binary = build::binary(build::Profile::Dev)?;
    // The tests are told where the binary is and where they find PostgreSQL for servers that shall use it; the variables are
    // inherited by the test runner.
    let server = postgres::start()?;
    let mut tests = tests("package(e2e)", &["--package", "e2e"]);
    process::run(tests.env("WARREN_BIN", binary).env(POSTGRES_URL, server.url()))
}

/// Prefers nextest, which runs each test in a process of its own. It builds the whole workspace and chooses the tests, so
/// that both test steps and the binary share their dependencies' features; plain cargo chooses packages.
fn tests(nextest: &str, plain: &[&str]) -> Command {
    let mut cargo = process::cargo();
    if process::exists("cargo-nextest") {
        cargo.args(["nextest", "run", "--profile", "ci", "--locked", "--no-fail-fast"]);
        cargo.args(["--workspace", "--filterset", nextest]);
    } else {
        cargo.args(["test", "--locked", "--no-fail-fast"]).args(plain);
    }
    cargo
}
