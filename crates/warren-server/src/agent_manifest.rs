//! Rows into the messages of the agent protocol and back.

use warren_app::agents::{AgentBriefing, AgentReport};
use warren_db::{
    entity::{workspace_agent_scripts as scripts, workspace_apps as apps},
    query::agents::{NewLog, ScriptEnd},
};
use warren_vocab::{AgentId, AppId, LogSourceId, ScriptId, WorkspaceId};
use warren_wire::agent::{App, Manifest, ReportBody, Script};

use crate::view;

/// What the agent is told when it connects.
pub(crate) fn manifest(briefing: &AgentBriefing) -> Manifest {
    let (agent, rows) = (&briefing.detail.owner.agent, &briefing.detail.rows);
    Manifest {
        agent_id: AgentId::from_uuid(agent.id),
        agent_name: agent.name.clone(),
        owner_username: briefing.owner_username.clone(),
        workspace_id: WorkspaceId::from_uuid(briefing.detail.owner.workspace.id),
        workspace_name: briefing.detail.owner.workspace.name.clone(),
        directory: agent.directory.clone(),
        environment_variables: view::agents::variables(&agent.environment_variables),
        vs_code_port_proxy_uri: String::new(),
        motd_path: agent.motd_file.clone(),
        host_key_seed: hex(&briefing.host_key_seed),
        scripts: rows.scripts.iter().map(script).collect(),
        apps: rows.apps.iter().map(app).collect(),
    }
}

/// A report as the use case takes it.
pub(crate) fn report(body: ReportBody) -> AgentReport {
    match body {
        ReportBody::Startup(startup) => AgentReport::Startup {
            version: startup.version,
            expanded_directory: startup.expanded_directory,
            subsystems: startup.subsystems,
        },
        ReportBody::Lifecycle(lifecycle) => {
            AgentReport::Lifecycle { state: lifecycle.state, changed_at: lifecycle.changed_at }
        }
        ReportBody::Logs(batch) => {
            let source_id = batch.source_id;
            let line = |line: warren_wire::agent::LogLine| NewLog {
                source_id,
                created_at: line.created_at,
                level: line.level,
                output: line.output,
            };
            AgentReport::Logs {
                lines: batch.lines.into_iter().map(line).collect(),
                truncated: batch.truncated,
            }
        }
        ReportBody::ScriptCompleted(done) => AgentReport::ScriptEnded(ScriptEnd {
            script: done.script_id,
            started_at: done.started_at,
            ended_at: done.ended_at,
            exit_code: done.exit_code,
            status: done.status.as_str(),
        }),
    }
}

fn script(row: &scripts::Model) -> Script {
    Script {
        id: ScriptId::from_uuid(row.id),
        log_source_id: LogSourceId::from_uuid(row.log_source_id),
        log_path: row.log_path.clone(),
        script: row.script.clone(),
        cron: row.cron.clone(),
        run_on_start: row.run_on_start,
        run_on_stop: row.run_on_stop,
        start_blocks_login: row.start_blocks_login,
        timeout_seconds: u64::try_from(row.timeout_seconds).unwrap_or(0),
        display_name: row.display_name.clone(),
    }
}

fn app(row: &apps::Model) -> App {
    App {
        id: AppId::from_uuid(row.id),
        slug: row.slug.clone(),
        url: row.url.clone().unwrap_or_default(),
        command: row.command.clone().unwrap_or_default(),
        external: row.external,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
