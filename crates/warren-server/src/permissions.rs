//! Every route and who may call it. A test compares the table with the router and calls each route without credentials.
//!
//! The table says who must be authenticated; what an account may do to an object is decided by the use case.

use std::{collections::HashMap, sync::LazyLock};

/// Which credentials a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// No credentials.
    Anyone,
    /// A user's session.
    User,
    /// A workspace agent's token.
    Agent,
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    pub method: &'static str,
    pub path: &'static str,
    pub who: Who,
}

const fn row(method: &'static str, path: &'static str, who: Who) -> Permission {
    Permission { method, path, who }
}

use Who::{Agent, Anyone, User};

/// The table.
pub const PERMISSIONS: &[Permission] = &[
    row("GET", "/healthz", Anyone),
    row("GET", "/latency-check", Anyone),
    row("OPTIONS", "/latency-check", Anyone),
    row("GET", "/api/v2", Anyone),
    row("GET", "/api/v2/openapi.json", Anyone),
    row("GET", "/swagger/doc.json", Anyone),
    row("GET", "/api/v2/buildinfo", Anyone),
    row("GET", "/api/v2/updatecheck", Anyone),
    row("POST", "/api/v2/csp/reports", Anyone),
    row("GET", "/api/v2/entitlements", Anyone),
    row("GET", "/api/v2/appearance", User),
    row("PUT", "/api/v2/appearance", User),
    row("GET", "/api/v2/experiments", User),
    row("GET", "/api/v2/experiments/available", User),
    row("GET", "/api/v2/regions", User),
    row("GET", "/api/v2/deployment/config", User),
    row("GET", "/api/v2/deployment/stats", User),
    row("GET", "/api/v2/deployment/ssh", User),
    row("GET", "/api/v2/users/first", Anyone),
    row("POST", "/api/v2/users/first", Anyone),
    row("GET", "/api/v2/users/authmethods", Anyone),
    row("POST", "/api/v2/users/login", Anyone),
    row("POST", "/api/v2/users/logout", User),
    row("POST", "/api/v2/users/validate-password", Anyone),
    row("POST", "/api/v2/users/otp/request", Anyone),
    row("POST", "/api/v2/users/otp/change-password", Anyone),
    row("GET", "/api/v2/users", User),
    row("POST", "/api/v2/users", User),
    row("GET", "/api/v2/users/{user}", User),
    row("DELETE", "/api/v2/users/{user}", User),
    row("PUT", "/api/v2/users/{user}/profile", User),
    row("PUT", "/api/v2/users/{user}/status/suspend", User),
    row("PUT", "/api/v2/users/{user}/status/activate", User),
    row("PUT", "/api/v2/users/{user}/password", User),
    row("GET", "/api/v2/users/{user}/login-type", User),
    row("GET", "/api/v2/users/{user}/organizations", User),
    row("GET", "/api/v2/users/{user}/organizations/{organizationname}", User),
    row("GET", "/api/v2/users/{user}/appearance", User),
    row("PUT", "/api/v2/users/{user}/appearance", User),
    row("GET", "/api/v2/users/{user}/preferences", User),
    row("PUT", "/api/v2/users/{user}/preferences", User),
    row("GET", "/api/v2/users/{user}/autofill-parameters", User),
    row("GET", "/api/v2/users/{user}/gitsshkey", User),
    row("PUT", "/api/v2/users/{user}/gitsshkey", User),
    row("POST", "/api/v2/users/{user}/keys", User),
    row("GET", "/api/v2/users/{user}/keys/tokens", User),
    row("POST", "/api/v2/users/{user}/keys/tokens", User),
    row("GET", "/api/v2/users/{user}/keys/tokens/tokenconfig", User),
    row("GET", "/api/v2/users/{user}/keys/tokens/{keyname}", User),
    row("GET", "/api/v2/users/{user}/keys/{keyid}", User),
    row("DELETE", "/api/v2/users/{user}/keys/{keyid}", User),
    row("PUT", "/api/v2/users/{user}/keys/{keyid}/expire", User),
    row("GET", "/api/v2/organizations", User),
    row("GET", "/api/v2/organizations/{organization}", User),
    row("GET", "/api/v2/organizations/{organization}/members/{user}", User),
    row("POST", "/api/v2/files", User),
    row("GET", "/api/v2/files/{file}", User),
    row("GET", "/api/v2/templates", User),
    row("GET", "/api/v2/organizations/{organization}/templates", User),
    row("POST", "/api/v2/organizations/{organization}/templates", User),
    row("GET", "/api/v2/organizations/{organization}/templates/{templatename}", User),
    row("GET", "/api/v2/templates/{template}", User),
    row("PATCH", "/api/v2/templates/{template}", User),
    row("DELETE", "/api/v2/templates/{template}", User),
    row("PATCH", "/api/v2/templates/{template}/versions", User),
    row("GET", "/api/v2/templates/{template}/versions", User),
    row("GET", "/api/v2/templates/{template}/versions/{templateversionname}", User),
    row(
        "GET",
        "/api/v2/organizations/{organization}/templates/{templatename}/versions/{templateversionname}",
        User,
    ),
    row(
        "GET",
        "/api/v2/organizations/{organization}/templates/{templatename}/versions/{templateversionname}/previous",
        User,
    ),
    row("POST", "/api/v2/organizations/{organization}/templateversions", User),
    row("GET", "/api/v2/templateversions/{templateversion}", User),
    row("GET", "/api/v2/templateversions/{templateversion}/rich-parameters", User),
    row("GET", "/api/v2/templateversions/{templateversion}/resources", User),
    row("GET", "/api/v2/templateversions/{templateversion}/presets", User),
    row("GET", "/api/v2/templateversions/{templateversion}/external-auth", User),
    row("PATCH", "/api/v2/templateversions/{templateversion}/cancel", User),
    row("GET", "/api/v2/workspaces", User),
    row("POST", "/api/v2/users/{user}/workspaces", User),
    row("POST", "/api/v2/organizations/{organization}/members/{user}/workspaces", User),
    row("GET", "/api/v2/workspaces/{workspace}", User),
    row("PATCH", "/api/v2/workspaces/{workspace}", User),
    row("GET", "/api/v2/users/{user}/workspace/{workspacename}", User),
    row("POST", "/api/v2/workspaces/{workspace}/usage", User),
    row("GET", "/api/v2/workspaces/{workspace}/watch", User),
    row("GET", "/api/v2/workspaces/{workspace}/watch-ws", User),
    row("GET", "/api/v2/workspaces/{workspace}/builds", User),
    row("POST", "/api/v2/workspaces/{workspace}/builds", User),
    row("GET", "/api/v2/users/{user}/workspace/{workspacename}/builds/{buildnumber}", User),
    row("GET", "/api/v2/workspacebuilds/{workspacebuild}", User),
    row("GET", "/api/v2/workspacebuilds/{workspacebuild}/parameters", User),
    row("PATCH", "/api/v2/workspacebuilds/{workspacebuild}/cancel", User),
    row("GET", "/api/v2/workspacebuilds/{workspacebuild}/logs", User),
    row("GET", "/api/v2/workspacebuilds/{workspacebuild}/resources", User),
    row("GET", "/api/v2/templateversions/{templateversion}/logs", User),
    row("GET", "/bin/{name}", Anyone),
    row("GET", "/api/v2/init-script/{os}/{arch}", Anyone),
    row("GET", "/api/v2/workspaceagents/me/rpc", Agent),
    row("GET", "/api/v2/workspaceagents/me/tunnel", Agent),
    row("GET", "/api/v2/tunnel", User),
    row("GET", "/api/v2/workspaceagents/{workspaceagent}", User),
    row("GET", "/api/v2/workspaceagents/{workspaceagent}/logs", User),
    row("GET", "/api/v2/workspaceagents/{workspaceagent}/pty", User),
    row("GET", "/api/v2/ai/providers", User),
    row("POST", "/api/v2/ai/providers", User),
    row("GET", "/api/v2/ai/providers/{idOrName}", User),
    row("PATCH", "/api/v2/ai/providers/{idOrName}", User),
    row("DELETE", "/api/v2/ai/providers/{idOrName}", User),
    row("GET", "/api/experimental/chats/models", User),
    row("GET", "/api/experimental/chats/model-configs", User),
    row("POST", "/api/experimental/chats/model-configs", User),
    row("PATCH", "/api/experimental/chats/model-configs/{modelConfig}", User),
    row("DELETE", "/api/experimental/chats/model-configs/{modelConfig}", User),
    row("GET", "/api/experimental/chats", User),
    row("POST", "/api/experimental/chats", User),
    row("GET", "/api/experimental/chats/watch", User),
    row("GET", "/api/experimental/chats/{chat}", User),
    row("PATCH", "/api/experimental/chats/{chat}", User),
    row("GET", "/api/experimental/chats/{chat}/messages", User),
    row("POST", "/api/experimental/chats/{chat}/messages", User),
    row("PATCH", "/api/experimental/chats/{chat}/messages/{message}", User),
    row("POST", "/api/experimental/chats/{chat}/interrupt", User),
    row("DELETE", "/api/experimental/chats/{chat}/queue/{queuedMessage}", User),
    row("POST", "/api/experimental/chats/{chat}/queue/{queuedMessage}/promote", User),
    row("GET", "/api/experimental/chats/{chat}/stream", User),
];

/// Which credentials a route asks for; `None` for a route that does not exist.
pub(crate) fn who(method: &str, path: &str) -> Option<Who> {
    static ROWS: LazyLock<HashMap<(&str, &str), Who>> =
        LazyLock::new(|| PERMISSIONS.iter().map(|row| ((row.method, row.path), row.who)).collect());
    ROWS.get(&(method, path)).copied()
}
