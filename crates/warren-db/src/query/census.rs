//! How many of what there are, by status: for operators.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use crate::DbResult;

/// How many rows have a status.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Count {
    pub status: String,
    pub number: i64,
}

/// How many workspaces have a newest build with this transition, whose job has this status.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct BuildCount {
    pub transition: String,
    /// A job status.
    pub status: String,
    pub number: i64,
}

/// The status of a job, as everywhere derived from its times and error.
const JOB_STATUS: &str = "CASE
    WHEN jobs.completed_at IS NULL AND jobs.canceled_at IS NOT NULL THEN 'canceling'
    WHEN jobs.completed_at IS NULL AND jobs.started_at IS NOT NULL THEN 'running'
    WHEN jobs.completed_at IS NULL THEN 'pending'
    WHEN jobs.canceled_at IS NOT NULL THEN 'canceled'
    WHEN COALESCE(jobs.error, '') <> '' THEN 'failed'
    ELSE 'succeeded' END";

/// Counts the workspaces that are not deleted by their newest build.
pub async fn workspaces(connection: &impl ConnectionTrait) -> DbResult<Vec<BuildCount>> {
    let sql = format!(
        "SELECT builds.transition AS transition, {JOB_STATUS} AS status, COUNT(*) AS number
        FROM workspaces
        JOIN workspace_builds AS builds ON builds.workspace_id = workspaces.id
        JOIN provisioner_jobs AS jobs ON jobs.id = builds.job_id
        WHERE NOT workspaces.deleted
        AND builds.build_number = (
            SELECT MAX(newest.build_number) FROM workspace_builds AS newest
            WHERE newest.workspace_id = workspaces.id
        )
        GROUP BY 1, 2"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    Ok(BuildCount::find_by_statement(statement).all(connection).await?)
}

/// Counts the jobs that have not ended.
pub async fn open_jobs(connection: &impl ConnectionTrait) -> DbResult<Vec<Count>> {
    counts(
        connection,
        format!(
            "SELECT {JOB_STATUS} AS status, COUNT(*) AS number
            FROM provisioner_jobs AS jobs
            WHERE jobs.completed_at IS NULL
            GROUP BY 1"
        ),
    )
    .await
}

/// Counts the chats that are not archived.
pub async fn chats(connection: &impl ConnectionTrait) -> DbResult<Vec<Count>> {
    let sql = "SELECT status, COUNT(*) AS number FROM chats WHERE NOT archived GROUP BY status";
    counts(connection, sql.to_owned()).await
}

/// Counts the accounts that are not deleted.
pub async fn users(connection: &impl ConnectionTrait) -> DbResult<Vec<Count>> {
    let sql = "SELECT status, COUNT(*) AS number FROM users WHERE NOT deleted GROUP BY status";
    counts(connection, sql.to_owned()).await
}

async fn counts(connection: &impl ConnectionTrait, sql: String) -> DbResult<Vec<Count>> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    Ok(Count::find_by_statement(statement).all(connection).await?)
}
