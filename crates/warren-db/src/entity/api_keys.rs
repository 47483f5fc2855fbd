//! A session or token; only the SHA-256 of its secret is kept.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub hashed_secret: Vec<u8>,
    pub user_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub login_type: String,
    #[sea_orm(column_type = "Text")]
    pub token_name: String,
    /// `application_connect` for keys that only open apps, else `all`; [`Model::scopes`] decides.
    #[sea_orm(column_type = "Text")]
    pub scope: String,
    pub lifetime_seconds: i64,
    pub last_used_at: Option<DateTimeUtc>,
    pub expires_at: DateTimeUtc,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    /// Names of what the key may do.
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Json,
    /// The objects that the key reaches, as `type:id` with `*` for any.
    #[sea_orm(column_type = "JsonBinary")]
    pub allow_list: Json,
    /// Where the key was made.
    #[sea_orm(column_type = "Text")]
    pub ip_address: String,
}

impl ActiveModelBehavior for ActiveModel {}
