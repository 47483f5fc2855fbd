//! An app of an agent. The id is Terraform's, so it survives rebuilds.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_apps")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub agent_id: Uuid,
    pub created_at: DateTimeUtc,
    #[sea_orm(column_type = "Text")]
    pub slug: String,
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    #[sea_orm(column_type = "Text")]
    pub icon: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub command: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub url: Option<String>,
    pub external: bool,
    pub subdomain: bool,
    #[sea_orm(column_type = "Text")]
    pub sharing_level: String,
    #[sea_orm(column_type = "Text")]
    pub healthcheck_url: String,
    pub healthcheck_interval: i32,
    pub healthcheck_threshold: i32,
    #[sea_orm(column_type = "Text")]
    pub health: String,
    pub display_order: i32,
    #[sea_orm(column_type = "Text", nullable)]
    pub display_group: Option<String>,
    pub hidden: bool,
    #[sea_orm(column_type = "Text")]
    pub open_in: String,
    #[sea_orm(column_type = "Text")]
    pub tooltip: String,
}

impl ActiveModelBehavior for ActiveModel {}
