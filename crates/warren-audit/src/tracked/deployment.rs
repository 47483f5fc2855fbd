//! Settings of the whole deployment.

use uuid::Uuid;
use warren_db::entity::deployment_settings;
use warren_vocab::ResourceType;

use super::{Auditable, Identity};
use crate::diff::Tracked;

impl Auditable for deployment_settings::Model {
    fn identity(&self) -> Identity {
        // Settings of chats have names of their own.
        let is_of_chats = self.key.starts_with("agents_");
        let resource = if is_of_chats { ResourceType::Chat } else { ResourceType::Appearance };
        Identity::new(resource, Uuid::nil(), &self.key)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new().plain("value", &self.value)
    }
}
