//! The servers of a deployment, and the keys by which they know each other.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(replicas()).await?;
        manager.create_table(mesh_keys()).await
    }
}

fn replicas() -> TableCreateStatement {
    Table::create()
        .table("replicas")
        .col(pk_uuid("id"))
        .col(text("hostname"))
        .col(text("relay_address"))
        .col(text("version"))
        .col(integer("region_id"))
        .col(text("error"))
        .col(integer("database_latency"))
        .col(timestamp_with_time_zone("started_at"))
        .col(timestamp_with_time_zone("heard_at"))
        .to_owned()
}

fn mesh_keys() -> TableCreateStatement {
    Table::create()
        .table("mesh_keys")
        .col(pk_uuid("id"))
        .col(blob("sealed"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}
