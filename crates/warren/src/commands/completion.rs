//! `warren completion`: the script that makes a shell complete commands.

use std::path::Path;

use anyhow::bail;
use clap::{CommandFactory as _, ValueEnum as _};
use clap_complete::Shell as Generated;

use crate::{
    args::{Cli, CompletionArgs, Shell},
    output, program,
};

pub(super) fn run(args: &CompletionArgs) -> anyhow::Result<()> {
    let shell = match args.name.or(args.shell) {
        Some(shell) => shell,
        None => own_shell()?,
    };
    let generated = match shell {
        Shell::Bash => Generated::Bash,
        Shell::Zsh => Generated::Zsh,
        Shell::Fish => Generated::Fish,
        Shell::Powershell => Generated::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(generated, &mut Cli::command(), program::name(), &mut script);
    output::text_out(&String::from_utf8_lossy(&script));
    Ok(())
}

fn own_shell() -> anyhow::Result<Shell> {
    let path = std::env::var("SHELL").unwrap_or_default();
    let name = Path::new(&path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match Shell::from_str(name, true) {
        Ok(shell) => Ok(shell),
        Err(_) => bail!("SHELL does not tell which shell this is; name it: bash, zsh, fish or powershell"),
    }
}
