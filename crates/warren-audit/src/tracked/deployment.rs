//! Settings of the whole deployment.

use uuid::Uuid;
use warren_db::entity::deployment_settings;
use warren_vocab::ResourceType;

use super::{Auditable, Identity};
use crate::diff::Tracked;

impl Auditable for deployment_settings::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::Appearance, Uuid::nil(), &self.key)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new().plain("value", &self.value)
    }
}
