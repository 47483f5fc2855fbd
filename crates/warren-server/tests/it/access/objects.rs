//! The objects that paths and bodies name, written straight into the database: no provisioner and no worker runs for them.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use warren_app::{identity::hash_agent_token, now};
use warren_db::{
    DbError, Tx,
    entity::{
        ai_providers, api_keys, chat_messages, chat_model_configs, chats, custom_roles, files,
        provisioner_jobs, template_versions, templates, users, workspace_agents, workspace_builds,
        workspace_resources, workspaces,
    },
    query,
};
use warren_vocab::LoginType;

use super::{Whose, bodies, callers};

/// Who owns what is made, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home {
    pub(crate) user: Uuid,
    pub(crate) organization: Uuid,
    /// The model of chats.
    pub(crate) model: Uuid,
}

/// What to put in place of parameters, and the caller's token.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) token: Option<String>,
    map: BTreeMap<&'static str, String>,
}

impl Values {
    /// Fills `{name}` in a path or body.
    pub(super) fn fill(&self, text: &str) -> String {
        let fill =
            |text: String, (name, value): (&&str, &String)| text.replace(&format!("{{{name}}}"), value);
        let filled = self.map.iter().fold(text.to_owned(), fill);
        let left = parameters(&filled);
        assert!(left.is_empty(), "access/objects.rs does not know how to fill {left:?} in {text}");
        filled
    }
}

/// Parameters of objects that an account can own.
const OWNED: &[&str] = &[
    "user",
    "workspace",
    "workspacename",
    "workspacebuild",
    "workspaceagent",
    "chat",
    "file",
    "keyid",
    "keyname",
];

/// The parameters in a path or body.
fn parameters(text: &str) -> BTreeSet<String> {
    let parts = text.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name));
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    parts.filter(is_name).map(str::to_owned).collect()
}

/// The parameters in a route's path and body.
pub(super) fn needs(method: &str, path: &str) -> BTreeSet<String> {
    let mut needs = parameters(&bodies::with_query(path));
    needs.extend(parameters(&bodies::template(method, path)));
    needs
}

/// Whether it makes a difference who owns the objects of a route.
pub(super) fn can_be_owned(method: &str, path: &str) -> bool {
    needs(method, path).iter().any(|name| OWNED.contains(&name.as_str()))
}

/// Makes what the parameters name.
pub(super) async fn make(
    tx: &Tx,
    needs: &BTreeSet<String>,
    home: Home,
    whose: Whose,
) -> Result<Values, DbError> {
    let mut values = Values::default();
    let any = |names: &[&str]| names.iter().any(|name| needs.contains(*name));
    values.map.insert("unique", unique());
    values.map.insert("nobody", Uuid::new_v4().to_string());
    values.map.insert("organization", home.organization.to_string());
    values.map.insert("organizationname", home.organization.to_string());
    values.map.insert("model", home.model.to_string());
    values.map.extend([("os", String::from("linux")), ("arch", String::from("amd64"))]);
    values.map.insert("name", String::from("coder-linux-amd64"));
    values.map.insert("context", String::from("title_generation"));
    let mut home = home;
    if any(&["user"]) && whose == Whose::Other {
        let user = user(&unique());
        home.user = user.id;
        callers::add_member(tx, user, home.organization, json!(["agents-access"])).await?;
    }
    values.map.insert("user", home.user.to_string());
    if any(&["guest"]) {
        // Somebody who belongs to no organization.
        let guest = user(&unique());
        values.map.insert("guest", guest.id.to_string());
        query::users::insert(tx, guest).await?;
    }
    if any(&["template", "templatename", "templateversion", "templateversionname"]) {
        add_template(tx, home, &mut values).await?;
    }
    if any(&["looseversion"]) {
        values.map.insert("looseversion", add_loose_version(tx, home).await?.to_string());
    }
    if any(&["workspace", "workspacename", "buildnumber", "workspacebuild", "workspaceagent"]) {
        add_workspace(tx, home, None, &mut values).await?;
    }
    if any(&["chat", "message", "queuedMessage"]) {
        add_chat(tx, home, &mut values).await?;
    }
    if any(&["file"]) {
        values.map.insert("file", add_file(tx, home).await?.to_string());
    }
    if any(&["roleName"]) {
        add_role(tx, home, &mut values).await?;
    }
    if any(&["idOrName", "modelConfig", "providerConfig", "aiProvider"]) {
        add_model(tx, &mut values).await?;
    }
    if any(&["keyid", "keyname"]) {
        let (_, key) = key(home.user, "coder:all", false);
        let key = api_keys::Model { login_type: LoginType::Token.to_string(), token_name: unique(), ..key };
        values.map.extend([("keyid", key.id.clone()), ("keyname", key.token_name.clone())]);
        query::api_keys::insert(tx, key).await?;
    }
    Ok(values)
}

