//! The sealed seed of an agent's SSH host key; it outlives the builds of its workspace.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_host_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub agent_name: String,
    pub sealed_seed: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
