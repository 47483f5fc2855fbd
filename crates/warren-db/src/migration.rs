//! Migrations: one idea per file, forward only. A file's name is its identity in the database, so files are never renamed.
//! A new one says in [`compatibility`] which older programs may run beside it.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::{prelude::*, schema::text};

mod compatibility;
mod m0001_identity;
mod m0002_jobs;
mod m0003_templates;
mod m0004_workspaces;
mod m0005_agents;
mod m0010_agent_connections;
mod m0020_ai_models;
mod m0021_chats;
pub(crate) mod m0022_chat_fences;
mod m0030_users;
mod m0031_service_accounts;
mod m0035_user_links;
mod m0040_audit_logs;
mod m0045_organization_roles;
mod m0055_deployment_settings;
mod m0060_replicas;
mod m0065_schema_compatibility;
mod m0066_agent_links;
mod m0067_chat_cut_calls;
mod m0068_steady_replicas;

/// Why the database cannot be brought up to date.
#[derive(Debug)]
pub enum MigrateError {
    /// The database holds a migration that this program does not know and cannot run with.
    TooNew {
        migration: String,
    },
    /// Servers run that could not go on after a migration.
    OlderRuns {
        migration: String,
    },
    Failed(DbErr),
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_identity::Migration),
            Box::new(m0002_jobs::Migration),
            Box::new(m0003_templates::Migration),
            Box::new(m0004_workspaces::Migration),
            Box::new(m0005_agents::Migration),
            Box::new(m0010_agent_connections::Migration),
            Box::new(m0020_ai_models::Migration),
            Box::new(m0021_chats::Migration),
            Box::new(m0022_chat_fences::Migration),
            Box::new(m0030_users::Migration),
            Box::new(m0031_service_accounts::Migration),
            Box::new(m0035_user_links::Migration),
            Box::new(m0040_audit_logs::Migration),
            Box::new(m0045_organization_roles::Migration),
            Box::new(m0055_deployment_settings::Migration),
            Box::new(m0060_replicas::Migration),
            Box::new(m0065_schema_compatibility::Migration),
            Box::new(m0066_agent_links::Migration),
            Box::new(m0067_chat_cut_calls::Migration),
            Box::new(m0068_steady_replicas::Migration),
        ]
    }
}

/// Applies the missing migrations. The caller holds the lock that keeps other servers away. Gives the newest migration that
/// this program does not know, when the database is newer and lets it run all the same.
///
/// # Errors
/// Fails when the database is too new for this program, when servers of older versions do not stop in time, or on a
/// database error.
pub async fn run(connection: &DatabaseConnection) -> Result<Option<String>, MigrateError> {
    Migrator::install(connection).await.map_err(MigrateError::Failed)?;
    let known: BTreeSet<_> = Migrator::migrations().iter().map(|one| one.name().to_owned()).collect();
    let applied = Migrator::get_migration_models(connection).await.map_err(MigrateError::Failed)?;
    let applied: BTreeSet<_> = applied.into_iter().map(|model| model.version).collect();
    let newer = compatibility::tolerate(connection, &known, &applied).await?;
    if newer.is_some() {
        return Ok(newer);
    }
    let missing: Vec<_> = known.difference(&applied).cloned().collect();
    compatibility::wait_for_older(connection, &applied, &missing).await?;
    Migrator::up(connection, None).await.map_err(MigrateError::Failed)?;
    compatibility::record(connection).await.map_err(MigrateError::Failed)?;
    Ok(None)
}

/// Builds a foreign key to the `id` of another table.
fn references(from: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(to, "id").to_owned()
}

/// Builds a text column that is the primary key.
fn text_pk(name: &'static str) -> ColumnDef {
    text(name).primary_key().to_owned()
}

async fn execute_all(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_run_beside_a_migration_is_said_in_names_that_exist() {
        let names: Vec<_> = Migrator::migrations().iter().map(|one| one.name().to_owned()).collect();
        for (migration, since) in compatibility::COMPATIBLE_SINCE {
            let place = |name: &str| names.iter().position(|one| one == name);
            let (at, from) = (place(migration), place(since));
            assert!(from.is_some() && at >= from, "{migration} since {since}");
        }
    }
}
