//! An account. E-mail addresses and names are unique among accounts that are not deleted, whatever their case.

use sea_orm::entity::prelude::*;
use serde_json::json;
use warren_vocab::{LoginType, UserStatus};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub email: String,
    #[sea_orm(column_type = "Text")]
    pub username: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub hashed_password: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    #[sea_orm(column_type = "Text")]
    pub login_type: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub roles: Json,
    #[sea_orm(column_type = "Text")]
    pub avatar_url: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub last_seen_at: Option<DateTimeUtc>,
    pub deleted: bool,
    pub is_service_account: bool,
    pub github_com_user_id: Option<i64>,
    /// A cron line with a time zone; empty for the deployment's.
    #[sea_orm(column_type = "Text")]
    pub quiet_hours_schedule: String,
    pub hashed_one_time_passcode: Option<Vec<u8>>,
    pub one_time_passcode_expires_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A new active account without roles, password or display name.
    pub fn new(
        email: impl Into<String>,
        username: impl Into<String>,
        login_type: LoginType,
        at: DateTimeUtc,
    ) -> Self {
        Self {
            id: Uuid::new_v4(),
            email: email.into(),
            username: username.into(),
            name: String::new(),
            hashed_password: String::new(),
            status: UserStatus::Active.to_string(),
            login_type: login_type.to_string(),
            roles: json!([]),
            avatar_url: String::new(),
            created_at: at,
            updated_at: at,
            last_seen_at: None,
            deleted: false,
            is_service_account: false,
            github_com_user_id: None,
            quiet_hours_schedule: String::new(),
            hashed_one_time_passcode: None,
            one_time_passcode_expires_at: None,
        }
    }
}
