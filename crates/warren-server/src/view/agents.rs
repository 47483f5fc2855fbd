//! Resources of builds and the agents, scripts, apps and logs below them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;
use warren_api::agents::{
    Healthcheck, WorkspaceAgent, WorkspaceAgentHealth, WorkspaceAgentLog, WorkspaceAgentLogSource,
    WorkspaceAgentScript, WorkspaceApp, WorkspaceResource, WorkspaceResourceMetadata,
};
use warren_app::{actor, agents::agent_status};
use warren_db::{
    entity::{
        workspace_agent_log_sources as log_sources, workspace_agent_logs as logs,
        workspace_agent_scripts as scripts, workspace_agents as agents, workspace_apps as apps,
        workspace_resource_metadata as metadata, workspace_resources as resources,
    },
    query::resources::ResourceRows,
};
use warren_vocab::{
    AgentId, AgentLifecycle, AgentStatus, AppId, JobId, LogSourceId, ResourceId, ScriptId,
    StartupScriptBehavior,
};

use super::word;
use crate::error::ApiResult;

const NANOSECONDS: i64 = 1_000_000_000;

/// Shows the resources of one job with everything below them, as it is at `at`.
pub(crate) fn resources_of(
    rows: &ResourceRows,
    job: JobId,
    at: DateTime<Utc>,
) -> ApiResult<Vec<WorkspaceResource>> {
    let mine = rows.resources.iter().filter(|row| row.job_id == job.as_uuid());
    mine.map(|row| resource(row, rows, at)).collect()
}

/// Shows one agent, as it is at `at`.
pub(crate) fn agent(
    row: &agents::Model,
    rows: &ResourceRows,
    at: DateTime<Utc>,
) -> ApiResult<WorkspaceAgent> {
    let status = agent_status(row, at);
    let lifecycle_state: AgentLifecycle = word(&row.lifecycle_state, "agent lifecycle state")?;
    let of = |id: Uuid| id == row.id;
    let scripts: Vec<_> = rows.scripts.iter().filter(|one| of(one.agent_id)).map(script).collect();
    let blocking = scripts.iter().any(|script| script.start_blocks_login);
    let display_apps = actor::names(&row.display_apps).map(|name| word(name, "display app"));
    Ok(WorkspaceAgent {
        id: AgentId::from_uuid(row.id),
        parent_id: row.parent_id.map(AgentId::from_uuid),
        created_at: row.created_at,
        updated_at: row.updated_at,
        first_connected_at: row.first_connected_at,
        last_connected_at: row.last_connected_at,
        disconnected_at: row.disconnected_at,
        started_at: row.started_at,
        ready_at: row.ready_at,
        status,
        lifecycle_state,
        name: row.name.clone(),
        resource_id: ResourceId::from_uuid(row.resource_id),
        instance_id: row.auth_instance_id.clone(),
        architecture: row.architecture.clone(),
        environment_variables: variables(&row.environment_variables),
        operating_system: row.operating_system.clone(),
        logs_length: row.logs_length.into(),
        logs_overflowed: row.logs_overflowed,
        directory: filled(&row.directory),
        expanded_directory: filled(&row.expanded_directory),
        version: row.version.clone(),
        api_version: row.api_version.clone(),
        apps: rows.apps.iter().filter(|one| of(one.agent_id)).map(app).collect::<ApiResult<_>>()?,
        connection_timeout_seconds: row.connection_timeout_seconds,
        troubleshooting_url: row.troubleshooting_url.clone(),
        subsystems: actor::names(&row.subsystems).map(str::to_owned).collect(),
        health: health(status, lifecycle_state),
        display_apps: display_apps.collect::<ApiResult<_>>()?,
        log_sources: rows.log_sources.iter().filter(|one| of(one.agent_id)).map(log_source).collect(),
        scripts,
        startup_script_behavior: if blocking {
            StartupScriptBehavior::Blocking
        } else {
            StartupScriptBehavior::NonBlocking
        },
    })
}

/// Shows a log line.
pub(crate) fn log(row: &logs::Model) -> ApiResult<WorkspaceAgentLog> {
    Ok(WorkspaceAgentLog {
        id: row.id,
        created_at: row.created_at,
        output: row.output.clone(),
        level: word(&row.level, "log level")?,
        source_id: LogSourceId::from_uuid(row.log_source_id),
    })
}