/// An account that belongs nowhere yet.
pub(crate) fn user(name: &str) -> users::Model {
    users::Model::new(format!("{name}@example.com"), name, LoginType::Password, now())
}

/// A key and its token.
pub(crate) fn key(user: Uuid, scope: &str, is_expired: bool) -> (String, api_keys::Model) {
    let random = |length| -> String { Uuid::new_v4().simple().to_string().chars().take(length).collect() };
    let (id, secret) = (random(10), random(22));
    let at = now();
    let hour = chrono::TimeDelta::hours(1);
    let row = api_keys::Model {
        id: id.clone(),
        hashed_secret: Sha256::digest(secret.as_bytes()).to_vec(),
        user_id: user,
        login_type: LoginType::Password.to_string(),
        token_name: String::new(),
        scope: String::from("all"),
        lifetime_seconds: hour.num_seconds(),
        last_used_at: Some(at),
        expires_at: if is_expired { at - hour } else { at + hour },
        created_at: at,
        updated_at: at,
        scopes: json!([scope]),
        allow_list: json!(["*:*"]),
        ip_address: String::new(),
    };
    (format!("{id}-{secret}"), row)
}

/// A provider of models.
pub(super) fn provider(name: &str) -> ai_providers::Model {
    let at = now();
    ai_providers::Model {
        id: Uuid::new_v4(),
        type_: String::from("openai-compat"),
        name: name.to_owned(),
        display_name: String::new(),
        icon: String::new(),
        enabled: true,
        deleted: false,
        base_url: String::from("http://127.0.0.1:9/v1"),
        settings: serde_json::json!({}),
        created_at: at,
        updated_at: at,
    }
}

/// A model of a provider.
pub(super) fn model(id: Uuid, provider: Uuid) -> chat_model_configs::Model {
    let at = now();
    chat_model_configs::Model {
        id,
        ai_provider_id: provider,
        model: unique(),
        display_name: String::new(),
        enabled: true,
        is_default: false,
        deleted: false,
        context_limit: 1000,
        compression_threshold: 70,
        options: json!({}),
        created_at: at,
        updated_at: at,
    }
}

/// The agent of a workspace, recognised by the token.
pub(crate) async fn add_agent(tx: &Tx, home: Home, token: Uuid) -> Result<String, DbError> {
    let mut values = Values::default();
    add_workspace(tx, home, Some(token), &mut values).await?;
    Ok(values.map["workspaceagent"].clone())
}

fn unique() -> String {
    let id = Uuid::new_v4().simple().to_string();
    id.chars().take(16).collect()
}

async fn add_file(tx: &Tx, home: Home) -> Result<Uuid, DbError> {
    let id = Uuid::new_v4();
    let file = files::Model {
        id,
        hash: id.to_string(),
        created_by: home.user,
        mimetype: String::from("application/x-tar"),
        data: Vec::new(),
        created_at: now(),
    };
    files::Entity::insert(file.into_active_model()).exec_without_returning(tx).await?;
    Ok(id)
}

