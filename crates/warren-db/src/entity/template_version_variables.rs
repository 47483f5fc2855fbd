//! A Terraform variable that the import found, with the value given at push.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "template_version_variables")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub template_version_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub description: String,
    #[sea_orm(column_type = "Text", column_name = "type")]
    pub type_: String,
    #[sea_orm(column_type = "Text")]
    pub value: String,
    #[sea_orm(column_type = "Text")]
    pub default_value: String,
    pub required: bool,
    pub sensitive: bool,
}

impl ActiveModelBehavior for ActiveModel {}
