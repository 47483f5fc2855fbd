//! Which mutating routes the audit log tells of, and why others leave no entry. A test compares it with the permissions.
//!
//! The use cases record what succeeds; from here comes what a failed request tried to do.

use warren_vocab::{AuditAction, ResourceType};

/// What a mutating route leaves in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// One entry for each request.
    Entry(AuditAction, ResourceType),
    /// Nothing, for this reason.
    None(&'static str),
}

/// A mutating route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audited {
    pub method: &'static str,
    pub path: &'static str,
    pub trace: Trace,
}

const fn entry(
    method: &'static str,
    path: &'static str,
    action: AuditAction,
    resource: ResourceType,
) -> Audited {
    Audited { method, path, trace: Trace::Entry(action, resource) }
}

const fn none(method: &'static str, path: &'static str, why: &'static str) -> Audited {
    Audited { method, path, trace: Trace::None(why) }
}

use AuditAction::{Create, Delete, Login, Logout, RequestPasswordReset, Write};

const CONTENT: &str = "what is said in chats is kept in the chat and is no change of its settings";

/// The table.
pub const AUDITED: &[Audited] = &[
    entry("POST", "/api/v2/users/first", Create, ResourceType::User),
    entry("POST", "/api/v2/users/login", Login, ResourceType::ApiKey),
    entry("POST", "/api/v2/users/logout", Logout, ResourceType::ApiKey),
    none("POST", "/api/v2/users/validate-password", "it says whether a password is strong enough"),
    entry("POST", "/api/v2/users/otp/request", RequestPasswordReset, ResourceType::User),
    entry("POST", "/api/v2/users/otp/change-password", Write, ResourceType::User),
    entry("POST", "/api/v2/users", Create, ResourceType::User),
    entry("DELETE", "/api/v2/users/{user}", Delete, ResourceType::User),
    entry("PUT", "/api/v2/users/{user}/profile", Write, ResourceType::User),
    entry("PUT", "/api/v2/users/{user}/status/suspend", Write, ResourceType::User),
    entry("PUT", "/api/v2/users/{user}/status/activate", Write, ResourceType::User),
    entry("PUT", "/api/v2/users/{user}/password", Write, ResourceType::User),
    entry("PUT", "/api/v2/users/{user}/appearance", Write, ResourceType::User),
    entry("PUT", "/api/v2/users/{user}/preferences", Write, ResourceType::User),
    entry("PUT", "/api/v2/users/{user}/quiet-hours", Write, ResourceType::User),
    entry("PUT", "/api/v2/users/{user}/gitsshkey", Write, ResourceType::GitSshKey),
    entry("POST", "/api/v2/users/{user}/keys", Create, ResourceType::ApiKey),
    entry("POST", "/api/v2/users/{user}/keys/tokens", Create, ResourceType::ApiKey),
    entry("DELETE", "/api/v2/users/{user}/keys/{keyid}", Delete, ResourceType::ApiKey),
    entry("PUT", "/api/v2/users/{user}/keys/{keyid}/expire", Write, ResourceType::ApiKey),
    none("OPTIONS", "/latency-check", "it only answers a browser's question"),
    none("POST", "/api/v2/authcheck", "it only answers questions"),
    entry("POST", "/api/v2/users/{user}/convert-login", Create, ResourceType::ConvertLogin),
    entry("PUT", "/api/v2/users/{user}/roles", Write, ResourceType::User),
    entry("POST", "/api/v2/organizations", Create, ResourceType::Organization),
    entry("PATCH", "/api/v2/organizations/{organization}", Write, ResourceType::Organization),
    entry("DELETE", "/api/v2/organizations/{organization}", Delete, ResourceType::Organization),
    entry(
        "PATCH",
        "/api/v2/organizations/{organization}/settings/workspace-sharing",
        Write,
        ResourceType::Organization,
    ),
    entry(
        "POST",
        "/api/v2/organizations/{organization}/members/{user}",
        Create,
        ResourceType::OrganizationMember,
    ),
    entry(
        "DELETE",
        "/api/v2/organizations/{organization}/members/{user}",
        Delete,
        ResourceType::OrganizationMember,
    ),
    entry(
        "PUT",
        "/api/v2/organizations/{organization}/members/{user}/roles",
        Write,
        ResourceType::OrganizationMember,
    ),
    entry("POST", "/api/v2/organizations/{organization}/members/roles", Create, ResourceType::CustomRole),
    entry("PUT", "/api/v2/organizations/{organization}/members/roles", Write, ResourceType::CustomRole),
    entry(
        "DELETE",
        "/api/v2/organizations/{organization}/members/roles/{roleName}",
        Delete,
        ResourceType::CustomRole,
    ),
    entry("PUT", "/api/v2/appearance", Write, ResourceType::Appearance),
    none("POST", "/api/v2/csp/reports", "a browser's report goes to the server's log"),
    none("POST", "/api/v2/files", "a file is only bytes; the template version that uses it has an entry"),
    none("POST", "/api/v2/audit/testgenerate", "the entry that it makes up is the trace"),
    entry("POST", "/api/v2/organizations/{organization}/templates", Create, ResourceType::Template),
    entry("PATCH", "/api/v2/templates/{template}", Write, ResourceType::Template),
    entry("DELETE", "/api/v2/templates/{template}", Delete, ResourceType::Template),
    entry("PATCH", "/api/v2/templates/{template}/versions", Write, ResourceType::Template),
    entry(
        "POST",
        "/api/v2/organizations/{organization}/templateversions",
        Create,
        ResourceType::TemplateVersion,
    ),
    entry("PATCH", "/api/v2/templateversions/{templateversion}/cancel", Write, ResourceType::TemplateVersion),
    entry("POST", "/api/v2/users/{user}/workspaces", Create, ResourceType::Workspace),
    entry(
        "POST",
        "/api/v2/organizations/{organization}/members/{user}/workspaces",
        Create,
        ResourceType::Workspace,
    ),
    entry("PATCH", "/api/v2/workspaces/{workspace}", Write, ResourceType::Workspace),
    none("POST", "/api/v2/workspaces/{workspace}/usage", "use is counted, nothing is changed"),
    entry("POST", "/api/v2/workspaces/{workspace}/builds", Write, ResourceType::WorkspaceBuild),
    entry("PATCH", "/api/v2/workspacebuilds/{workspacebuild}/cancel", Write, ResourceType::WorkspaceBuild),
    entry("POST", "/api/v2/ai/providers", Create, ResourceType::AiProvider),
    entry("PATCH", "/api/v2/ai/providers/{idOrName}", Write, ResourceType::AiProvider),
    entry("DELETE", "/api/v2/ai/providers/{idOrName}", Delete, ResourceType::AiProvider),
    entry(
        "PUT",
        "/api/experimental/users/{user}/ai-provider-keys/{aiProvider}",
        Write,
        ResourceType::AiProvider,
    ),
    entry(
        "DELETE",
        "/api/experimental/users/{user}/ai-provider-keys/{aiProvider}",
        Delete,
        ResourceType::AiProvider,
    ),
    entry("POST", "/api/experimental/chats/model-configs", Create, ResourceType::ChatModelConfig),
    entry(
        "PATCH",
        "/api/experimental/chats/model-configs/{modelConfig}",
        Write,
        ResourceType::ChatModelConfig,
    ),
    entry(
        "DELETE",
        "/api/experimental/chats/model-configs/{modelConfig}",
        Delete,
        ResourceType::ChatModelConfig,
    ),
    entry("POST", "/api/experimental/chats", Create, ResourceType::Chat),
    entry("PATCH", "/api/experimental/chats/{chat}", Write, ResourceType::Chat),
    none("POST", "/api/experimental/chats/{chat}/messages", CONTENT),
    none("PATCH", "/api/experimental/chats/{chat}/messages/{message}", CONTENT),
    none("POST", "/api/experimental/chats/{chat}/interrupt", CONTENT),
    none("DELETE", "/api/experimental/chats/{chat}/queue/{queuedMessage}", CONTENT),
    none("POST", "/api/experimental/chats/{chat}/queue/{queuedMessage}/promote", CONTENT),
    none("POST", "/api/experimental/chats/{chat}/reconcile-invalid", CONTENT),
    entry("POST", "/api/experimental/chats/{chat}/title/regenerate", Write, ResourceType::Chat),
    none("POST", "/api/experimental/chats/{chat}/title/propose", "it makes a title and does not keep it"),
    none("POST", "/api/experimental/chats/{chat}/tool-results", CONTENT),
    entry("DELETE", "/api/experimental/chats/{chat}/approval-rules", Write, ResourceType::Chat),
    entry("POST", "/api/experimental/chats/{chat}/approvals", Write, ResourceType::Chat),
    entry("POST", "/api/experimental/chats/providers", Create, ResourceType::AiProvider),
    entry("PATCH", "/api/experimental/chats/providers/{providerConfig}", Write, ResourceType::AiProvider),
    entry("DELETE", "/api/experimental/chats/providers/{providerConfig}", Delete, ResourceType::AiProvider),
    entry("PUT", "/api/experimental/chats/config/system-prompt", Write, ResourceType::Chat),
    entry("PUT", "/api/experimental/chats/config/model-override/{context}", Write, ResourceType::Chat),
    entry("PUT", "/api/experimental/chats/config/retention-days", Write, ResourceType::Chat),
    entry("PUT", "/api/experimental/chats/config/auto-archive-days", Write, ResourceType::Chat),
    entry("PUT", "/api/experimental/chats/config/workspace-ttl", Write, ResourceType::Chat),
    entry("PUT", "/api/experimental/chats/config/template-allowlist", Write, ResourceType::Chat),
    entry("PUT", "/api/experimental/chats/config/tool-approvals", Write, ResourceType::Chat),
    entry("PUT", "/api/experimental/chats/config/user-prompt", Write, ResourceType::User),
    entry("PUT", "/api/experimental/chats/config/user-tool-approvals", Write, ResourceType::User),
    entry(
        "PUT",
        "/api/experimental/chats/config/user-compaction-thresholds/{modelConfig}",
        Write,
        ResourceType::User,
    ),
    entry(
        "DELETE",
        "/api/experimental/chats/config/user-compaction-thresholds/{modelConfig}",
        Write,
        ResourceType::User,
    ),
    entry("PUT", "/api/experimental/chats/usage-limits", Write, ResourceType::Chat),
    entry("PUT", "/api/experimental/chats/usage-limits/overrides/{user}", Write, ResourceType::User),
    entry("DELETE", "/api/experimental/chats/usage-limits/overrides/{user}", Write, ResourceType::User),
];

/// What a route leaves in the audit log; nothing is known of routes that only read.
pub(crate) fn trace_of(method: &str, path: &str) -> Option<Trace> {
    AUDITED.iter().find(|row| row.method == method && row.path == path).map(|row| row.trace)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::PERMISSIONS;

    #[test]
    fn every_mutating_route_has_one_row() {
        let is_mutating = |method: &str| !["GET", "HEAD"].contains(&method);
        let routes = PERMISSIONS.iter().filter(|row| is_mutating(row.method));
        let routes: BTreeSet<_> = routes.map(|row| (row.method, row.path)).collect();
        let rows: BTreeSet<_> = AUDITED.iter().map(|row| (row.method, row.path)).collect();
        assert_eq!(rows.len(), AUDITED.len(), "a route stands twice in the table");
        let missing: Vec<_> = routes.difference(&rows).collect();
        assert!(missing.is_empty(), "say in audited.rs what these leave in the audit log: {missing:?}");
        let unknown: Vec<_> = rows.difference(&routes).collect();
        assert!(unknown.is_empty(), "these routes do not exist: {unknown:?}");
    }
}