async fn add_job(tx: &Tx, home: Home, kind: &str) -> Result<Uuid, DbError> {
    let at = now();
    let file_id = add_file(tx, home).await?;
    let job = provisioner_jobs::Model {
        id: Uuid::new_v4(),
        organization_id: home.organization,
        initiator_id: home.user,
        provisioner: String::from("terraform"),
        storage_method: String::from("file"),
        file_id,
        type_: kind.to_owned(),
        input: json!({}),
        tags: json!({"scope": "organization", "owner": ""}),
        created_at: at,
        updated_at: at,
        started_at: Some(at),
        canceled_at: None,
        completed_at: Some(at),
        error: None,
        error_code: None,
        worker_id: None,
        logs_length: 0,
        logs_overflowed: false,
    };
    let id = job.id;
    provisioner_jobs::Entity::insert(job.into_active_model()).exec_without_returning(tx).await?;
    Ok(id)
}

/// A version that belongs to no template yet.
async fn add_loose_version(tx: &Tx, home: Home) -> Result<Uuid, DbError> {
    let at = now();
    let job_id = add_job(tx, home, "template_version_import").await?;
    let version = template_versions::Model {
        id: Uuid::new_v4(),
        template_id: None,
        organization_id: home.organization,
        created_by: home.user,
        job_id,
        created_at: at,
        updated_at: at,
        name: unique(),
        message: String::new(),
        readme: String::new(),
        archived: false,
    };
    let id = version.id;
    query::template_versions::insert(tx, version).await?;
    Ok(id)
}

async fn add_template(tx: &Tx, home: Home, values: &mut Values) -> Result<(), DbError> {
    let (at, id, version) = (now(), Uuid::new_v4(), Uuid::new_v4());
    let name = unique();
    let row = templates::Model {
        id,
        organization_id: home.organization,
        created_by: home.user,
        created_at: at,
        updated_at: at,
        deleted: false,
        name: name.clone(),
        display_name: String::new(),
        description: String::new(),
        icon: String::new(),
        provisioner: String::from("terraform"),
        active_version_id: version,
        default_ttl_ms: 0,
        activity_bump_ms: 0,
        failure_ttl_ms: 0,
        time_til_dormant_ms: 0,
        time_til_dormant_autodelete_ms: 0,
        allow_user_autostart: true,
        allow_user_autostop: true,
        allow_user_cancel_workspace_jobs: true,
        require_active_version: false,
        deprecation_message: String::new(),
        max_port_share_level: String::from("owner"),
        cors_behavior: String::from("simple"),
        use_classic_parameter_flow: true,
    };
    query::templates::insert(tx, row).await?;
    let job_id = add_job(tx, home, "template_version_import").await?;
    let version = template_versions::Model {
        id: version,
        template_id: Some(id),
        organization_id: home.organization,
        created_by: home.user,
        job_id,
        created_at: at,
        updated_at: at,
        name: unique(),
        message: String::new(),
        readme: String::new(),
        archived: false,
    };
    values.map.extend([
        ("template", id.to_string()),
        ("templatename", name),
        ("templateversion", version.id.to_string()),
        ("templateversionname", version.name.clone()),
    ]);
    query::template_versions::insert(tx, version).await
}

async fn add_workspace(tx: &Tx, home: Home, token: Option<Uuid>, values: &mut Values) -> Result<(), DbError> {
    let at = now();
    if !values.map.contains_key("template") {
        add_template(tx, home, values).await?;
    }
    let id_of = |name: &str| values.map[name].parse::<Uuid>().expect("the template was made above");
    let (template_id, template_version_id) = (id_of("template"), id_of("templateversion"));
    let workspace = workspaces::Model {
        id: Uuid::new_v4(),
        owner_id: home.user,
        organization_id: home.organization,
        template_id,
        name: unique(),
        created_at: at,
        updated_at: at,
        deleted: false,
        autostart_schedule: None,
        ttl_ms: None,
        last_used_at: at,
        dormant_at: None,
        deleting_at: None,
        next_start_at: None,
        automatic_updates: String::from("never"),
        favorite: false,
    };
    let job_id = add_job(tx, home, "workspace_build").await?;
    let build = workspace_builds::Model {
        id: Uuid::new_v4(),
        workspace_id: workspace.id,
        template_version_id,
        job_id,
        initiator_id: home.user,
        build_number: 1,
        transition: String::from("start"),
        reason: String::from("initiator"),
        created_at: at,
        updated_at: at,
        deadline: None,
        max_deadline: None,
        daily_cost: 0,
    };
    values.map.extend([
        ("workspace", workspace.id.to_string()),
        ("workspacename", workspace.name.clone()),
        ("workspacebuild", build.id.to_string()),
        ("buildnumber", String::from("1")),
    ]);
    query::workspaces::insert(tx, workspace).await?;
    query::builds::insert(tx, build).await?;
    let agent = add_resource(tx, job_id, token.unwrap_or_else(Uuid::new_v4)).await?;
    values.map.insert("workspaceagent", agent.to_string());
    Ok(())
}

