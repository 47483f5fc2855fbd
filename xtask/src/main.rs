//! The project's own commands: run Warren, test it, check its habits, measure it.
//!
//! Depends on none of the project's crates, apart from the small one that starts PostgreSQL, so that it builds in seconds and
//! works when they do not.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod build;
mod chaos;
mod postgres;
mod process;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <command>

  run [arguments of `warren server`]   build the dashboard and the binary, then start the server
  test [--fast] [step ...]             run what CI runs; --fast leaves out browser and end-to-end tests
  tidy                                 check the crate graph, file sizes and names
  codegen                              write the OpenAPI document and the dashboard's types from the code
  bench [case ...]                     measure a release build and print a table
  chaos [--faults N] [--minutes M] [--seed S] [--chats C] [--debug]
                                       strike three servers with faults and check that nobody lost anything";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    std::env::set_current_dir(process::root())?;
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => bail!("no command given\n\n{USAGE}"),
    };
    match command {
        "run" => build::run(rest),
        "test" => test::run(rest),
        "tidy" => tidy::run(),
        "codegen" => build::codegen(),
        "bench" => bench::run(rest),
        "chaos" => chaos::run(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("unknown command `{other}`\n\n{USAGE}"),
    }
}
