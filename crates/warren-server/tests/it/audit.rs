//! The audit log as its readers see it.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use warren_server::{AUDITED, Trace};

use crate::{
    support::{EMAIL, PASSWORD, TestServer, answer},
    templates::{archive_of, create_version},
    workspaces::TEMPLATE,
};

const MODEL_KEY: &str = "sk-a-key-that-nobody-may-read-in-the-log";

/// Asks for the entries that fit.
async fn search(server: &TestServer, query: &str) -> (StatusCode, Value) {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    server.get(&format!("/api/v2/audit?limit=100&q={query}")).await
}

async fn found(server: &TestServer, query: &str) -> Vec<Value> {
    let (status, body) = search(server, query).await;
    assert_eq!(status, StatusCode::OK, "{query}: {body}");
    let logs = body["audit_logs"].as_array().unwrap().clone();
    assert_eq!(body["count"], logs.len(), "{query}");
    logs
}

async fn exported(server: &TestServer, format: &str) -> String {
    let path = format!("/api/v2/audit/export?format={format}");
    let response = server.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let disposition = response.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(disposition, format!("attachment; filename=\"audit-log.{format}\""));
    response.text().await.unwrap()
}

#[tokio::test]
async fn failed_logins_and_refused_changes_are_recorded() {
    let server = TestServer::with_owner().await;
    let wrong = json!({ "email": EMAIL, "password": "not-the-password" });
    assert_eq!(server.post("/api/v2/users/login", wrong).await.0, StatusCode::UNAUTHORIZED);
    let missing = Uuid::new_v4();
    let path = format!("/api/v2/templates/{missing}");
    assert_eq!(server.send(Method::DELETE, &path, json!({})).await.0, StatusCode::NOT_FOUND);

    let logins = found(&server, "action:login").await;
    let failed: Vec<_> = logins.iter().filter(|log| log["status_code"] == 401).collect();
    assert_eq!(failed.len(), 1, "{logins:?}");
    assert_eq!((&failed[0]["ip"], &failed[0]["diff"]), (&json!("127.0.0.1"), &json!({})));
    let deletions = found(&server, &format!("resource_id:{missing}")).await;
    assert_eq!(deletions.len(), 1);
    assert_eq!(
        (&deletions[0]["status_code"], &deletions[0]["user"]["username"]),
        (&json!(404), &json!("ada"))
    );
    assert_eq!(deletions[0]["description"], "ada tried to delete the template");
    assert!(!exported(&server, "json").await.contains("not-the-password"));
}

#[tokio::test]
async fn a_flood_of_failures_is_not_recorded_without_end() {
    let server = TestServer::with_owner().await;
    let path = format!("/api/v2/templates/{}", Uuid::new_v4());
    for _ in 0..50 {
        assert_eq!(server.send(Method::DELETE, &path, json!({})).await.0, StatusCode::NOT_FOUND);
    }
    let recorded = found(&server, "resource_type:template action:delete").await.len();
    assert!((30..=60).contains(&recorded), "{recorded}");
}

