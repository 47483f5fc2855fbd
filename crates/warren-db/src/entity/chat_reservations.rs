//! Money that a call to a model may cost, set aside while it runs.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_reservations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Uuid,
    pub owner_id: Uuid,
    /// The lease under which it was set aside; void under a later one.
    pub lease_epoch: i64,
    pub micros: i64,
    /// What is booked if the call is cut off. Servers of older versions do not say it.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub call: Option<Json>,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
