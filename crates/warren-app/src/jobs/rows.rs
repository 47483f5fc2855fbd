//! From a job's resources to rows. Agents get new ids with each job.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use warren_build_proto::{Agent, AgentAuth, App, DisplayApps, Env, Resource, Script};
use warren_db::{
    entity::{
        workspace_agent_log_sources as log_sources, workspace_agent_metadata as agent_metadata,
        workspace_agent_scripts as scripts, workspace_agents as agents, workspace_apps as apps,
        workspace_resource_metadata as metadata, workspace_resources as resources,
    },
    query::resources::ResourceRows,
};
use warren_vocab::{AgentId, AgentLifecycle, AppHealth, DisplayApp, JobId, ResourceId, Transition};

use crate::{
    error::{AppError, AppResult},
    identity::hash_agent_token,
};

/// The rows of a job.
pub(super) struct Made {
    pub(super) rows: ResourceRows,
    pub(super) metadata: Vec<agent_metadata::Model>,
}

/// Converts a job's resources.
///
/// # Errors
/// [`AppError::Invalid`] when they contradict each other, with a sentence for the template's author.
pub(super) fn rows(
    job: JobId,
    transition: Transition,
    from: &[Resource],
    at: DateTime<Utc>,
) -> AppResult<Made> {
    check_agent_names(from)?;
    let mut made = Made { rows: ResourceRows::default(), metadata: Vec::new() };
    for resource in from {
        let id = ResourceId::new();
        made.rows.resources.push(resources::Model {
            id: id.as_uuid(),
            job_id: job.as_uuid(),
            created_at: at,
            transition: transition.to_string(),
            type_: resource.kind.clone(),
            name: resource.name.clone(),
            hide: resource.hide,
            icon: resource.icon.clone(),
            daily_cost: resource.daily_cost,
            instance_type: some(&resource.instance_type),
        });
        made.rows.metadata.extend(facts(id, resource));
        for agent in &resource.agents {
            add_agent(&mut made, id, agent, at)?;
        }
    }
    Ok(made)
}

fn check_agent_names(from: &[Resource]) -> AppResult<()> {
    let mut names = BTreeSet::new();
    let mut agents = from.iter().flat_map(|resource| &resource.agents);
    match agents.find(|agent| !names.insert(agent.name.to_lowercase())) {
        None => Ok(()),
        Some(agent) => Err(AppError::invalid(format!(
            "workspace agent name {:?} already exists in this workspace build",
            agent.name
        ))),
    }
}

fn facts(id: ResourceId, resource: &Resource) -> Vec<metadata::Model> {
    let known = resource.metadata.iter().filter(|item| !item.is_null);
    let row = |(position, item): (i32, &warren_build_proto::MetadataItem)| metadata::Model {
        resource_id: id.as_uuid(),
        key: item.key.clone(),
        value: Some(item.value.clone()),
        sensitive: item.sensitive,
        position,
    };
    (0..).zip(known).map(row).collect()
}

fn add_agent(made: &mut Made, resource: ResourceId, agent: &Agent, at: DateTime<Utc>) -> AppResult<()> {
    let id = AgentId::new();
    made.rows.agents.push(agent_row(id, resource, agent, at)?);
    made.metadata.extend(agent.metadata.iter().map(|item| agent_metadata::Model {
        agent_id: id.as_uuid(),
        key: item.key.clone(),
        display_name: item.display_name.clone(),
        script: item.script.clone(),
        value: String::new(),
        error: String::new(),
        timeout_seconds: item.timeout,
        interval_seconds: item.interval,
        collected_at: None,
        display_order: item.order,
    }));
    for (position, script) in (0..).zip(&agent.scripts) {
        let (source, row) = script_rows(id, script, position, at);
        made.rows.log_sources.push(source);
        made.rows.scripts.push(row);
    }
    made.rows.apps.extend(agent.apps.iter().map(|app| app_row(id, app, at)));
    Ok(())
}