#[tokio::test]
async fn the_log_is_for_those_who_may_read_it_and_asks_for_a_limit() {
    let mut server = TestServer::with_owner().await;
    let (status, body) = server.get("/api/v2/audit").await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("limit")));
    for limit in ["0", "1001", "-1", "x", "99999999999999999999"] {
        let status = server.get(&format!("/api/v2/audit?limit={limit}")).await.0;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{limit}");
    }
    server.token = String::new();
    assert_eq!(server.get("/api/v2/audit?limit=1").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/api/v2/audit/export?format=csv").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn searches_find_entries_or_say_what_is_wrong() {
    let server = TestServer::with_owner().await;
    let id = Uuid::new_v4();
    let request = Uuid::new_v4();
    let organization = server.get("/api/v2/organizations/default").await.1["id"].clone();
    let fake = json!({ "action": "stop", "resource_type": "workspace_build", "resource_id": id,
        "request_id": request, "organization_id": organization, "time": "2024-02-29T23:59:59Z",
        "additional_fields": { "workspace_name": "dev" } });
    let made = server.post("/api/v2/audit/testgenerate", fake).await;
    assert_eq!(made.0, StatusCode::NO_CONTENT, "{}", made.1);
    let fitting = [
        format!("request_id:{request}"),
        format!("resource_id:{id} action:STOP"),
        format!("workspace_build resource_id:{id}"),
        String::from("date_from:2024-02-29 date_to:2024-02-29"),
        String::from("username:me action:stop organization:coder"),
        format!("email:{EMAIL} action:stop date_to:2025-01-01"),
    ];
    for query in fitting {
        let logs = found(&server, &query).await;
        assert_eq!(logs.len(), 1, "{query}");
        assert_eq!(logs[0]["organization"]["name"], "coder");
        assert_eq!(logs[0]["additional_fields"]["workspace_name"], "dev");
    }
    for query in ["date_to:2024-02-28", "username:nobody", "resource_target:x action:stop"] {
        assert!(found(&server, query).await.is_empty(), "{query}");
    }
    let wrong = [
        ("colour:red", "colour"),
        ("a:b:c", "q"),
        ("resource_id:x", "resource_id"),
        ("action:explode", "action"),
        ("date_from:yesterday", "date_from"),
        ("organization:nowhere", "organization"),
        ("nonsense", "resource_type"),
    ];
    for (query, field) in wrong {
        let (status, body) = search(&server, query).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(body["validations"][0]["field"], field, "{query}: {body}");
    }
}

#[tokio::test]
async fn exports_hold_everything_in_both_forms() {
    let server = TestServer::with_owner().await;
    let formula = json!({ "action": "write", "additional_fields": { "=cmd()": "x" } });
    assert_eq!(server.post("/api/v2/audit/testgenerate", formula).await.0, StatusCode::NO_CONTENT);
    let listed = found(&server, "").await;
    let json: Value = serde_json::from_str(&exported(&server, "json").await).unwrap();
    assert_eq!(json.as_array().unwrap(), &listed);
    let csv = exported(&server, "csv").await;
    let lines: Vec<_> = csv.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), listed.len() + 1, "{csv}");
    assert!(lines[0].starts_with("time,user,email,ip,"), "{csv}");
    assert!(lines[1].contains("\"ada\",\"ada@example.com\""), "{csv}");
    let (status, body) = server.get("/api/v2/audit/export?format=xml").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    let (status, body) = server.get("/api/v2/audit/export?format=csv&q=colour:red").await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("colour")));
}

/// Sends requests and checks the entry that each leaves.
struct Driver {
    server: TestServer,
    driven: BTreeSet<(String, String)>,
}

/// What the entry of a request says.
struct Expected<'a> {
    action: &'a str,
    resource: &'a str,
    /// The fields of the diff, in any order.
    changed: &'a [&'a str],
}

impl Driver {
    async fn new() -> Self {
        Self { server: TestServer::empty().await, driven: BTreeSet::new() }
    }

    /// Sends a request to a route whose parameters are filled with `ids`, which must succeed and leave one entry.
    async fn drive(
        &mut self,
        route: (&str, &str),
        ids: &[&str],
        body: Value,
        expected: Expected<'_>,
    ) -> Value {
        let (method, template) = route;
        let path = filled(template, ids);
        let request = self.server.request(method.parse().unwrap(), &path).header("user-agent", "driver/1");
        let response = request.body(body.to_string()).send().await.unwrap();
        let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let (status, answered) = answer(response).await;
        assert!(status.is_success(), "{method} {path}: {status} {answered}");
        if let Some(token) = answered["session_token"].as_str() {
            self.server.token = token.to_owned();
        }
        self.driven.insert((method.to_owned(), template.to_owned()));
        if self.server.token.is_empty() {
            self.server.token = login(&self.server).await;
        }
        if expected.action == "logout" {
            self.server.token = login(&self.server).await;
        }
        self.check(&format!("{method} {template}"), &request_id, status, &expected).await;
        answered
    }

