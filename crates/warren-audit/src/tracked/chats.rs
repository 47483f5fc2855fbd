//! Chats.

use warren_db::entity::chats;
use warren_vocab::ResourceType;

use super::{Auditable, Identity};
use crate::diff::Tracked;

impl Auditable for chats::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::Chat, self.id, &self.title).organization(self.organization_id)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("title", &self.title)
            .plain("archived", self.archived)
            .plain("labels", &self.labels)
            .plain("pin_order", self.pin_order)
            .plain("workspace_id", self.workspace_id)
            .plain("approval_rules", &self.approval_rules)
            .plain("owner_id", self.owner_id)
    }
}
