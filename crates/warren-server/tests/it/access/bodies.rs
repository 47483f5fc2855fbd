//! Bodies that are good enough to get past the checks before the decision, and the routes that are no plain requests.

use reqwest::RequestBuilder;

use super::objects::Values;

/// Routes that become WebSockets.
const SOCKETS: &[&str] = &[
    "/api/v2/workspaces/{workspace}/watch-ws",
    "/api/v2/workspaceagents/me/rpc",
    "/api/v2/workspaceagents/me/tunnel",
    "/api/v2/workspaceagents/{workspaceagent}/pty",
    "/api/v2/tunnel",
    "/api/experimental/chats/watch",
    "/api/experimental/chats/{chat}/stream",
];

/// Bodies by method and path, with parameters to fill; everything else gets `{}`.
const BODIES: &[(&str, &str, &str)] = &[
    (
        "POST",
        "/api/v2/users/first",
        r#"{"email": "{unique}@example.com", "username": "{unique}", "password": "SomeSecurePassword!"}"#,
    ),
    (
        "POST",
        "/api/v2/users/{user}/convert-login",
        r#"{"to_type": "oidc", "password": "SomeSecurePassword!"}"#,
    ),
    ("POST", "/api/v2/users/login", r#"{"email": "{unique}@example.com", "password": "wrong"}"#),
    (
        "POST",
        "/api/v2/users",
        r#"{"email": "{unique}@example.com", "username": "{unique}", "password": "SomeSecurePassword!",
            "organization_ids": ["{organization}"]}"#,
    ),
    ("POST", "/api/v2/users/validate-password", r#"{"password": "x"}"#),
    ("POST", "/api/v2/users/otp/request", r#"{"email": "{unique}@example.com"}"#),
    (
        "POST",
        "/api/v2/users/otp/change-password",
        r#"{"email": "{unique}@example.com", "password": "AnotherSecurePassword!", "one_time_passcode": "{nobody}"}"#,
    ),
    ("PUT", "/api/v2/users/{user}/profile", r#"{"username": "{unique}", "name": "X"}"#),
    ("PUT", "/api/v2/users/{user}/password", r#"{"old_password": "", "password": "AnotherSecurePassword!"}"#),
    ("PUT", "/api/v2/users/{user}/roles", r#"{"roles": ["auditor"]}"#),
    ("POST", "/api/v2/users/{user}/keys/tokens", r#"{"token_name": "{unique}"}"#),
    ("PUT", "/api/v2/users/{user}/appearance", r#"{"theme_preference": "dark", "terminal_font": ""}"#),
    ("PUT", "/api/v2/users/{user}/quiet-hours", r#"{"schedule": "CRON_TZ=UTC 0 3 * * *"}"#),
    ("POST", "/api/v2/organizations", r#"{"name": "{unique}"}"#),
    ("PATCH", "/api/v2/organizations/{organization}", r#"{"description": "{unique}"}"#),
    (
        "PATCH",
        "/api/v2/organizations/{organization}/settings/workspace-sharing",
        r#"{"sharing_disabled": false}"#,
    ),
    (
        "PUT",
        "/api/v2/organizations/{organization}/members/{user}/roles",
        r#"{"roles": ["organization-workspace-access", "agents-access"]}"#,
    ),
    (
        "POST",
        "/api/v2/organizations/{organization}/members/roles",
        r#"{"name": "{unique}", "organization_permissions": [{"resource_type": "template", "action": "read"}]}"#,
    ),
    (
        "PUT",
        "/api/v2/organizations/{organization}/members/roles",
        r#"{"name": "{roleName}", "display_name": "X"}"#,
    ),
    (
        "POST",
        "/api/v2/authcheck",
        r#"{"checks": {"x": {"action": "read", "object": {"resource_type": "user", "owner_id": "me"}}}}"#,
    ),
    (
        "POST",
        "/api/v2/organizations/{organization}/templates",
        r#"{"name": "{unique}", "template_version_id": "{looseversion}"}"#,
    ),
    ("PATCH", "/api/v2/templates/{template}", r#"{"description": "X"}"#),
    ("PATCH", "/api/v2/templates/{template}/versions", r#"{"id": "{templateversion}"}"#),
    (
        "POST",
        "/api/v2/organizations/{organization}/templateversions",
        r#"{"storage_method": "file", "file_id": "{nobody}", "provisioner": "terraform", "tags": {}}"#,
    ),
    ("POST", "/api/v2/users/{user}/workspaces", r#"{"name": "{unique}", "template_id": "{template}"}"#),
    (
        "POST",
        "/api/v2/organizations/{organization}/members/{user}/workspaces",
        r#"{"name": "{unique}", "template_id": "{template}"}"#,
    ),
    ("PATCH", "/api/v2/workspaces/{workspace}", r#"{"name": "{unique}"}"#),
    ("POST", "/api/v2/workspaces/{workspace}/builds", r#"{"transition": "stop"}"#),
    (
        "POST",
        "/api/v2/ai/providers",
        r#"{"name": "{unique}", "type": "openai-compat", "base_url": "http://127.0.0.1:9/v1"}"#,
    ),
    ("PATCH", "/api/v2/ai/providers/{idOrName}", r#"{"display_name": "X"}"#),
    (
        "PUT",
        "/api/experimental/users/{user}/ai-provider-keys/{aiProvider}",
        r#"{"api_key": "a-key-of-my-own"}"#,
    ),
    (
        "POST",
        "/api/experimental/chats/model-configs",
        r#"{"ai_provider_id": "{idOrName}", "model": "{unique}", "context_limit": 1000}"#,
    ),
    ("PATCH", "/api/experimental/chats/model-configs/{modelConfig}", r#"{"display_name": "X"}"#),
    (
        "POST",
        "/api/experimental/chats",
        r#"{"organization_id": "{organization}", "content": [{"type": "text", "text": "hello"}]}"#,
    ),
    ("PATCH", "/api/experimental/chats/{chat}", r#"{"title": "X"}"#),
    (
        "POST",
        "/api/experimental/chats/{chat}/messages",
        r#"{"content": [{"type": "text", "text": "hello"}]}"#,
    ),
    (
        "PATCH",
        "/api/experimental/chats/{chat}/messages/{message}",
        r#"{"content": [{"type": "text", "text": "hello"}]}"#,
    ),
    (
        "POST",
        "/api/experimental/chats/{chat}/tool-results",
        r#"{"results": [{"tool_call_id": "x", "output": {}}]}"#,
    ),
    (
        "POST",
        "/api/experimental/chats/{chat}/approvals",
        r#"{"decisions": [{"tool_call_id": "x", "approve": true}]}"#,
    ),
    ("PATCH", "/api/experimental/chats/providers/{providerConfig}", r#"{"display_name": "X"}"#),
    ("PUT", "/api/experimental/chats/config/system-prompt", r#"{"system_prompt": "X"}"#),
    ("PUT", "/api/experimental/chats/config/model-override/{context}", r#"{"model_config_id": ""}"#),
    ("PUT", "/api/experimental/chats/config/retention-days", r#"{"retention_days": 30}"#),
    ("PUT", "/api/experimental/chats/config/auto-archive-days", r#"{"auto_archive_days": 0}"#),
    ("PUT", "/api/experimental/chats/config/workspace-ttl", r#"{"workspace_ttl_ms": 0}"#),
    ("PUT", "/api/experimental/chats/config/template-allowlist", r#"{"template_ids": []}"#),
    ("PUT", "/api/experimental/chats/config/tool-approvals", r#"{"rules": []}"#),
    ("PUT", "/api/experimental/chats/config/user-prompt", r#"{"custom_prompt": "X"}"#),
    ("PUT", "/api/experimental/chats/config/user-tool-approvals", r#"{"rules": []}"#),
    (
        "PUT",
        "/api/experimental/chats/config/user-compaction-thresholds/{modelConfig}",
        r#"{"threshold_percent": 80}"#,
    ),
    ("PUT", "/api/experimental/chats/usage-limits", r#"{"spend_limit_micros": null, "period": "month"}"#),
    ("PUT", "/api/experimental/chats/usage-limits/overrides/{user}", r#"{"spend_limit_micros": 1000000}"#),
    (
        "POST",
        "/api/experimental/chats/providers",
        r#"{"provider": "openrouter", "base_url": "http://127.0.0.1:9/v1"}"#,
    ),
];

/// Routes that ask for something in the query.
const QUERIES: &[(&str, &str)] = &[
    ("/api/v2/audit", "limit=1"),
    ("/api/v2/audit/export", "format=json"),
    ("/api/v2/users/{user}/autofill-parameters", "template_id={template}"),
];

/// Adds what the route asks for in the query, with parameters to fill.
pub(super) fn with_query(path: &str) -> String {
    let query = QUERIES.iter().find(|(known, _)| *known == path);
    query.map_or_else(|| path.to_owned(), |(_, query)| format!("{path}?{query}"))
}

/// Whether the route is a WebSocket.
pub(super) fn is_socket(path: &str) -> bool {
    SOCKETS.contains(&path)
}

/// The body of a route before its parameters are filled.
pub(super) fn template(method: &str, path: &str) -> String {
    let known = BODIES.iter().find(|(m, p, _)| (*m, *p) == (method, path));
    known.map_or(String::new(), |(_, _, body)| (*body).to_owned())
}

/// Adds the body.
pub(super) fn with_body(
    request: RequestBuilder,
    method: &str,
    path: &str,
    values: &Values,
) -> RequestBuilder {
    if method == "GET" {
        return request;
    }
    if path == "/api/v2/files" {
        return request.header("content-type", "application/x-tar").body(crate::templates::archive_of("x"));
    }
    let template = template(method, path);
    let body = if template.is_empty() { String::from("{}") } else { values.fill(&template) };
    request.header("content-type", "application/json").body(body)
}
