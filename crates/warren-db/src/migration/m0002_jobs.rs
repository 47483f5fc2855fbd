//! Uploaded files and the provisioner job queue.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Indexes that need an expression or a condition, in the SQL that both databases share.
const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX files_hash ON files (hash, created_by)",
    "CREATE INDEX provisioner_jobs_pending ON provisioner_jobs (created_at) WHERE started_at IS NULL AND completed_at IS NULL",
    "CREATE INDEX provisioner_jobs_open ON provisioner_jobs (updated_at) WHERE completed_at IS NULL",
    "CREATE INDEX provisioner_job_logs_job ON provisioner_job_logs (job_id, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("files")
                    .col(pk_uuid("id"))
                    .col(text("hash"))
                    .col(uuid("created_by"))
                    .col(text("mimetype"))
                    .col(blob("data"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(
                        references("files", "created_by", "users").on_delete(ForeignKeyAction::Restrict),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("provisioner_jobs")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(uuid("initiator_id"))
                    .col(text("provisioner"))
                    .col(text("storage_method"))
                    .col(uuid("file_id"))
                    .col(text("type"))
                    .col(json_binary("input"))
                    .col(json_binary("tags"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone_null("started_at"))
                    .col(timestamp_with_time_zone_null("canceled_at"))
                    .col(timestamp_with_time_zone_null("completed_at"))
                    .col(text_null("error"))
                    .col(text_null("error_code"))
                    .col(uuid_null("worker_id"))
                    .col(integer("logs_length"))
                    .col(boolean("logs_overflowed"))
                    .foreign_key(
                        references("provisioner_jobs", "organization_id", "organizations")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .foreign_key(
                        references("provisioner_jobs", "file_id", "files")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("provisioner_job_logs")
                    .col(big_pk_auto("id"))
                    .col(uuid("job_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(text("source"))
                    .col(text("level"))
                    .col(text("stage"))
                    .col(text("output"))
                    .foreign_key(
                        references("provisioner_job_logs", "job_id", "provisioner_jobs")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        execute_all(manager, INDEXES).await?;
        Ok(())
    }
}
