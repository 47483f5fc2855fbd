//! A campaign of faults over several servers: `cargo xtask chaos [--faults N] [--minutes M] [--seed S] [--chats C]`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use e2e::chaos::{Options, run};

const USAGE: &str = "usage: cargo xtask chaos [--debug] [--faults N] [--minutes M] [--seed S] [--chats C] [--workspaces W] \
     [--messages K] [--servers R]";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match campaign(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn campaign(arguments: &[String]) -> Result<bool> {
    let options = options(arguments)?;
    let directory = options.directory.clone();
    println!("seed {}: {options:?}", options.seed);
    let summary = run(options).await?;
    println!("{summary}\n{}", summary.json());
    if summary.n_violations == 0 {
        std::fs::remove_dir_all(&directory).context("the directory cannot be removed")?;
        return Ok(true);
    }
    let log = directory.join("faults.log");
    std::fs::write(&log, summary.log.join("\n")).context("the log of faults cannot be written")?;
    std::fs::write(directory.join("violations.txt"), summary.failures()).context("no list of violations")?;
    println!("{}", summary.failures());
    println!("Again: cargo xtask chaos {}", arguments_again(arguments, summary.seed));
    println!("Kept: {} (server-N/server.log, postgres/log, faults.log, violations.txt)", directory.display());
    Ok(false)
}

fn arguments_again(arguments: &[String], seed: u64) -> String {
    let given = arguments.join(" ");
    if given.contains("--seed") { given } else { format!("{given} --seed {seed}") }
}

fn options(arguments: &[String]) -> Result<Options> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let seed = u64::from(now.subsec_nanos());
    let directory = std::env::temp_dir().join(format!("warren-chaos-{}", std::process::id()));
    let mut options = Options {
        seed,
        n_faults: 2_000,
        duration: Duration::from_secs(120),
        n_chats: 16,
        n_in_workspace: 2,
        n_messages: 15,
        n_servers: 3,
        directory,
    };
    let mut words = arguments.iter();
    while let Some(name) = words.next() {
        let value = words.next().with_context(|| format!("{name} needs a number\n{USAGE}"))?;
        let wrong = || format!("`{value}` is no number for {name}\n{USAGE}");
        let number: u64 = value.parse().with_context(wrong)?;
        let count = usize::try_from(number).with_context(wrong)?;
        match name.as_str() {
            "--seed" => options.seed = number,
            "--faults" => options.n_faults = count,
            "--minutes" => options.duration = Duration::from_secs(number * 60),
            "--seconds" => options.duration = Duration::from_secs(number),
            "--chats" => options.n_chats = count,
            "--workspaces" => options.n_in_workspace = count,
            "--messages" => options.n_messages = count,
            "--servers" => options.n_servers = count,
            other => bail!("unknown option `{other}`\n{USAGE}"),
        }
    }
    Ok(options)
}