    async fn check(&self, route: &str, request_id: &str, status: StatusCode, expected: &Expected<'_>) {
        let logs = found(&self.server, &format!("request_id:{request_id}")).await;
        // Who makes an organization becomes its member, which is a change of its own.
        let is_extra = |log: &Value| {
            route == "POST /api/v2/organizations" && log["resource_type"] == "organization_member"
        };
        let logs: Vec<_> = logs.into_iter().filter(|log| !is_extra(log)).collect();
        let [log] = logs.as_slice() else { panic!("{route}: one entry, not {logs:#?}") };
        let said = (log["action"].as_str().unwrap(), log["resource_type"].as_str().unwrap());
        assert_eq!(said, (expected.action, expected.resource), "{route}");
        assert_eq!(log["status_code"], status.as_u16(), "{route}");
        let from = (log["ip"].as_str().unwrap(), log["user_agent"].as_str().unwrap());
        assert_eq!(from, ("127.0.0.1", "driver/1"), "{route}");
        let changed: BTreeSet<_> = log["diff"].as_object().unwrap().keys().map(String::as_str).collect();
        let expected: BTreeSet<_> = expected.changed.iter().copied().collect();
        assert_eq!(changed, expected, "{route}: {}", log["diff"]);
        if !route.contains("/otp/") {
            assert_eq!(log["user"]["username"], "ada", "{route}");
        }
    }
}

