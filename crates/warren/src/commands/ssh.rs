//! `warren ssh`: a shell, a command, or OpenSSH's transport.

use anyhow::Context as _;

use crate::{
    agent_wait::{self, Patience},
    args::{SshArgs, Wait},
    context::Context,
    failure::Exit,
    remote::{
        self, Tunnel,
        session::{self, Run},
    },
    terminal,
    workspace_name::WorkspaceName,
};

pub(super) async fn run(args: SshArgs, context: &Context) -> anyhow::Result<Exit> {
    let name = WorkspaceName::parse(host_to_name(&args))?;
    let client = context.client()?;
    // Dialling the server and looking the workspace up take one round trip together instead of two.
    let tunnel = Tunnel::start(&client)?;
    let workspace = name.find(&client).await?;
    let patience = Patience {
        autostart: !args.disable_autostart,
        agent_timeout: args.agent_timeout,
        scripts: if args.no_wait { Wait::No } else { args.wait },
        verbose: context.verbose,
    };
    let agent = agent_wait::ready(&client, &name, workspace, patience).await?;
    let stream = tunnel.ssh_stream(agent.id).await?;
    let outcome = if args.stdio {
        remote::carry_stdio(stream)
            .await
            .map(|()| Exit::OK)
            .context("the connection to the workspace was lost")
    } else {
        session::run(stream, &session(&args)).await
    };
    tunnel.stop(agent.id).await;
    outcome
}

fn session(args: &SshArgs) -> Run {
    Run {
        command: args.command.join(" "),
        terminal: args.tty || (args.command.is_empty() && terminal::is_interactive()),
        env: args.env.clone(),
    }
}

/// Takes off what makes a workspace's name a host name for OpenSSH.
fn host_to_name(args: &SshArgs) -> &str {
    let host = args.workspace.as_str();
    let prefix = args.ssh_host_prefix.as_deref().filter(|prefix| !prefix.is_empty());
    if let Some(name) = prefix.and_then(|prefix| host.strip_prefix(prefix)) {
        return name;
    }
    let suffix = args.hostname_suffix.as_deref().filter(|suffix| !suffix.is_empty());
    suffix
        .and_then(|suffix| host.strip_suffix(suffix.trim_start_matches('.')))
        .and_then(|name| name.strip_suffix('.'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn name(flags: &[&str]) -> String {
        let line = ["warren", "ssh"].iter().chain(flags);
        let Command::Ssh(args) = Cli::try_parse_from(line).unwrap().command else { panic!("not ssh") };
        host_to_name(&args).to_owned()
    }

    #[test]
    fn prefix_and_suffix_are_taken_off() {
        assert_eq!(name(&["--ssh-host-prefix", "coder.", "coder.dev"]), "dev");
        assert_eq!(name(&["--hostname-suffix", "coder", "dev.coder"]), "dev");
        assert_eq!(name(&["--hostname-suffix", "coder", "main.dev.ann.coder"]), "main.dev.ann");
        assert_eq!(name(&["--hostname-suffix", "coder", "mycoder"]), "mycoder");
        assert_eq!(name(&["dev"]), "dev");
    }
}
