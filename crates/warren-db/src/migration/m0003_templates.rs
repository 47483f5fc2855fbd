//! Templates, their versions and what the import found.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Indexes that need an expression or a condition, in the SQL that both databases share.
const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX templates_name ON templates (organization_id, lower(name)) WHERE NOT deleted",
    "CREATE UNIQUE INDEX template_versions_name ON template_versions (template_id, lower(name)) WHERE template_id IS NOT NULL",
    "CREATE UNIQUE INDEX template_versions_job ON template_versions (job_id)",
    "CREATE INDEX template_versions_template ON template_versions (template_id, created_at)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("templates")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(boolean("deleted"))
                    .col(text("name"))
                    .col(text("display_name"))
                    .col(text("description"))
                    .col(text("icon"))
                    .col(text("provisioner"))
                    .col(uuid("active_version_id"))
                    .col(big_integer("default_ttl_ms"))
                    .col(big_integer("activity_bump_ms"))
                    .col(big_integer("failure_ttl_ms"))
                    .col(big_integer("time_til_dormant_ms"))
                    .col(big_integer("time_til_dormant_autodelete_ms"))
                    .col(boolean("allow_user_autostart"))
                    .col(boolean("allow_user_autostop"))
                    .col(boolean("allow_user_cancel_workspace_jobs"))
                    .col(boolean("require_active_version"))
                    .col(text("deprecation_message"))
                    .col(text("max_port_share_level"))
                    .col(text("cors_behavior"))
                    .col(boolean("use_classic_parameter_flow"))
                    .foreign_key(
                        references("templates", "organization_id", "organizations")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .foreign_key(
                        references("templates", "created_by", "users").on_delete(ForeignKeyAction::Restrict),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("template_versions")
                    .col(pk_uuid("id"))
                    .col(uuid_null("template_id"))
                    .col(uuid("organization_id"))
                    .col(uuid("created_by"))
                    .col(uuid("job_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(text("name"))
                    .col(text("message"))
                    .col(text("readme"))
                    .col(boolean("archived"))
                    .foreign_key(
                        references("template_versions", "template_id", "templates")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .foreign_key(
                        references("template_versions", "organization_id", "organizations")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .foreign_key(
                        references("template_versions", "created_by", "users")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .foreign_key(
                        references("template_versions", "job_id", "provisioner_jobs")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("template_version_parameters")
                    .col(uuid("template_version_id"))
                    .col(text("name"))
                    .col(text("display_name"))
                    .col(text("description"))
                    .col(text("type"))
                    .col(text("form_type"))
                    .col(boolean("mutable"))
                    .col(text("default_value"))
                    .col(text("icon"))
                    .col(json_binary("options"))
                    .col(text("validation_regex"))
                    .col(text("validation_error"))
                    .col(integer_null("validation_min"))
                    .col(integer_null("validation_max"))
                    .col(text("validation_monotonic"))
                    .col(boolean("required"))
                    .col(boolean("ephemeral"))
                    .col(integer("display_order"))
                    .primary_key(Index::create().col("template_version_id").col("name"))
                    .foreign_key(
                        references("template_version_parameters", "template_version_id", "template_versions")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("template_version_variables")
                    .col(uuid("template_version_id"))
                    .col(text("name"))
                    .col(text("description"))
                    .col(text("type"))
                    .col(text("value"))
                    .col(text("default_value"))
                    .col(boolean("required"))
                    .col(boolean("sensitive"))
                    .primary_key(Index::create().col("template_version_id").col("name"))
                    .foreign_key(
                        references("template_version_variables", "template_version_id", "template_versions")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        execute_all(manager, INDEXES).await?;
        Ok(())
    }
}
