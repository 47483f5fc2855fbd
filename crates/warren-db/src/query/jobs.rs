//! The job queue and the logs of jobs, for whoever carries jobs out.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;
use warren_vocab::{JobId, JobType, LogLevel, LogSource};

use crate::{
    DbResult, Tx, channels,
    entity::{provisioner_job_logs as logs, provisioner_jobs::*},
};

/// Rows in one INSERT; SQLite allows 32766 values in a statement.
const INSERT_ROWS_MAX: usize = 1000;

/// The columns that the life cycle of a job changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub updated_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub canceled_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub worker_id: Option<Uuid>,
    pub error: Option<String>,
    pub error_code: Option<String>,
}

/// A line to add to a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJobLog {
    pub created_at: DateTime<Utc>,
    pub source: LogSource,
    pub level: LogLevel,
    pub stage: String,
    pub output: String,
}

/// Finds the job that has waited longest. Those of kinds that only a newer program knows wait for it.
pub async fn oldest_pending(connection: &impl ConnectionTrait) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(Column::StartedAt.is_null()).filter(Column::CompletedAt.is_null());
    let query = query.filter(Column::Type.is_in(JobType::ALL.iter().map(|kind| kind.as_str())));
    Ok(query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).one(connection).await?)
}

/// Lists jobs that a worker has begun and not ended.
pub async fn begun(connection: &impl ConnectionTrait) -> DbResult<Vec<Model>> {
    let query = Entity::find().filter(Column::StartedAt.is_not_null()).filter(Column::CompletedAt.is_null());
    Ok(query.order_by_asc(Column::CreatedAt).all(connection).await?)
}

/// Reports whether a worker has begun a workspace build and not ended it.
pub async fn is_building(connection: &impl ConnectionTrait) -> DbResult<bool> {
    let query = Entity::find()
        .filter(Column::StartedAt.is_not_null())
        .filter(Column::CompletedAt.is_null())
        .filter(Column::Type.eq(JobType::WorkspaceBuild.as_str()));
    Ok(query.one(connection).await?.is_some())
}

/// Lists jobs without an end that have not changed since a time, which is another one for those that nobody has begun. The
/// most silent come first.
pub async fn silent_since(
    connection: &impl ConnectionTrait,
    running: DateTime<Utc>,
    pending: DateTime<Utc>,
    limit: u64,
) -> DbResult<Vec<Model>> {
    let begun = Condition::all().add(Column::StartedAt.is_not_null()).add(Column::UpdatedAt.lt(running));
    let waiting = Condition::all().add(Column::StartedAt.is_null()).add(Column::UpdatedAt.lt(pending));
    let query = Entity::find().filter(Column::CompletedAt.is_null());
    let query = query.filter(Condition::any().add(begun).add(waiting));
    Ok(query.order_by_asc(Column::UpdatedAt).limit(limit).all(connection).await?)
}

/// Stores a step of a job's life.
pub async fn set_progress(tx: &Tx, id: JobId, progress: Progress) -> DbResult<()> {
    let update = Entity::update_many()
        .col_expr(Column::UpdatedAt, Expr::value(progress.updated_at))
        .col_expr(Column::StartedAt, Expr::value(progress.started_at))
        .col_expr(Column::CanceledAt, Expr::value(progress.canceled_at))
        .col_expr(Column::CompletedAt, Expr::value(progress.completed_at))
        .col_expr(Column::WorkerId, Expr::value(progress.worker_id))
        .col_expr(Column::Error, Expr::value(progress.error))
        .col_expr(Column::ErrorCode, Expr::value(progress.error_code))
        .filter(Column::Id.eq(id.as_uuid()));
    update.exec(tx).await?;
    Ok(())
}

/// Tells, after the commit, the readers of a job's log that it has grown or ended.
pub fn notify_logs(tx: &Tx, id: JobId) {
    tx.notify(channels::job_logs(id), json!({}));
}

/// Adds lines to a job's log and sets its length in bytes; wakes the readers.
pub async fn append_logs(
    tx: &Tx,
    id: JobId,
    lines: &[NewJobLog],
    length: i32,
    overflowed: bool,
) -> DbResult<()> {
    for chunk in lines.chunks(INSERT_ROWS_MAX) {
        let rows = chunk.iter().map(|line| logs::ActiveModel {
            id: NotSet,
            job_id: Set(id.as_uuid()),
            created_at: Set(line.created_at),
            source: Set(line.source.to_string()),
            level: Set(line.level.to_string()),
            stage: Set(line.stage.clone()),
            output: Set(line.output.clone()),
        });
        logs::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    let update = Entity::update_many()
        .col_expr(Column::LogsLength, Expr::value(length))
        .col_expr(Column::LogsOverflowed, Expr::value(overflowed));
    update.filter(Column::Id.eq(id.as_uuid())).exec(tx).await?;
    notify_logs(tx, id);
    Ok(())
}

/// Lists log lines with an id above `after`, oldest first.
pub async fn logs_after(
    connection: &impl ConnectionTrait,
    id: JobId,
    after: i64,
    limit: u64,
) -> DbResult<Vec<logs::Model>> {
    let query = logs::Entity::find().filter(logs::Column::JobId.eq(id.as_uuid()));
    let query = query.filter(logs::Column::Id.gt(after)).order_by_asc(logs::Column::Id).limit(limit);
    Ok(query.all(connection).await?)
}

/// Returns the stage of a job's last log line.
pub async fn last_stage(connection: &impl ConnectionTrait, id: JobId) -> DbResult<Option<String>> {
    let query = logs::Entity::find().filter(logs::Column::JobId.eq(id.as_uuid()));
    let last = query.order_by_desc(logs::Column::Id).one(connection).await?;
    Ok(last.map(|line| line.stage))
}

/// Reads the inputs of jobs in the order of their ids, after one of them.
pub async fn inputs_after(
    connection: &impl ConnectionTrait,
    after: Option<Uuid>,
    limit: u64,
) -> DbResult<Vec<(Uuid, serde_json::Value)>> {
    let mut query = Entity::find().select_only().column(Column::Id).column(Column::Input);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    let limit = Ord::min(limit, super::NUMBER_MAX);
    Ok(query.order_by_asc(Column::Id).limit(limit).into_tuple().all(connection).await?)
}

/// Writes the input of a job.
pub async fn set_input(tx: &Tx, id: Uuid, input: serde_json::Value) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::Input, Expr::value(input));
    update.filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}
