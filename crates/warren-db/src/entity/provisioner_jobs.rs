//! A piece of work for a provisioner. Its status is derived, see [`Model::status`].

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provisioner_jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub initiator_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub provisioner: String,
    #[sea_orm(column_type = "Text")]
    pub storage_method: String,
    pub file_id: Uuid,
    #[sea_orm(column_type = "Text", column_name = "type")]
    pub type_: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub input: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub tags: Json,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub canceled_at: Option<DateTimeUtc>,
    pub completed_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub error_code: Option<String>,
    pub worker_id: Option<Uuid>,
    pub logs_length: i32,
    pub logs_overflowed: bool,
}

impl ActiveModelBehavior for ActiveModel {}
