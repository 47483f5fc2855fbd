//! `warren dev`: tools for people who work on Warren.

use std::fs;

use anyhow::Context as _;
use warren_dev_model::{Script, ScriptedModel};
use warren_rt::logging;

use super::server::StopSignals;
use crate::{
    args::{DevCommand, DevIdpArgs, DevModelArgs},
    output,
};

pub(super) async fn run(command: DevCommand) -> anyhow::Result<()> {
    match command {
        DevCommand::Model(args) => model(args).await,
        DevCommand::Idp(args) => idp(args).await,
        DevCommand::ConfigDocs => {
            output::text_out(&warren_config::documentation());
            Ok(())
        }
        DevCommand::Openapi => output::json(&warren_server::openapi()),
    }
}

async fn model(args: DevModelArgs) -> anyhow::Result<()> {
    logging::init(logging::Format::Text, "info");
    let text = match &args.script {
        Some(file) => fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
        None => warren_dev_model::DEMO_SCRIPT.to_owned(),
    };
    let script = Script::parse(&text).context("the script cannot be used")?;
    let mut stop = StopSignals::new()?;
    let model = ScriptedModel::start(script, args.address).await?;
    output::line(&format!("The scripted model answers at {}", model.base_url()));
    output::line(&format!("Providers of the types anthropic and google are told {}", model.root_url()));
    stop.wait().await;
    Ok(())
}

async fn idp(args: DevIdpArgs) -> anyhow::Result<()> {
    logging::init(logging::Format::Text, "info");
    let mut stop = StopSignals::new()?;
    let idp = warren_dev_idp::DevIdp::start(args.address).await?;
    let client = idp.client();
    output::line(&format!("The sign-in provider answers at {}", idp.issuer()));
    output::line("Start a server that uses it:");
    output::line(&format!("  export WARREN_OIDC_ISSUER_URL='{}'", idp.issuer()));
    output::line(&format!("  export WARREN_OIDC_CLIENT_ID='{}'", client.id));
    output::line(&format!("  export WARREN_OIDC_CLIENT_SECRET='{}'", client.secret));
    output::line("or, for GitHub:");
    output::line(&format!("  export WARREN_OAUTH2_GITHUB_ENTERPRISE_BASE_URL='{}'", idp.github_url()));
    output::line(&format!("  export WARREN_OAUTH2_GITHUB_CLIENT_ID='{}'", client.id));
    output::line(&format!("  export WARREN_OAUTH2_GITHUB_CLIENT_SECRET='{}'", client.secret));
    output::line("  export WARREN_OAUTH2_GITHUB_ALLOW_EVERYONE=true WARREN_OAUTH2_GITHUB_ALLOW_SIGNUPS=true");
    output::line(&format!("Who signs in, and what goes wrong, is set with POST {}/control", idp.issuer()));
    stop.wait().await;
    idp.stop().await;
    Ok(())
}
