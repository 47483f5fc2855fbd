//! The sealed Terraform state that a build left, apart from the build so that lists never load it.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_build_states")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub build_id: Uuid,
    pub state: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
