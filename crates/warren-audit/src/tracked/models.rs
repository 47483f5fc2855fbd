//! Model providers and the models that chats can use.

use warren_db::entity::{ai_providers, chat_model_configs};
use warren_vocab::ResourceType;

use super::{Auditable, Identity};
use crate::diff::Tracked;

/// A change of its keys is told with [`crate::Entry::secret`].
impl Auditable for ai_providers::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::AiProvider, self.id, &self.name).icon(&self.icon)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("name", &self.name)
            .plain("display_name", &self.display_name)
            .plain("icon", &self.icon)
            .plain("type", &self.type_)
            .plain("base_url", &self.base_url)
            .plain("settings", &self.settings)
            .plain("enabled", self.enabled)
            .plain("deleted", self.deleted)
    }
}

impl Auditable for chat_model_configs::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::ChatModelConfig, self.id, &self.model)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("model", &self.model)
            .plain("display_name", &self.display_name)
            .plain("ai_provider_id", self.ai_provider_id)
            .plain("enabled", self.enabled)
            .plain("is_default", self.is_default)
            .plain("deleted", self.deleted)
            .plain("context_limit", self.context_limit)
            .plain("compression_threshold", self.compression_threshold)
            .plain("options", &self.options)
    }
}
