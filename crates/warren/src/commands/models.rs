//! `warren models`: which models chats may use.

use warren_api::ai::{AiProvider, ChatModelConfig, CreateAiProviderRequest, CreateChatModelConfigRequest};
use warren_sdk::Client;

use crate::{
    args::{AddModelArgs, ModelsCommand, OutputArgs},
    context::Context,
    output::{self, Format},
    table::{self, Column},
};

const COLUMNS: &[Column<ChatModelConfig>] = &[
    Column { name: "model", cell: |config| config.model.clone() },
    Column { name: "display name", cell: |config| config.display_name.clone() },
    Column { name: "default", cell: |config| config.is_default.to_string() },
    Column { name: "enabled", cell: |config| config.enabled.to_string() },
    Column { name: "context limit", cell: |config| config.context_limit.to_string() },
    Column { name: "id", cell: |config| config.id.to_string() },
];

pub(super) async fn run(command: ModelsCommand, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        ModelsCommand::Add(args) => add(&client, args).await,
        ModelsCommand::List(args) => list(&client, &args).await,
    }
}

async fn add(client: &Client, args: AddModelArgs) -> anyhow::Result<()> {
    let provider = provider(client, &args).await?;
    let request = CreateChatModelConfigRequest {
        ai_provider_id: Some(provider.id),
        model: args.model.clone(),
        display_name: args.display_name.unwrap_or_else(|| args.model.clone()),
        enabled: Some(true),
        is_default: Some(args.default),
        context_limit: None,
        compression_threshold: None,
        model_config: None,
    };
    client.create_chat_model_config(&request).await?;
    output::line(&format!("Chats can now use the model {:?} of {:?}.", args.model, provider.name));
    Ok(())
}

async fn provider(client: &Client, args: &AddModelArgs) -> anyhow::Result<AiProvider> {
    let existing = client.ai_providers().await?;
    if let Some(provider) = existing.into_iter().find(|provider| provider.name == args.provider) {
        return Ok(provider);
    }
    // The server knows where the well-known ones are, and says so of the others.
    let base_url = args.base_url.clone().unwrap_or_default();
    let request = CreateAiProviderRequest {
        provider_type: args.provider_type,
        name: args.provider.clone(),
        display_name: args.provider.clone(),
        icon: String::new(),
        enabled: true,
        base_url,
        api_keys: args.api_key.iter().cloned().collect(),
        settings: None,
    };
    Ok(client.create_ai_provider(&request).await?)
}

async fn list(client: &Client, args: &OutputArgs) -> anyhow::Result<()> {
    let configs = client.chat_model_configs().await?;
    match args.output {
        Format::Json => output::json(&configs),
        Format::Table if configs.is_empty() => {
            output::note("There are no models. Add one with `warren models add`.");
            Ok(())
        }
        Format::Table => {
            let defaults = ["model", "display name", "default", "enabled", "context limit"];
            output::line(&table::render(&configs, COLUMNS, &defaults, &args.column)?);
            Ok(())
        }
    }
}