fn agent_row(
    id: AgentId,
    resource: ResourceId,
    agent: &Agent,
    at: DateTime<Utc>,
) -> AppResult<agents::Model> {
    let (token, auth_instance_id) = match &agent.auth {
        AgentAuth::Token(token) => (Uuid::parse_str(token.expose()).ok(), None),
        AgentAuth::Instance(instance) => (None, some(instance)),
    };
    Ok(agents::Model {
        id: id.as_uuid(),
        resource_id: resource.as_uuid(),
        parent_id: None,
        name: agent.name.clone(),
        // Without a token of its own, e.g. while a template is imported, nobody may know it.
        token_hash: hash_agent_token(token.unwrap_or_else(Uuid::new_v4)),
        auth_instance_id,
        created_at: at,
        updated_at: at,
        first_connected_at: None,
        last_connected_at: None,
        disconnected_at: None,
        architecture: agent.architecture.clone(),
        operating_system: agent.operating_system.clone(),
        directory: agent.directory.clone(),
        expanded_directory: String::new(),
        environment_variables: json!(environment(&agent.extra_envs, &agent.env)?),
        version: String::new(),
        api_version: String::new(),
        connection_timeout_seconds: agent.connection_timeout_seconds,
        troubleshooting_url: agent.troubleshooting_url.clone(),
        motd_file: agent.motd_file.clone(),
        lifecycle_state: AgentLifecycle::Created.to_string(),
        started_at: None,
        ready_at: None,
        display_apps: json!(display_apps(agent.display_apps)),
        subsystems: json!([]),
        display_order: agent.order,
        logs_length: 0,
        logs_overflowed: false,
    })
}

/// Merges the variables that a template declares one by one, in their order; the agent's own map wins over them.
fn environment(extra: &[Env], own: &BTreeMap<String, String>) -> AppResult<BTreeMap<String, String>> {
    let mut merged = BTreeMap::<String, String>::new();
    for env in extra {
        let before = merged.get(&env.name).filter(|before| !before.is_empty());
        let value = match (env.merge_strategy.as_str(), before) {
            ("append", Some(before)) => format!("{before}:{}", env.value),
            ("prepend", Some(before)) => format!("{}:{before}", env.value),
            ("error", _) if merged.contains_key(&env.name) => {
                return Err(AppError::invalid(format!(
                    "duplicate env var {:?}: merge_strategy is \"error\" but variable is already defined",
                    env.name
                )));
            }
            (_, _) => env.value.clone(),
        };
        merged.insert(env.name.clone(), value);
    }
    merged.extend(own.clone());
    Ok(merged)
}

fn display_apps(apps: DisplayApps) -> Vec<&'static str> {
    [
        (apps.vscode, DisplayApp::Vscode),
        (apps.vscode_insiders, DisplayApp::VscodeInsiders),
        (apps.web_terminal, DisplayApp::WebTerminal),
        (apps.port_forwarding_helper, DisplayApp::PortForwardingHelper),
        (apps.ssh_helper, DisplayApp::SshHelper),
    ]
    .into_iter()
    .filter_map(|(shown, app)| shown.then_some(app.as_str()))
    .collect()
}

fn script_rows(
    agent: AgentId,
    script: &Script,
    position: i32,
    at: DateTime<Utc>,
) -> (log_sources::Model, scripts::Model) {
    let source = log_sources::Model {
        agent_id: agent.as_uuid(),
        id: Uuid::new_v4(),
        created_at: at,
        display_name: script.display_name.clone(),
        icon: script.icon.clone(),
    };
    let row = scripts::Model {
        id: Uuid::new_v4(),
        agent_id: agent.as_uuid(),
        log_source_id: source.id,
        created_at: at,
        display_name: script.display_name.clone(),
        log_path: script.log_path.clone(),
        script: script.script.clone(),
        cron: script.cron.clone(),
        timeout_seconds: script.timeout_seconds,
        start_blocks_login: script.start_blocks_login,
        run_on_start: script.run_on_start,
        run_on_stop: script.run_on_stop,
        display_order: position,
        started_at: None,
        ended_at: None,
        exit_code: None,
        status: None,
    };
    (source, row)
}

fn app_row(agent: AgentId, app: &App, at: DateTime<Utc>) -> apps::Model {
    let check = app.healthcheck.as_ref();
    let health = if check.is_some() { AppHealth::Initializing } else { AppHealth::Disabled };
    apps::Model {
        id: Uuid::parse_str(&app.terraform_id).unwrap_or_else(|_| Uuid::new_v4()),
        agent_id: agent.as_uuid(),
        created_at: at,
        slug: app.slug.clone(),
        display_name: app.display_name.clone(),
        icon: app.icon.clone(),
        command: some(&app.command),
        url: some(&app.url),
        external: app.external,
        subdomain: app.subdomain,
        sharing_level: app.share.clone(),
        healthcheck_url: check.map(|check| check.url.clone()).unwrap_or_default(),
        healthcheck_interval: check.map_or(0, |check| check.interval),
        healthcheck_threshold: check.map_or(0, |check| check.threshold),
        health: health.to_string(),
        display_order: app.order,
        display_group: some(&app.group),
        hidden: app.hidden,
        open_in: app.open_in.clone(),
        tooltip: app.tooltip.clone(),
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
