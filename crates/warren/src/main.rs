//! The one binary: server, agent and the user's commands.
//!
//! Owns argument parsing, the exit status and the one place that turns an error into a sentence. Everything a command
//! does is in its file under [`commands`].

mod agent_wait;
mod archive;
mod args;
mod browser;
mod chat_export;
mod chat_tool;
mod chat_view;
mod chat_wire;
mod commands;
mod config;
mod connection;
mod context;
mod failure;
mod job_log;
mod output;
mod printable;
mod program;
mod prompt;
mod remote;
mod ssh_config;
mod table;
mod terminal;
mod version_check;
mod workspace_name;

use context::Context;
use warren_rt::logging::Format;

/// Twice what threads have by default: builds that are not optimised copy the futures of deep calls over the stack. Memory
/// is taken as it is touched.
const STACK_BYTES: usize = 4 << 20;

fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("nothing else installs a TLS provider before main");
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(error) => leave(usage(&error)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .expect("a process that cannot make threads cannot do anything");
    let context = match Context::from_process(cli.globals) {
        Ok(context) => context,
        Err(error) => leave(failure::report(&error)),
    };
    if context.force_tty {
        prompt::always_ask();
    }
    if !cli.command.logs_by_itself() {
        warren_rt::logging::init(Format::Text, if context.verbose { "warren=debug,warn" } else { "off" });
    }
    let outcome = runtime.block_on(async {
        let outcome = commands::run(cli.command, &context).await;
        version_check::warn(&context).await;
        outcome
    });
    leave(match outcome {
        Ok(exit) => exit.0,
        Err(error) => failure::report(&error),
    })
}

/// Ends the process at once: a read of standard input that is still waiting must not keep it alive.
fn leave(status: u8) -> ! {
    output::flush();
    std::process::exit(i32::from(status))
}

/// Prints what is wrong with the arguments, or the help that was asked for.
fn usage(error: &clap::Error) -> u8 {
    // Nothing sensible is left to do when the terminal is gone.
    let _ = error.print();
    u8::from(error.use_stderr())
}
