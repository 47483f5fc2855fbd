//! A `coder_parameter` that the import found.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "template_version_parameters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub template_version_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    #[sea_orm(column_type = "Text")]
    pub description: String,
    #[sea_orm(column_type = "Text", column_name = "type")]
    pub type_: String,
    #[sea_orm(column_type = "Text")]
    pub form_type: String,
    pub mutable: bool,
    #[sea_orm(column_type = "Text")]
    pub default_value: String,
    #[sea_orm(column_type = "Text")]
    pub icon: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub options: Json,
    #[sea_orm(column_type = "Text")]
    pub validation_regex: String,
    #[sea_orm(column_type = "Text")]
    pub validation_error: String,
    pub validation_min: Option<i32>,
    pub validation_max: Option<i32>,
    #[sea_orm(column_type = "Text")]
    pub validation_monotonic: String,
    pub required: bool,
    pub ephemeral: bool,
    pub display_order: i32,
}

impl ActiveModelBehavior for ActiveModel {}
