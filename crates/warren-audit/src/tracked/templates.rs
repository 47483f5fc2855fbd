//! Templates and their versions.

use warren_db::entity::{template_versions, templates};
use warren_vocab::ResourceType;

use super::{Auditable, Identity};
use crate::diff::Tracked;

impl Auditable for templates::Model {
    fn identity(&self) -> Identity {
        let identity = Identity::new(ResourceType::Template, self.id, &self.name);
        identity.icon(&self.icon).organization(self.organization_id)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("name", &self.name)
            .plain("display_name", &self.display_name)
            .plain("description", &self.description)
            .plain("icon", &self.icon)
            .plain("provisioner", &self.provisioner)
            .plain("active_version_id", self.active_version_id)
            .plain("created_by", self.created_by)
            .plain("deleted", self.deleted)
            .plain("default_ttl", self.default_ttl_ms)
            .plain("activity_bump", self.activity_bump_ms)
            .plain("failure_ttl", self.failure_ttl_ms)
            .plain("time_til_dormant", self.time_til_dormant_ms)
            .plain("time_til_dormant_autodelete", self.time_til_dormant_autodelete_ms)
            .plain("allow_user_autostart", self.allow_user_autostart)
            .plain("allow_user_autostop", self.allow_user_autostop)
            .plain("allow_user_cancel_workspace_jobs", self.allow_user_cancel_workspace_jobs)
            .plain("require_active_version", self.require_active_version)
            .plain("deprecated", &self.deprecation_message)
            .plain("max_port_sharing_level", &self.max_port_share_level)
            .plain("cors_behavior", &self.cors_behavior)
            .plain("use_classic_parameter_flow", self.use_classic_parameter_flow)
    }
}

impl Auditable for template_versions::Model {
    fn identity(&self) -> Identity {
        let identity = Identity::new(ResourceType::TemplateVersion, self.id, &self.name);
        identity.organization(self.organization_id)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("name", &self.name)
            .plain("message", &self.message)
            .plain("readme", &self.readme)
            .plain("archived", self.archived)
            .plain("template_id", self.template_id)
            .plain("created_by", self.created_by)
    }
}
