//! Agents: connections, lifecycle, reports and logs.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, NotSet, QueryFilter, QueryOrder, QuerySelect,
    Set, UpdateMany,
    sea_query::{Expr, Func, OnConflict},
};
use serde_json::json;
use uuid::Uuid;
use warren_vocab::{AgentId, AgentLifecycle, LogLevel, LogSourceId, ScriptId, WorkspaceId};

use super::{agent_links, workspaces};
use crate::{
    DbError, DbResult, Tx, channels,
    entity::{
        workspace_agent_boots as boots, workspace_agent_logs as logs, workspace_agent_scripts as scripts,
        workspace_agents as agents, workspace_host_keys as host_keys,
    },
};

/// Rows in one insert statement, well below the databases' limits on bound values.
const INSERT_ROWS_MAX: usize = 1000;

/// A log line to store.
#[derive(Debug, Clone)]
pub struct NewLog {
    pub source_id: LogSourceId,
    pub created_at: DateTime<Utc>,
    pub level: LogLevel,
    pub output: String,
}

/// How a script ended.
#[derive(Debug, Clone)]
pub struct ScriptEnd {
    pub script: ScriptId,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub exit_code: i32,
    pub status: &'static str,
}

/// Finds an agent.
pub async fn by_id(connection: &impl ConnectionTrait, id: AgentId) -> DbResult<Option<agents::Model>> {
    Ok(agents::Entity::find_by_id(id.as_uuid()).one(connection).await?)
}

