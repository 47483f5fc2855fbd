//! Where a model is, how it is addressed and how long it is waited for.

use std::time::Duration;

use serde_json::Value;
use warren_rt::Secret;
use warren_vocab::AiProviderType;

/// A model at a provider.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    pub provider: AiProviderType,
    /// For example `https://host/v1`; the path of the protocol is appended. Empty for the provider's own address.
    pub base_url: String,
    /// Providers on one's own machine often need none.
    pub api_key: Option<Secret<String>>,
    /// The provider's name for the model.
    pub model: String,
    /// What only this type of provider needs, such as a region; an object.
    pub settings: Value,
    /// How the model is called; see [`check_options`](crate::check_options).
    pub options: Value,
    pub deadlines: Deadlines,
}

/// How long a provider may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the request until the answer begins.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub silence: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            silence: Duration::from_secs(600),
        }
    }
}

/// The address of a provider that needs none to be told.
pub fn default_base_url(provider: AiProviderType, settings: &Value) -> Option<String> {
    let fixed = match provider {
        AiProviderType::Anthropic => "https://api.anthropic.com",
        AiProviderType::Google => "https://generativelanguage.googleapis.com",
        AiProviderType::Openai => "https://api.openai.com/v1",
        AiProviderType::Openrouter => "https://openrouter.ai/api/v1",
        AiProviderType::Vercel => "https://ai-gateway.vercel.sh/v1",
        AiProviderType::Bedrock => {
            let region = settings["region"].as_str().filter(|region| !region.is_empty())?;
            return Some(format!("https://bedrock-runtime.{region}.amazonaws.com"));
        }
        AiProviderType::Azure | AiProviderType::Copilot | AiProviderType::OpenaiCompat => return None,
    };
    Some(fixed.to_owned())
}