async fn add_resource(tx: &Tx, job_id: Uuid, token: Uuid) -> Result<Uuid, DbError> {
    let at = now();
    let resource = workspace_resources::Model {
        id: Uuid::new_v4(),
        job_id,
        created_at: at,
        transition: String::from("start"),
        type_: String::from("thing"),
        name: String::from("main"),
        hide: false,
        icon: String::new(),
        daily_cost: 0,
        instance_type: None,
    };
    let agent = workspace_agents::Model {
        id: Uuid::new_v4(),
        resource_id: resource.id,
        parent_id: None,
        name: String::from("main"),
        token_hash: hash_agent_token(token),
        auth_instance_id: None,
        created_at: at,
        updated_at: at,
        first_connected_at: None,
        last_connected_at: None,
        disconnected_at: None,
        architecture: String::from("amd64"),
        operating_system: String::from("linux"),
        directory: String::new(),
        expanded_directory: String::new(),
        environment_variables: json!({}),
        version: String::new(),
        api_version: String::new(),
        connection_timeout_seconds: 120,
        troubleshooting_url: String::new(),
        motd_file: String::new(),
        lifecycle_state: String::from("created"),
        started_at: None,
        ready_at: None,
        display_apps: json!([]),
        subsystems: json!([]),
        display_order: 0,
        logs_length: 0,
        logs_overflowed: false,
    };
    let id = agent.id;
    workspace_resources::Entity::insert(resource.into_active_model()).exec_without_returning(tx).await?;
    workspace_agents::Entity::insert(agent.into_active_model()).exec_without_returning(tx).await?;
    Ok(id)
}

async fn add_chat(tx: &Tx, home: Home, values: &mut Values) -> Result<(), DbError> {
    let at = now();
    let chat = chats::Model {
        title: String::from("A chat"),
        snapshot_version: 1,
        history_version: 1,
        queue_version: 1,
        ..chats::Model::idle(home.user, home.organization, home.model, at)
    };
    let message = chat_messages::Model {
        created_by: Some(home.user),
        model_config_id: Some(home.model),
        ..chat_messages::Model::new(chat.id, "user", json!([{"type": "text", "text": "hello"}]), 1, at)
    };
    values.map.insert("chat", chat.id.to_string());
    // Nothing waits in the queue of a chat at rest.
    values.map.insert("queuedMessage", String::from("1"));
    query::chats::insert(tx, chat).await?;
    let message = query::chat_messages::insert(tx, message).await?;
    values.map.insert("message", message.id.to_string());
    Ok(())
}

async fn add_role(tx: &Tx, home: Home, values: &mut Values) -> Result<(), DbError> {
    let at = now();
    let role = custom_roles::Model {
        id: Uuid::new_v4(),
        organization_id: home.organization,
        name: unique(),
        display_name: String::new(),
        organization_permissions: json!([]),
        member_permissions: json!([]),
        created_at: at,
        updated_at: at,
    };
    values.map.insert("roleName", role.name.clone());
    query::custom_roles::insert(tx, role).await
}

async fn add_model(tx: &Tx, values: &mut Values) -> Result<(), DbError> {
    let provider = provider(&unique());
    let model = model(Uuid::new_v4(), provider.id);
    values.map.extend([
        ("idOrName", provider.id.to_string()),
        ("modelConfig", model.id.to_string()),
        ("providerConfig", provider.id.to_string()),
        ("aiProvider", provider.id.to_string()),
    ]);
    query::ai_providers::insert(tx, provider).await?;
    query::chat_model_configs::insert(tx, model).await
}
