//! Workspaces and their builds.

use warren_db::entity::{workspace_builds, workspaces};
use warren_vocab::{AuditAction, OrganizationId, ResourceType, Transition};

use super::{Auditable, Identity};
use crate::{diff::Tracked, entry::Entry};

impl Auditable for workspaces::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::Workspace, self.id, &self.name).organization(self.organization_id)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("name", &self.name)
            .plain("owner_id", self.owner_id)
            .plain("template_id", self.template_id)
            .plain("ttl", self.ttl_ms)
            .plain("autostart_schedule", &self.autostart_schedule)
            .plain("automatic_updates", &self.automatic_updates)
            .plain("dormant_at", self.dormant_at)
            .plain("deleting_at", self.deleting_at)
            .plain("next_start_at", self.next_start_at)
            .plain("favorite", self.favorite)
            .plain("deleted", self.deleted)
    }
}

/// Name it after its workspace with [`crate::Entry::target`].
impl Auditable for workspace_builds::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::WorkspaceBuild, self.id, "")
    }

    fn tracked(&self) -> Tracked {
        Tracked::new().plain("template_version_id", self.template_version_id)
    }
}

impl Entry {
    /// A build that was asked for.
    pub fn build_posted(
        workspace: &workspaces::Model,
        transition: Transition,
        build: &workspace_builds::Model,
    ) -> Self {
        let action = match transition {
            Transition::Start => AuditAction::Start,
            Transition::Stop => AuditAction::Stop,
            Transition::Delete => AuditAction::Delete,
        };
        Self::create(build).action(action).of_workspace(workspace, build)
    }

    /// A build that was asked to stop.
    pub fn build_canceled(workspace: &workspaces::Model, build: &workspace_builds::Model) -> Self {
        Self::of(build, AuditAction::Write).of_workspace(workspace, build).field("canceled", "true")
    }

    fn of_workspace(self, workspace: &workspaces::Model, build: &workspace_builds::Model) -> Self {
        self.target(&workspace.name)
            .organization(OrganizationId::from_uuid(workspace.organization_id))
            .field("workspace_name", workspace.name.as_str())
            .field("workspace_id", workspace.id.to_string())
            .field("build_number", build.build_number.to_string())
            .field("build_reason", build.reason.as_str())
    }
}
