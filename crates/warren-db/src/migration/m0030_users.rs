//! What accounts and keys got beyond signing in: service accounts, settings, one-time passcodes, scopes, Git keys.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// A token is found by its owner and name; sessions have no name.
const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX api_keys_token_name ON api_keys (user_id, token_name) WHERE login_type = 'token'",
    "CREATE INDEX api_keys_expires ON api_keys (expires_at)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(
            manager,
            "users",
            vec![
                boolean("is_service_account").default(false).to_owned(),
                big_integer_null("github_com_user_id"),
                text("quiet_hours_schedule").default("").to_owned(),
                blob_null("hashed_one_time_passcode"),
                timestamp_with_time_zone_null("one_time_passcode_expires_at"),
            ],
        )
        .await?;
        add_columns(
            manager,
            "api_keys",
            vec![
                json_binary("scopes").default(r#"["coder:all"]"#).to_owned(),
                json_binary("allow_list").default(r#"["*:*"]"#).to_owned(),
                text("ip_address").default("").to_owned(),
            ],
        )
        .await?;
        manager
            .create_table(
                Table::create()
                    .table("user_settings")
                    .col(uuid("user_id"))
                    .col(text("key"))
                    .col(text("value"))
                    .primary_key(Index::create().col("user_id").col("key"))
                    .foreign_key(
                        references("user_settings", "user_id", "users").on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("git_ssh_keys")
                    .col(pk_uuid("user_id"))
                    .col(blob("sealed_private_key"))
                    .col(text("public_key"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(
                        references("git_ssh_keys", "user_id", "users").on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        execute_all(manager, INDEXES).await
    }
}

/// Adds columns one statement at a time, as SQLite asks for.
async fn add_columns(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: Vec<ColumnDef>,
) -> Result<(), DbErr> {
    for column in columns {
        manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
    }
    Ok(())
}