/// Writes down that an agent connected by a new control connection.
pub async fn connected(
    tx: &Tx,
    id: AgentId,
    workspace: WorkspaceId,
    control: Uuid,
    versions: (&str, &str),
    now: DateTime<Utc>,
) -> DbResult<()> {
    let (version, api_version) = versions;
    let first = Func::coalesce([Expr::col(agents::Column::FirstConnectedAt), Expr::value(now)]);
    let update = update(id)
        .col_expr(agents::Column::FirstConnectedAt, first.into())
        .col_expr(agents::Column::LastConnectedAt, Expr::value(now))
        .col_expr(agents::Column::DisconnectedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(agents::Column::Version, Expr::value(version))
        .col_expr(agents::Column::ApiVersion, Expr::value(api_version));
    update.exec(tx).await?;
    agent_links::set_control(tx, id, control).await?;
    workspaces::notify_changed(tx, workspace);
    Ok(())
}

/// Writes down that an agent is still connected.
pub async fn seen(tx: &Tx, id: AgentId, now: DateTime<Utc>) -> DbResult<()> {
    update(id).col_expr(agents::Column::LastConnectedAt, Expr::value(now)).exec(tx).await?;
    Ok(())
}

/// Writes down that a control connection of an agent ended. The end of one that a newer one has replaced, perhaps at
/// another server, changes nothing.
pub async fn disconnected(
    tx: &Tx,
    id: AgentId,
    workspace: WorkspaceId,
    control: Uuid,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let links = agent_links::find(tx, &[id]).await?;
    if links.first().is_some_and(|link| link.control_id.is_some_and(|newest| newest != control)) {
        return Ok(());
    }
    let update = update(id)
        .col_expr(agents::Column::LastConnectedAt, Expr::value(now))
        .col_expr(agents::Column::DisconnectedAt, Expr::value(now));
    update.exec(tx).await?;
    workspaces::notify_changed(tx, workspace);
    Ok(())
}

/// The number of the last stored report of an agent process; 0 when none is.
pub async fn last_sequence(connection: &impl ConnectionTrait, id: AgentId, boot: Uuid) -> DbResult<u64> {
    let row = boots::Entity::find_by_id((id.as_uuid(), boot)).one(connection).await?;
    Ok(row.map_or(0, |row| row.last_sequence.cast_unsigned()))
}

/// Moves the number of the last stored report forward.
pub async fn set_last_sequence(tx: &Tx, id: AgentId, boot: Uuid, sequence: u64) -> DbResult<()> {
    let last_sequence = i64::try_from(sequence).map_err(|_| DbError::Corrupt { what: "report number" })?;
    let row = boots::Model { agent_id: id.as_uuid(), boot_id: boot, last_sequence };
    let mut conflict = OnConflict::columns([boots::Column::AgentId, boots::Column::BootId]);
    conflict.update_column(boots::Column::LastSequence);
    boots::Entity::insert(row.into_active_model()).on_conflict(conflict).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores what an agent found out when it started.
pub async fn set_startup(
    tx: &Tx,
    id: AgentId,
    workspace: WorkspaceId,
    version: &str,
    expanded_directory: &str,
    subsystems: &[String],
) -> DbResult<()> {
    let update = update(id)
        .col_expr(agents::Column::Version, Expr::value(version))
        .col_expr(agents::Column::ExpandedDirectory, Expr::value(expanded_directory))
        .col_expr(agents::Column::Subsystems, Expr::value(json!(subsystems)));
    update.exec(tx).await?;
    workspaces::notify_changed(tx, workspace);
    Ok(())
}

/// Stores a lifecycle state and the times that follow from it.
pub async fn set_lifecycle(
    tx: &Tx,
    id: AgentId,
    workspace: WorkspaceId,
    state: AgentLifecycle,
    changed_at: DateTime<Utc>,
) -> DbResult<()> {
    let mut update = update(id).col_expr(agents::Column::LifecycleState, Expr::value(state.as_str()));
    update = match state {
        AgentLifecycle::Starting => update
            .col_expr(agents::Column::StartedAt, Expr::value(changed_at))
            .col_expr(agents::Column::ReadyAt, Expr::value(None::<DateTime<Utc>>)),
        AgentLifecycle::Ready | AgentLifecycle::StartTimeout | AgentLifecycle::StartError => {
            update.col_expr(agents::Column::ReadyAt, Expr::value(changed_at))
        }
        AgentLifecycle::Created
        | AgentLifecycle::ShuttingDown
        | AgentLifecycle::ShutdownTimeout
        | AgentLifecycle::ShutdownError
        | AgentLifecycle::Off => update,
    };
    update.exec(tx).await?;
    workspaces::notify_changed(tx, workspace);
    Ok(())
}

/// Stores how a script of the agent ended.
pub async fn script_ended(tx: &Tx, id: AgentId, end: &ScriptEnd) -> DbResult<()> {
    let update = scripts::Entity::update_many()
        .col_expr(scripts::Column::StartedAt, Expr::value(end.started_at))
        .col_expr(scripts::Column::EndedAt, Expr::value(end.ended_at))
        .col_expr(scripts::Column::ExitCode, Expr::value(end.exit_code))
        .col_expr(scripts::Column::Status, Expr::value(end.status))
        .filter(scripts::Column::Id.eq(end.script.as_uuid()))
        .filter(scripts::Column::AgentId.eq(id.as_uuid()));
    update.exec(tx).await?;
    Ok(())
}

/// Adds log lines and sets the agent's new length; wakes the followers.
pub async fn append_logs(
    tx: &Tx,
    id: AgentId,
    lines: &[NewLog],
    length: i32,
    overflowed: bool,
) -> DbResult<()> {
    for chunk in lines.chunks(INSERT_ROWS_MAX) {
        let rows = chunk.iter().map(|line| logs::ActiveModel {
            id: NotSet,
            agent_id: Set(id.as_uuid()),
            log_source_id: Set(line.source_id.as_uuid()),
            created_at: Set(line.created_at),
            level: Set(line.level.to_string()),
            output: Set(line.output.clone()),
        });
        logs::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    let update = update(id)
        .col_expr(agents::Column::LogsLength, Expr::value(length))
        .col_expr(agents::Column::LogsOverflowed, Expr::value(overflowed));
    update.exec(tx).await?;
    tx.notify(channels::agent_logs(id), json!({}));
    Ok(())
}

/// Lists log lines with an id above `after`, oldest first.
pub async fn logs_after(
    connection: &impl ConnectionTrait,
    id: AgentId,
    after: i64,
    limit: u64,
) -> DbResult<Vec<logs::Model>> {
    let query = logs::Entity::find().filter(logs::Column::AgentId.eq(id.as_uuid()));
    let query = query.filter(logs::Column::Id.gt(after)).order_by_asc(logs::Column::Id).limit(limit);
    Ok(query.all(connection).await?)
}

/// Finds the sealed host key seed of a workspace's agent.
pub async fn host_key(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    agent_name: &str,
) -> DbResult<Option<Vec<u8>>> {
    let key = (workspace.as_uuid(), agent_name.to_owned());
    let row = host_keys::Entity::find_by_id(key).one(connection).await?;
    Ok(row.map(|row| row.sealed_seed))
}

/// Adds the sealed host key seed of a workspace's agent.
pub async fn insert_host_key(
    tx: &Tx,
    workspace: WorkspaceId,
    agent_name: &str,
    sealed_seed: Vec<u8>,
) -> DbResult<()> {
    let workspace_id = workspace.as_uuid();
    let row = host_keys::Model { workspace_id, agent_name: agent_name.to_owned(), sealed_seed };
    host_keys::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

fn update(id: AgentId) -> UpdateMany<agents::Entity> {
    agents::Entity::update_many().filter(agents::Column::Id.eq(id.as_uuid()))
}
