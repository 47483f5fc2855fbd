//! Copying a deployment's rows from one database to another, on any two engines.
//!
//! Owns the order of the tables and the check that nothing was lost. The key that seals secrets is a file beside the
//! database and stays where it is. Must not change the source.

mod counter;
mod table;

use sea_orm::DbErr;
use thiserror::Error;

use crate::{
    Database, DbError, Location, OpenError, Tx, database::Transaction, entity, migration::m0022_chat_fences,
};

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    pub table: &'static str,
    pub n_copied: u64,
    /// Rows of this table in the source.
    pub n_rows: u64,
}

/// What was copied: rows per table, in the order of copying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyReport {
    pub tables: Vec<(&'static str, u64)>,
}

/// Why nothing was copied. The target is as it was, apart from empty tables.
#[derive(Debug, Error)]
pub enum CopyError {
    #[error("source and target are the same database")]
    Same,
    #[error("the target already holds a deployment (rows in {table}); give an empty database")]
    NotEmpty { table: &'static str },
    #[error(
        "{table} has {source_rows} rows in the source but {target_rows} arrived; stop all servers and try again"
    )]
    Count { table: &'static str, source_rows: u64, target_rows: u64 },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the copy failed")]
    Db(#[from] DbError),
}

impl From<DbErr> for CopyError {
    fn from(error: DbErr) -> Self {
        Self::Db(error.into())
    }
}

/// Rows read and written at once where rows are small.
const SMALL: u64 = 500;
/// Rows read and written at once where one row may hold a whole archive.
const BIG: u64 = 4;

/// Calls a macro with every table and its batch size; a table comes after those that it refers to.
macro_rules! for_each_table {
    ($call:ident) => {
        $call! {
            users SMALL, user_settings SMALL, git_ssh_keys SMALL, user_links SMALL, sealing_keys SMALL,
            deployment_settings SMALL, api_keys SMALL, organizations SMALL, custom_roles SMALL, organization_members SMALL, audit_logs SMALL, files BIG, provisioner_jobs SMALL,
            provisioner_job_logs SMALL, templates SMALL, template_versions SMALL,
            template_version_parameters SMALL, template_version_variables SMALL, workspaces SMALL,
            workspace_builds SMALL, workspace_build_parameters SMALL, workspace_build_states BIG,
            workspace_resources SMALL, workspace_resource_metadata SMALL, workspace_agents SMALL,
            workspace_agent_boots SMALL, workspace_agent_links SMALL, workspace_agent_metadata SMALL, workspace_agent_log_sources SMALL,
            workspace_agent_scripts SMALL, workspace_agent_logs SMALL, workspace_apps SMALL,
            workspace_host_keys SMALL, ai_providers SMALL, ai_provider_keys SMALL,
            user_ai_provider_keys SMALL, chat_model_configs SMALL,
            chats SMALL, chat_messages SMALL, chat_queued_messages SMALL, chat_parts SMALL, chat_tool_calls SMALL,
            chat_reservations SMALL, chat_cut_calls SMALL, chat_requests SMALL, user_chat_spend_limits SMALL, replicas SMALL, mesh_keys SMALL,
        }
    };
}

macro_rules! names {
    ($($table:ident $batch:ident),* $(,)?) => {
        /// All tables in the order of copying.
        pub const TABLES: &[&str] = &[$(stringify!($table)),*];
    };
}
for_each_table!(names);

/// Tables that migrations put rows into. These rows are replaced by those of the source.
const SEEDED: &[&str] = &["organizations"];

/// Copies all rows from one database into another, empty one, in one transaction, and compares the counts.
///
/// Both databases are brought up to date first. No server may use the source meanwhile: writers of a PostgreSQL source
/// are kept waiting, and an SQLite source is locked.
///
/// # Errors
/// Fails without a trace in the target when it is not empty, when a database cannot be opened or when counts differ.
pub async fn copy(
    from: &Location,
    to: &Location,
    mut progress: impl FnMut(CopyProgress),
) -> Result<CopyReport, CopyError> {
    if from == to {
        return Err(CopyError::Same);
    }
    let source = Database::open(from).await?;
    let target = Database::open(to).await?;
    for database in [&source, &target] {
        if let Some(migration) = database.newer() {
            // What this program does not know would be left behind.
            let (location, migration) = (database.location().clone(), migration.to_owned());
            return Err(OpenError::TooNew { location, migration }.into());
        }
    }
    let copied = between(&source, &target, &mut progress).await;
    source.close().await?;
    target.close().await?;
    copied
}

async fn between(
    source: &Database,
    target: &Database,
    progress: &mut impl FnMut(CopyProgress),
) -> Result<CopyReport, CopyError> {
    // Keeps the writers of other servers out until the end; it writes nothing.
    source
        .write(async |waiting: &Tx| {
            // One database waits while the other works.
            waiting.be_patient().await?;
            let snapshot = source.snapshot().await?;
            snapshot.be_patient().await?;
            let copied = target.write(async |tx| copy_all(&snapshot, tx, progress).await).await;
            snapshot.rollback().await?;
            copied
        })
        .await
}

async fn copy_all(
    source: &Transaction,
    target: &Tx,
    progress: &mut impl FnMut(CopyProgress),
) -> Result<CopyReport, CopyError> {
    target.be_patient().await?;
    let mut tables = Vec::with_capacity(TABLES.len());
    macro_rules! require_empty {
        ($($table:ident $batch:ident),* $(,)?) => {
            $(table::require_empty::<entity::$table::Entity>(target, stringify!($table)).await?;)*
        };
    }
    macro_rules! copy_each {
        ($($table:ident $batch:ident),* $(,)?) => {
            $(
                let name = stringify!($table);
                let n_rows = table::copy::<entity::$table::Entity>(source, target, name, $batch, progress).await?;
                tables.push((name, n_rows));
            )*
        };
    }
    for_each_table!(require_empty);
    m0022_chat_fences::lower(target).await?;
    for_each_table!(copy_each);
    m0022_chat_fences::raise(target).await?;
    Ok(CopyReport { tables })
}
