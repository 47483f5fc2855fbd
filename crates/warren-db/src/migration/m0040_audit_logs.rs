//! The audit log. Rows outlive what they are about, so nothing is referenced.

use sea_orm_migration::{prelude::*, schema::*};

use super::execute_all;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const INDEXES: &[&str] = &[
    "CREATE INDEX audit_logs_time ON audit_logs (time, id)",
    "CREATE INDEX audit_logs_resource ON audit_logs (resource_id, time)",
    "CREATE INDEX audit_logs_user ON audit_logs (user_id, time)",
    "CREATE INDEX audit_logs_request ON audit_logs (request_id)",
    "CREATE INDEX audit_logs_organization ON audit_logs (organization_id, time)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_logs")
                    .col(pk_uuid("id"))
                    .col(timestamp_with_time_zone("time"))
                    .col(uuid("request_id"))
                    .col(uuid_null("user_id"))
                    .col(uuid_null("organization_id"))
                    .col(text_null("ip"))
                    .col(text("user_agent"))
                    .col(text("resource_type"))
                    .col(uuid("resource_id"))
                    .col(text("resource_target"))
                    .col(text("resource_icon"))
                    .col(text("action"))
                    .col(json_binary("diff"))
                    .col(integer("status_code"))
                    .col(json_binary("additional_fields"))
                    .to_owned(),
            )
            .await?;
        execute_all(manager, INDEXES).await
    }
}
