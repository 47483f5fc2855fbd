//! One life of an agent process, and how many of its reports are stored.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_agent_boots")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub agent_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub boot_id: Uuid,
    pub last_sequence: i64,
}

impl ActiveModelBehavior for ActiveModel {}
