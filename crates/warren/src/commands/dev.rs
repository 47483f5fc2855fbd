//! `warren dev`: tools for people who work on Warren.

use std::fs;

use anyhow::Context as _;
use warren_dev_model::{Script, ScriptedModel};
use warren_rt::logging;

use super::server::StopSignals;
use crate::{
    args::{DevCommand, DevModelArgs},
    output,
};

pub(super) async fn run(command: DevCommand) -> anyhow::Result<()> {
    match command {
        DevCommand::Model(args) => model(args).await,
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
    stop.wait().await;
    Ok(())
}