/// The variables that the template gives an agent.
pub(crate) fn variables(stored: &Value) -> BTreeMap<String, String> {
    let pairs = stored.as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn resource(row: &resources::Model, rows: &ResourceRows, at: DateTime<Utc>) -> ApiResult<WorkspaceResource> {
    let of = |id: Uuid| id == row.id;
    let agents = rows.agents.iter().filter(|one| of(one.resource_id)).map(|one| agent(one, rows, at));
    Ok(WorkspaceResource {
        id: ResourceId::from_uuid(row.id),
        created_at: row.created_at,
        job_id: JobId::from_uuid(row.job_id),
        workspace_transition: word(&row.transition, "transition")?,
        resource_type: row.type_.clone(),
        name: row.name.clone(),
        hide: row.hide,
        icon: row.icon.clone(),
        agents: agents.collect::<ApiResult<_>>()?,
        metadata: rows.metadata.iter().filter(|one| of(one.resource_id)).map(fact).collect(),
        daily_cost: row.daily_cost.into(),
    })
}

/// The value of a sensitive fact stays in the database.
fn fact(row: &metadata::Model) -> WorkspaceResourceMetadata {
    let value = row.value.clone().filter(|_| !row.sensitive).unwrap_or_default();
    WorkspaceResourceMetadata { key: row.key.clone(), value, sensitive: row.sensitive }
}

fn script(row: &scripts::Model) -> WorkspaceAgentScript {
    WorkspaceAgentScript {
        id: ScriptId::from_uuid(row.id),
        log_source_id: LogSourceId::from_uuid(row.log_source_id),
        log_path: row.log_path.clone(),
        script: row.script.clone(),
        cron: row.cron.clone(),
        run_on_start: row.run_on_start,
        run_on_stop: row.run_on_stop,
        start_blocks_login: row.start_blocks_login,
        timeout: i64::from(row.timeout_seconds) * NANOSECONDS,
        display_name: row.display_name.clone(),
        exit_code: row.exit_code,
        status: row.status.clone(),
    }
}

fn log_source(row: &log_sources::Model) -> WorkspaceAgentLogSource {
    WorkspaceAgentLogSource {
        workspace_agent_id: AgentId::from_uuid(row.agent_id),
        id: LogSourceId::from_uuid(row.id),
        created_at: row.created_at,
        display_name: row.display_name.clone(),
        icon: row.icon.clone(),
    }
}

fn app(row: &apps::Model) -> ApiResult<WorkspaceApp> {
    let healthcheck = (!row.healthcheck_url.is_empty()).then(|| Healthcheck {
        url: row.healthcheck_url.clone(),
        interval: row.healthcheck_interval,
        threshold: row.healthcheck_threshold,
    });
    Ok(WorkspaceApp {
        id: AppId::from_uuid(row.id),
        url: row.url.clone(),
        external: row.external,
        slug: row.slug.clone(),
        display_name: filled(&row.display_name),
        command: row.command.clone(),
        icon: filled(&row.icon),
        subdomain: row.subdomain,
        subdomain_name: None,
        sharing_level: word(&row.sharing_level, "sharing level")?,
        healthcheck,
        health: word(&row.health, "app health")?,
        group: row.display_group.clone(),
        hidden: row.hidden,
        open_in: word(&row.open_in, "way to open an app")?,
        tooltip: filled(&row.tooltip),
        statuses: Vec::new(),
    })
}

fn health(status: AgentStatus, lifecycle: AgentLifecycle) -> WorkspaceAgentHealth {
    let reason = match (status, lifecycle) {
        (AgentStatus::Connecting, _) => Some("the agent has not connected yet"),
        (AgentStatus::Timeout, _) => Some("the agent did not connect in the time that the template allows"),
        (AgentStatus::Disconnected, _) => Some("the agent is not connected any more"),
        (AgentStatus::Connected, AgentLifecycle::StartError) => Some("a start script of the agent failed"),
        (AgentStatus::Connected, AgentLifecycle::StartTimeout) => {
            Some("a start script of the agent ran too long")
        }
        (
            AgentStatus::Connected,
            AgentLifecycle::ShuttingDown
            | AgentLifecycle::ShutdownTimeout
            | AgentLifecycle::ShutdownError
            | AgentLifecycle::Off,
        ) => Some("the agent has shut down or is about to"),
        (
            AgentStatus::Connected,
            AgentLifecycle::Created | AgentLifecycle::Starting | AgentLifecycle::Ready,
        ) => None,
    };
    WorkspaceAgentHealth { healthy: reason.is_none(), reason: reason.map(str::to_owned) }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
