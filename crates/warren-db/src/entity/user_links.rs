//! What ties an account to the person whom a sign-in provider vouches for, with the provider's sealed tokens.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub login_type: String,
    /// The provider's lasting id of the person; empty until the first sign-in.
    #[sea_orm(column_type = "Text")]
    pub linked_id: String,
    pub sealed_access_token: Vec<u8>,
    /// Empty when the provider gave none.
    pub sealed_refresh_token: Vec<u8>,
    /// When the access token ends; `None` for never.
    pub expires_at: Option<DateTimeUtc>,
    /// Until when a server has the task of refreshing the tokens.
    pub refresh_lease_until: Option<DateTimeUtc>,
    /// What the provider said at the last sign-in.
    #[sea_orm(column_type = "JsonBinary")]
    pub claims: Json,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
