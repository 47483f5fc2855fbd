//! `warren agent`: the daemon inside a workspace.

use std::fs;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;
use warren_agent::AgentConfig;
use warren_rt::{Secret, Tasks, logging};

use super::server::StopSignals;
use crate::{args::AgentArgs, context::parse_url};

pub(super) async fn run(args: AgentArgs) -> anyhow::Result<()> {
    logging::init(logging::Format::Text, "info");
    if args.auth != "token" {
        bail!("the agent cannot prove itself by {:?}; only CODER_AGENT_AUTH=token is supported", args.auth);
    }
    let url = args.agent_url.as_deref().context("the server's URL is missing; set CODER_AGENT_URL")?;
    let config = AgentConfig {
        url: parse_url(url)?,
        token: Secret::new(token(&args)?),
        data_dir: args.script_data_dir.unwrap_or_else(|| std::env::temp_dir().join("warren-agent")),
        version: format!("v{}", env!("CARGO_PKG_VERSION")),
    };
    let cancel = CancellationToken::new();
    let (mut stop, asked) = (StopSignals::new()?, cancel.clone());
    let tasks = Tasks::new();
    tasks.spawn("stop signals", async move {
        stop.wait().await;
        asked.cancel();
    });
    Ok(warren_agent::run(config, cancel).await?)
}

fn token(args: &AgentArgs) -> anyhow::Result<String> {
    if let Some(token) = &args.agent_token {
        return Ok(token.clone());
    }
    let Some(file) = &args.agent_token_file else {
        bail!("the agent's token is missing; set CODER_AGENT_TOKEN or CODER_AGENT_TOKEN_FILE");
    };
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.trim().to_owned())
}
