//! Workspaces, builds and the parameters of builds.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Indexes that need an expression or a condition, in the SQL that both databases share.
const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX workspaces_owner_name ON workspaces (owner_id, lower(name)) WHERE NOT deleted",
    "CREATE INDEX workspaces_template ON workspaces (template_id)",
    "CREATE INDEX workspaces_created ON workspaces (created_at) WHERE NOT deleted",
    "CREATE UNIQUE INDEX workspace_builds_number ON workspace_builds (workspace_id, build_number)",
    "CREATE UNIQUE INDEX workspace_builds_job ON workspace_builds (job_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("workspaces")
                    .col(pk_uuid("id"))
                    .col(uuid("owner_id"))
                    .col(uuid("organization_id"))
                    .col(uuid("template_id"))
                    .col(text("name"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(boolean("deleted"))
                    .col(text_null("autostart_schedule"))
                    .col(big_integer_null("ttl_ms"))
                    .col(timestamp_with_time_zone("last_used_at"))
                    .col(timestamp_with_time_zone_null("dormant_at"))
                    .col(timestamp_with_time_zone_null("deleting_at"))
                    .col(timestamp_with_time_zone_null("next_start_at"))
                    .col(text("automatic_updates"))
                    .col(boolean("favorite"))
                    .foreign_key(
                        references("workspaces", "owner_id", "users").on_delete(ForeignKeyAction::Restrict),
                    )
                    .foreign_key(
                        references("workspaces", "organization_id", "organizations")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .foreign_key(
                        references("workspaces", "template_id", "templates")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_builds")
                    .col(pk_uuid("id"))
                    .col(uuid("workspace_id"))
                    .col(uuid("template_version_id"))
                    .col(uuid("job_id"))
                    .col(uuid("initiator_id"))
                    .col(integer("build_number"))
                    .col(text("transition"))
                    .col(text("reason"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone_null("deadline"))
                    .col(timestamp_with_time_zone_null("max_deadline"))
                    .col(integer("daily_cost"))
                    .foreign_key(
                        references("workspace_builds", "workspace_id", "workspaces")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .foreign_key(
                        references("workspace_builds", "template_version_id", "template_versions")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .foreign_key(
                        references("workspace_builds", "job_id", "provisioner_jobs")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_build_states")
                    .col(pk_uuid("build_id"))
                    .col(blob("state"))
                    .foreign_key(
                        references("workspace_build_states", "build_id", "workspace_builds")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_build_parameters")
                    .col(uuid("build_id"))
                    .col(text("name"))
                    .col(text("value"))
                    .primary_key(Index::create().col("build_id").col("name"))
                    .foreign_key(
                        references("workspace_build_parameters", "build_id", "workspace_builds")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        execute_all(manager, INDEXES).await?;
        Ok(())
    }
}