fn filled(template: &str, ids: &[&str]) -> String {
    let mut ids = ids.iter();
    let segment = |segment: &str| {
        if segment.starts_with('{') { (*ids.next().unwrap()).to_owned() } else { segment.to_owned() }
    };
    template.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_mutating_route_leaves_one_entry_and_no_secret() {
    let mut driver = Driver::new().await;
    drive_accounts(&mut driver).await;
    drive_organizations(&mut driver).await;
    drive_deployment(&mut driver).await;
    drive_models_and_chats(&mut driver).await;
    drive_templates_and_workspaces(&mut driver).await;
    drive_sign_out(&mut driver).await;

    let expected: BTreeSet<_> = AUDITED
        .iter()
        .filter(|row| matches!(row.trace, Trace::Entry(..)))
        .map(|row| (row.method.to_owned(), row.path.to_owned()))
        .collect();
    let is_driven = |method: &str, path: &str| !NOT_DRIVEN.contains(&(method, path));
    let expected = expected.iter().filter(|(method, path)| is_driven(method, path));
    let missing: Vec<_> = expected.filter(|route| !driver.driven.contains(*route)).collect();
    assert!(missing.is_empty(), "drive these routes here as well: {missing:#?}");
    let all = exported(&driver.server, "json").await;
    for secret in [PASSWORD, MODEL_KEY, driver.server.token.as_str(), &driver.server.token[11..]] {
        assert!(!all.contains(secret), "{secret} is in the audit log");
    }
}

async fn drive_accounts(driver: &mut Driver) {
    let first = json!({ "email": EMAIL, "username": "ada", "name": "Ada", "password": PASSWORD });
    let user = ["email", "username", "name", "status", "rbac_roles", "login_type", "hashed_password"];
    let expected = Expected { action: "create", resource: "user", changed: &user };
    driver.drive(("POST", "/api/v2/users/first"), &[], first, expected).await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let expected = Expected { action: "login", resource: "api_key", changed: SESSION };
    driver.drive(("POST", "/api/v2/users/login"), &[], body, expected).await;
    drive_others(driver).await;
    drive_own_account(driver).await;
    drive_keys(driver).await;
}

/// What a new session sets.
const SESSION: &[&str] = &["user_id", "scopes", "allow_list", "created_at", "expires_at", "last_used"];

async fn login(server: &TestServer) -> String {
    let (status, body) =
        server.post("/api/v2/users/login", json!({ "email": EMAIL, "password": PASSWORD })).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    body["session_token"].as_str().unwrap().to_owned()
}

async fn drive_others(driver: &mut Driver) {
    let organization = driver.server.get("/api/v2/organizations/default").await.1["id"].clone();
    let body = json!({ "email": "bob@example.com", "username": "bob", "password": PASSWORD,
        "login_type": "password", "organization_ids": [organization] });
    let made = ["email", "username", "status", "login_type", "hashed_password"];
    let write = |changed| Expected { action: "write", resource: "user", changed };
    let expected = Expected { action: "create", resource: "user", changed: &made };
    driver.drive(("POST", "/api/v2/users"), &[], body, expected).await;
    driver
        .drive(("PUT", "/api/v2/users/{user}/status/suspend"), &["bob"], json!({}), write(&["status"]))
        .await;
    driver
        .drive(("PUT", "/api/v2/users/{user}/status/activate"), &["bob"], json!({}), write(&["status"]))
        .await;
    let body = json!({ "password": "AnotherSecurePassword!" });
    let route = ("PUT", "/api/v2/users/{user}/password");
    driver.drive(route, &["bob"], body, write(&["hashed_password"])).await;
    let body = json!({ "email": "bob@example.com" });
    let changed = ["one_time_passcode", "one_time_passcode_expires_at"];
    let expected = Expected { action: "request_password_reset", resource: "user", changed: &changed };
    driver.drive(("POST", "/api/v2/users/otp/request"), &[], body, expected).await;
    let gone = [
        "email",
        "username",
        "status",
        "login_type",
        "hashed_password",
        "one_time_passcode",
        "one_time_passcode_expires_at",
    ];
    let expected = Expected { action: "delete", resource: "user", changed: &gone };
    driver.drive(("DELETE", "/api/v2/users/{user}"), &["bob"], json!({}), expected).await;
}

async fn drive_own_account(driver: &mut Driver) {
    let write = |changed| Expected { action: "write", resource: "user", changed };
    let profile = json!({ "username": "ada", "name": "Ada L." });
    driver.drive(("PUT", "/api/v2/users/{user}/profile"), &["me"], profile, write(&["name"])).await;
    let appearance = json!({ "theme_preference": "dark", "terminal_font": "fira-code" });
    driver.drive(("PUT", "/api/v2/users/{user}/appearance"), &["me"], appearance, write(&[])).await;
    let preferences = json!({ "task_notification_alert_dismissed": true });
    driver.drive(("PUT", "/api/v2/users/{user}/preferences"), &["me"], preferences, write(&[])).await;
    let hours = json!({ "schedule": "CRON_TZ=UTC 0 22 * * *" });
    let route = ("PUT", "/api/v2/users/{user}/quiet-hours");
    driver.drive(route, &["me"], hours, write(&["quiet_hours_schedule"])).await;
    let expected = Expected { action: "write", resource: "git_ssh_key", changed: &["private_key"] };
    driver.drive(("PUT", "/api/v2/users/{user}/gitsshkey"), &["me"], json!({}), expected).await;
}

async fn drive_keys(driver: &mut Driver) {
    let resource = "api_key";
    let made = ["user_id", "scopes", "allow_list", "created_at", "expires_at"];
    let expected = Expected { action: "create", resource, changed: &made };
    driver.drive(("POST", "/api/v2/users/{user}/keys"), &["me"], json!({}), expected).await;
    let made = ["user_id", "token_name", "scopes", "allow_list", "created_at", "expires_at"];
    let expected = Expected { action: "create", resource, changed: &made };
    let body = json!({ "token_name": "ci", "lifetime": 3_600_000_000_000_i64 });
    let made = driver.drive(("POST", "/api/v2/users/{user}/keys/tokens"), &["me"], body, expected).await;
    let key = made["key"].as_str().unwrap().split_once('-').unwrap().0.to_owned();
    let expected = Expected { action: "write", resource, changed: &["expires_at"] };
    driver
        .drive(("PUT", "/api/v2/users/{user}/keys/{keyid}/expire"), &["me", &key], json!({}), expected)
        .await;
    let gone = ["user_id", "token_name", "scopes", "allow_list", "created_at", "expires_at"];
    let expected = Expected { action: "delete", resource, changed: &gone };
    driver.drive(("DELETE", "/api/v2/users/{user}/keys/{keyid}"), &["me", &key], json!({}), expected).await;
}

async fn drive_sign_out(driver: &mut Driver) {
    let expected = Expected { action: "logout", resource: "api_key", changed: SESSION };
    driver.drive(("POST", "/api/v2/users/logout"), &[], json!({}), expected).await;
}

/// Routes that need a code from a mail, a sign-in provider, or a chat that waits for an approval.
const NOT_DRIVEN: &[(&str, &str)] = &[
    ("POST", "/api/v2/users/otp/change-password"),
    ("POST", "/api/v2/users/{user}/convert-login"),
    ("DELETE", "/api/experimental/chats/{chat}/approval-rules"),
    ("POST", "/api/experimental/chats/{chat}/approvals"),
    ("POST", "/api/experimental/chats/{chat}/title/regenerate"),
];

async fn drive_organizations(driver: &mut Driver) {
    let (all, one) = ("/api/v2/organizations", "/api/v2/organizations/{organization}");
    let resource = "organization";
    let made = ["name", "display_name", "shareable_workspace_owners", "default_org_member_roles"];
    let expected = Expected { action: "create", resource, changed: &made };
    driver.drive(("POST", all), &[], json!({ "name": "lab" }), expected).await;
    let expected = Expected { action: "write", resource, changed: &["description"] };
    driver.drive(("PATCH", one), &["lab"], json!({ "description": "Rabbits" }), expected).await;
    let sharing = "/api/v2/organizations/{organization}/settings/workspace-sharing";
    let expected = Expected { action: "write", resource, changed: &["shareable_workspace_owners"] };
    driver.drive(("PATCH", sharing), &["lab"], json!({ "sharing_disabled": true }), expected).await;

    let organization = driver.server.get("/api/v2/organizations/default").await.1["id"].clone();
    let body = json!({ "email": "cleo@example.com", "username": "cleo", "password": PASSWORD,
        "organization_ids": [organization] });
    assert_eq!(driver.server.post("/api/v2/users", body).await.0, StatusCode::CREATED);
    let member = "/api/v2/organizations/{organization}/members/{user}";
    let resource = "organization_member";
    let expected = Expected { action: "create", resource, changed: &["user_id"] };
    driver.drive(("POST", member), &["lab", "cleo"], json!({}), expected).await;
    let expected = Expected { action: "write", resource, changed: &["roles"] };
    let route = ("PUT", "/api/v2/organizations/{organization}/members/{user}/roles");
    driver.drive(route, &["lab", "cleo"], json!({ "roles": ["organization-auditor"] }), expected).await;
    let expected = Expected { action: "delete", resource, changed: &["user_id", "roles"] };
    driver.drive(("DELETE", member), &["lab", "cleo"], json!({}), expected).await;
    let expected = Expected { action: "write", resource: "user", changed: &["rbac_roles"] };
    let route = ("PUT", "/api/v2/users/{user}/roles");
    driver.drive(route, &["cleo"], json!({ "roles": ["auditor"] }), expected).await;

    drive_custom_roles(driver).await;
    let gone =
        ["name", "display_name", "description", "shareable_workspace_owners", "default_org_member_roles"];
    let expected = Expected { action: "delete", resource: "organization", changed: &gone };
    driver.drive(("DELETE", one), &["lab"], json!({}), expected).await;
}

async fn drive_custom_roles(driver: &mut Driver) {
    let roles = "/api/v2/organizations/{organization}/members/roles";
    let resource = "custom_role";
    let role = |title: &str| {
        json!({ "name": "curator", "display_name": title,
            "organization_permissions": [{ "resource_type": "template", "action": "update" }] })
    };
    let made = ["name", "display_name", "org_permissions"];
    let expected = Expected { action: "create", resource, changed: &made };
    driver.drive(("POST", roles), &["lab"], role("Curator"), expected).await;
    let expected = Expected { action: "write", resource, changed: &["display_name"] };
    driver.drive(("PUT", roles), &["lab"], role("Curator of templates"), expected).await;
    let one = "/api/v2/organizations/{organization}/members/roles/{roleName}";
    let expected = Expected { action: "delete", resource, changed: &made };
    driver.drive(("DELETE", one), &["lab", "curator"], json!({}), expected).await;
}

async fn drive_deployment(driver: &mut Driver) {
    let expected = Expected { action: "write", resource: "appearance", changed: &["value"] };
    let body = json!({ "application_name": "Burrow", "logo_url": "", "announcement_banners": [] });
    driver.drive(("PUT", "/api/v2/appearance"), &[], body, expected).await;
}

async fn drive_models_and_chats(driver: &mut Driver) {
    let all = "/api/v2/ai/providers";
    let one = "/api/v2/ai/providers/{idOrName}";
    let body = json!({ "type": "openai-compat", "name": "local", "base_url": "http://127.0.0.1:9/v1",
        "api_keys": [MODEL_KEY] });
    let made = ["name", "display_name", "type", "base_url", "enabled", "api_keys"];
    let resource = "ai_provider";
    let provider =
        driver.drive(("POST", all), &[], body, Expected { action: "create", resource, changed: &made }).await;
    let expected = Expected { action: "write", resource, changed: &["display_name"] };
    driver.drive(("PATCH", one), &["local"], json!({ "display_name": "Here" }), expected).await;
    let own = "/api/experimental/users/{user}/ai-provider-keys/{aiProvider}";
    let changed = &["user_api_key"];
    let expected = Expected { action: "write", resource, changed };
    let at = ["me", &id(&provider)];
    driver.drive(("PUT", own), &at, json!({ "api_key": MODEL_KEY }), expected).await;
    let expected = Expected { action: "delete", resource, changed };
    driver.drive(("DELETE", own), &at, json!({}), expected).await;

    let (configs, config) =
        ("/api/experimental/chats/model-configs", "/api/experimental/chats/model-configs/{modelConfig}");
    let resource = "chat_model_config";
    let body = json!({ "ai_provider_id": provider["id"], "model": "scripted" });
    let made =
        ["model", "display_name", "ai_provider_id", "enabled", "context_limit", "compression_threshold"];
    let expected = Expected { action: "create", resource, changed: &made };
    let model = id(&driver.drive(("POST", configs), &[], body, expected).await);
    let expected = Expected { action: "write", resource, changed: &["context_limit"] };
    driver.drive(("PATCH", config), &[&model], json!({ "context_limit": 1000 }), expected).await;

    let organization = driver.server.get("/api/v2/organizations/default").await.1["id"].clone();
    let body = json!({ "organization_id": organization, "content": [{ "type": "text", "text": "hello" }] });
    let expected = Expected { action: "create", resource: "chat", changed: &["title", "owner_id"] };
    let chat = id(&driver.drive(("POST", "/api/experimental/chats"), &[], body, expected).await);
    let expected = Expected { action: "write", resource: "chat", changed: &["title", "pin_order"] };
    let patch = json!({ "title": "Greeting", "pin_order": 1 });
    driver.drive(("PATCH", "/api/experimental/chats/{chat}"), &[&chat], patch, expected).await;

    drive_chat_settings(driver, &model).await;
    let gone = [
        "model",
        "display_name",
        "ai_provider_id",
        "enabled",
        "is_default",
        "context_limit",
        "compression_threshold",
    ];
    let expected = Expected { action: "delete", resource, changed: &gone };
    driver.drive(("DELETE", config), &[&model], json!({}), expected).await;
    let gone = ["name", "display_name", "type", "base_url", "enabled"];
    let expected = Expected { action: "delete", resource: "ai_provider", changed: &gone };
    driver.drive(("DELETE", one), &["local"], json!({}), expected).await;
}

async fn drive_chat_settings(driver: &mut Driver, model: &str) {
    let chats = "/api/experimental/chats";
    let rules = json!({ "rules": [{ "tool": "execute", "action": "ask" }] });
    let changed = &["value"][..];
    for (name, ids, body, changed) in [
        ("config/system-prompt", &[][..], json!({ "system_prompt": "Be kind." }), changed),
        (
            "config/model-override/{context}",
            &["title_generation"],
            json!({ "model_config_id": model }),
            changed,
        ),
        ("config/retention-days", &[], json!({ "retention_days": 60 }), changed),
        ("config/auto-archive-days", &[], json!({ "auto_archive_days": 90 }), changed),
        ("config/workspace-ttl", &[], json!({ "workspace_ttl_ms": 60_000 }), changed),
        ("config/template-allowlist", &[], json!({ "template_ids": [] }), &[][..]),
        ("config/tool-approvals", &[], rules.clone(), changed),
        ("usage-limits", &[], json!({ "spend_limit_micros": 5, "period": "day" }), changed),
    ] {
        let path = format!("{chats}/{name}");
        let expected = Expected { action: "write", resource: "chat", changed };
        driver.drive(("PUT", path.as_str()), ids, body, expected).await;
    }
    // What an account wants for itself is no field of the account; the entry names the setting.
    let threshold = format!("{chats}/config/user-compaction-thresholds/{{modelConfig}}");
    let limit = format!("{chats}/usage-limits/overrides/{{user}}");
    let (prompt, own_rules) =
        (format!("{chats}/config/user-prompt"), format!("{chats}/config/user-tool-approvals"));
    for (method, path, ids, body) in [
        ("PUT", &prompt, &[][..], json!({ "custom_prompt": "In verse." })),
        ("PUT", &own_rules, &[], rules),
        ("PUT", &threshold, &[model], json!({ "threshold_percent": 50 })),
        ("DELETE", &threshold, &[model], json!({})),
        ("PUT", &limit, &["me"], json!({ "spend_limit_micros": 5 })),
        ("DELETE", &limit, &["me"], json!({})),
    ] {
        let expected = Expected { action: "write", resource: "user", changed: &[] };
        driver.drive((method, path.as_str()), ids, body, expected).await;
    }
    drive_older_providers(driver).await;
}

async fn drive_older_providers(driver: &mut Driver) {
    let (all, one) =
        ("/api/experimental/chats/providers", "/api/experimental/chats/providers/{providerConfig}");
    let resource = "ai_provider";
    let body = json!({ "provider": "openrouter", "base_url": "http://127.0.0.1:9/v1" });
    let made = ["name", "display_name", "type", "base_url", "enabled"];
    let expected = Expected { action: "create", resource, changed: &made };
    let provider = id(&driver.drive(("POST", all), &[], body, expected).await);
    let expected = Expected { action: "write", resource, changed: &["display_name"] };
    driver.drive(("PATCH", one), &[&provider], json!({ "display_name": "There" }), expected).await;
    let expected = Expected { action: "delete", resource, changed: &made };
    driver.drive(("DELETE", one), &[&provider], json!({}), expected).await;
}

async fn drive_templates_and_workspaces(driver: &mut Driver) {
    // The upload itself leaves no entry.
    let first = create_version(&driver.server, archive_of(TEMPLATE)).await;
    let file = first["job"]["file_id"].clone();
    let push = |name: &str| json!({ "storage_method": "file", "file_id": file, "provisioner": "terraform", "name": name });
    let versions = "/api/v2/organizations/{organization}/templateversions";
    let resource = "template_version";
    let changed = ["name", "created_by"];
    let expected = || Expected { action: "create", resource, changed: &changed };
    let version = id(&driver.drive(("POST", versions), &["default"], push("one"), expected()).await);
    let ended = driver.server.ended(&format!("/api/v2/templateversions/{version}")).await;
    assert_eq!(ended["job"]["status"], "succeeded", "{ended}");

    let made = [
        "name",
        "provisioner",
        "active_version_id",
        "created_by",
        "activity_bump",
        "allow_user_autostart",
        "allow_user_autostop",
        "allow_user_cancel_workspace_jobs",
        "max_port_sharing_level",
        "cors_behavior",
        "use_classic_parameter_flow",
    ];
    let body =
        json!({ "name": "thing", "template_version_id": version, "allow_user_cancel_workspace_jobs": true });
    let expected = Expected { action: "create", resource: "template", changed: &made };
    let templates = "/api/v2/organizations/{organization}/templates";
    let template = id(&driver.drive(("POST", templates), &["default"], body, expected).await);
    let one = "/api/v2/templates/{template}";
    let expected = Expected { action: "write", resource: "template", changed: &["description"] };
    driver.drive(("PATCH", one), &[&template], json!({ "description": "A thing" }), expected).await;

    let body = json!({ "storage_method": "file", "file_id": file, "provisioner": "terraform", "name": "two", "template_id": template });
    let changed = ["name", "created_by", "template_id"];
    let expected = Expected { action: "create", resource, changed: &changed };
    let next = id(&driver.drive(("POST", versions), &["default"], body, expected).await);
    driver.server.ended(&format!("/api/v2/templateversions/{next}")).await;
    let stopped = create_version(&driver.server, archive_of(&format!("{TEMPLATE}\n"))).await;
    let expected = Expected { action: "write", resource, changed: &[] };
    let cancel = "/api/v2/templateversions/{templateversion}/cancel";
    driver.drive(("PATCH", cancel), &[&id(&stopped)], json!({}), expected).await;
    let expected = Expected { action: "write", resource: "template", changed: &["active_version_id"] };
    driver
        .drive(
            ("PATCH", "/api/v2/templates/{template}/versions"),
            &[&template],
            json!({ "id": next }),
            expected,
        )
        .await;

    drive_workspaces(driver, &template).await;
    let gone: Vec<_> = made.into_iter().chain(["description"]).collect();
    let expected = Expected { action: "delete", resource: "template", changed: &gone };
    driver.drive(("DELETE", one), &[&template], json!({}), expected).await;
}

async fn drive_workspaces(driver: &mut Driver, template: &str) {
    let changed = ["name", "owner_id", "template_id", "automatic_updates"];
    let expected = || Expected { action: "create", resource: "workspace", changed: &changed };
    let body = |name: &str| json!({ "name": name, "template_id": template });
    let route = ("POST", "/api/v2/users/{user}/workspaces");
    let workspace = id(&driver.drive(route, &["me"], body("dev"), expected()).await);
    let route = ("POST", "/api/v2/organizations/{organization}/members/{user}/workspaces");
    let second = driver.drive(route, &["default", "me"], body("second"), expected()).await;
    let path = |id: &str| format!("/api/v2/workspaces/{id}");
    driver.server.until(&path(&workspace), |now| now["latest_build"]["status"] == "running").await;
    let second = id(&second);
    driver.server.until(&path(&second), |now| now["latest_build"]["status"] == "running").await;
    let expected = Expected { action: "write", resource: "workspace", changed: &["name"] };
    driver
        .drive(("PATCH", "/api/v2/workspaces/{workspace}"), &[&workspace], json!({ "name": "new" }), expected)
        .await;

    let builds = ("POST", "/api/v2/workspaces/{workspace}/builds");
    let changed = ["template_version_id"];
    for (transition, status) in [("stop", "stopped"), ("start", "running")] {
        let expected = Expected { action: transition, resource: "workspace_build", changed: &changed };
        driver.drive(builds, &[&workspace], json!({ "transition": transition }), expected).await;
        driver.server.until(&path(&workspace), |now| now["latest_build"]["status"] == status).await;
    }
    let expected = Expected { action: "start", resource: "workspace_build", changed: &changed };
    let build = driver.drive(builds, &[&workspace], json!({ "transition": "start" }), expected).await;
    let expected = Expected { action: "write", resource: "workspace_build", changed: &[] };
    let cancel = "/api/v2/workspacebuilds/{workspacebuild}/cancel";
    driver.drive(("PATCH", cancel), &[&id(&build)], json!({}), expected).await;
    driver.server.ended(&format!("/api/v2/workspacebuilds/{}", id(&build))).await;
    for workspace in [workspace, second] {
        let expected = Expected { action: "delete", resource: "workspace_build", changed: &changed };
        driver.drive(builds, &[&workspace], json!({ "transition": "delete" }), expected).await;
        let deleted = format!("{}?include_deleted=true", path(&workspace));
        driver.server.until(&deleted, |now| now["latest_build"]["status"] == "deleted").await;
    }
}
