//! `warren ssh`: a shell, a command, or OpenSSH's transport.

use std::sync::Arc;

use anyhow::Context as _;
use warren_api::workspaces::PostWorkspaceUsageRequest;
use warren_sdk::Client;
use warren_vocab::{AgentId, WorkspaceId};

use crate::{
    agent_wait::{self, Patience},
    args::{SshArgs, Wait},
    context::Context,
    failure::Exit,
    remote::{
        self, Tunnel,
        reports::{Counted, Reports, Traffic},
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
    let workspace_id = workspace.id;
    let patience = Patience {
        autostart: !args.disable_autostart,
        agent_timeout: args.agent_timeout,
        scripts: if args.no_wait { Wait::No } else { args.wait },
        verbose: context.verbose,
    };
    let agent = agent_wait::ready(&client, &name, workspace, patience).await?;
    let (connection, stream) = tunnel.ssh_stream(agent.id).await?;
    let traffic = Arc::new(Traffic::default());
    let stream = Counted::new(stream, Arc::clone(&traffic));
    let reports = reports(&args, client, workspace_id, agent.id);
    let work = async {
        if args.stdio {
            let carried = remote::carry_stdio(stream).await;
            carried.map(|()| Exit::OK).context("the connection to the workspace was lost")
        } else {
            session::run(stream, &session(&args)).await
        }
    };
    tokio::pin!(work);
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        () = reports.run(&connection, &traffic) => work.await,
    };
    tunnel.stop(agent.id).await;
    outcome
}

fn reports(args: &SshArgs, client: Client, workspace: WorkspaceId, agent: AgentId) -> Reports {
    let usage = PostWorkspaceUsageRequest { agent_id: Some(agent), app_name: Some(args.usage_app.clone()) };
    Reports {
        client,
        workspace,
        usage: (args.usage_app != "disable").then_some(usage),
        network_info_dir: args.network_info_dir.clone(),
        network_info_interval: args.network_info_interval,
    }
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
