//! Resources of jobs with their agents, scripts, logs and apps.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Indexes that need an expression or a condition, in the SQL that both databases share.
const INDEXES: &[&str] = &[
    "CREATE INDEX workspace_resources_job ON workspace_resources (job_id)",
    "CREATE INDEX workspace_agents_resource ON workspace_agents (resource_id)",
    "CREATE INDEX workspace_agents_token ON workspace_agents (token_hash)",
    "CREATE INDEX workspace_agent_scripts_agent ON workspace_agent_scripts (agent_id)",
    "CREATE INDEX workspace_agent_logs_agent ON workspace_agent_logs (agent_id, id)",
    "CREATE UNIQUE INDEX workspace_apps_slug ON workspace_apps (agent_id, slug)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("workspace_resources")
                    .col(pk_uuid("id"))
                    .col(uuid("job_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(text("transition"))
                    .col(text("type"))
                    .col(text("name"))
                    .col(boolean("hide"))
                    .col(text("icon"))
                    .col(integer("daily_cost"))
                    .col(text_null("instance_type"))
                    .foreign_key(
                        references("workspace_resources", "job_id", "provisioner_jobs")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_resource_metadata")
                    .col(uuid("resource_id"))
                    .col(text("key"))
                    .col(text_null("value"))
                    .col(boolean("sensitive"))
                    .col(integer("position"))
                    .primary_key(Index::create().col("resource_id").col("key"))
                    .foreign_key(
                        references("workspace_resource_metadata", "resource_id", "workspace_resources")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_agents")
                    .col(pk_uuid("id"))
                    .col(uuid("resource_id"))
                    .col(uuid_null("parent_id"))
                    .col(text("name"))
                    .col(blob("token_hash"))
                    .col(text_null("auth_instance_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone_null("first_connected_at"))
                    .col(timestamp_with_time_zone_null("last_connected_at"))
                    .col(timestamp_with_time_zone_null("disconnected_at"))
                    .col(text("architecture"))
                    .col(text("operating_system"))
                    .col(text("directory"))
                    .col(text("expanded_directory"))
                    .col(json_binary("environment_variables"))
                    .col(text("version"))
                    .col(text("api_version"))
                    .col(integer("connection_timeout_seconds"))
                    .col(text("troubleshooting_url"))
                    .col(text("motd_file"))
                    .col(text("lifecycle_state"))
                    .col(timestamp_with_time_zone_null("started_at"))
                    .col(timestamp_with_time_zone_null("ready_at"))
                    .col(json_binary("display_apps"))
                    .col(json_binary("subsystems"))
                    .col(integer("display_order"))
                    .col(integer("logs_length"))
                    .col(boolean("logs_overflowed"))
                    .foreign_key(
                        references("workspace_agents", "resource_id", "workspace_resources")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_agent_metadata")
                    .col(uuid("agent_id"))
                    .col(text("key"))
                    .col(text("display_name"))
                    .col(text("script"))
                    .col(text("value"))
                    .col(text("error"))
                    .col(big_integer("timeout_seconds"))
                    .col(big_integer("interval_seconds"))
                    .col(timestamp_with_time_zone_null("collected_at"))
                    .col(integer("display_order"))
                    .primary_key(Index::create().col("agent_id").col("key"))
                    .foreign_key(
                        references("workspace_agent_metadata", "agent_id", "workspace_agents")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_agent_log_sources")
                    .col(uuid("agent_id"))
                    .col(uuid("id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(text("display_name"))
                    .col(text("icon"))
                    .primary_key(Index::create().col("agent_id").col("id"))
                    .foreign_key(
                        references("workspace_agent_log_sources", "agent_id", "workspace_agents")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_agent_scripts")
                    .col(pk_uuid("id"))
                    .col(uuid("agent_id"))
                    .col(uuid("log_source_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(text("display_name"))
                    .col(text("log_path"))
                    .col(text("script"))
                    .col(text("cron"))
                    .col(integer("timeout_seconds"))
                    .col(boolean("start_blocks_login"))
                    .col(boolean("run_on_start"))
                    .col(boolean("run_on_stop"))
                    .col(integer("display_order"))
                    .col(timestamp_with_time_zone_null("started_at"))
                    .col(timestamp_with_time_zone_null("ended_at"))
                    .col(integer_null("exit_code"))
                    .col(text_null("status"))
                    .foreign_key(
                        references("workspace_agent_scripts", "agent_id", "workspace_agents")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_agent_logs")
                    .col(big_pk_auto("id"))
                    .col(uuid("agent_id"))
                    .col(uuid("log_source_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(text("level"))
                    .col(text("output"))
                    .foreign_key(
                        references("workspace_agent_logs", "agent_id", "workspace_agents")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_apps")
                    .col(pk_uuid("id"))
                    .col(uuid("agent_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(text("slug"))
                    .col(text("display_name"))
                    .col(text("icon"))
                    .col(text_null("command"))
                    .col(text_null("url"))
                    .col(boolean("external"))
                    .col(boolean("subdomain"))
                    .col(text("sharing_level"))
                    .col(text("healthcheck_url"))
                    .col(integer("healthcheck_interval"))
                    .col(integer("healthcheck_threshold"))
                    .col(text("health"))
                    .col(integer("display_order"))
                    .col(text_null("display_group"))
                    .col(boolean("hidden"))
                    .col(text("open_in"))
                    .col(text("tooltip"))
                    .foreign_key(
                        references("workspace_apps", "agent_id", "workspace_agents")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        execute_all(manager, INDEXES).await?;
        Ok(())
    }
}
