//! Accounts, keys, organizations and memberships.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references, text_pk};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Indexes that need an expression or a condition, in the SQL that both databases share.
const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX users_email ON users (lower(email)) WHERE NOT deleted",
    "CREATE UNIQUE INDEX users_username ON users (lower(username)) WHERE NOT deleted",
    "CREATE INDEX api_keys_user ON api_keys (user_id)",
    "CREATE UNIQUE INDEX organizations_name ON organizations (lower(name)) WHERE NOT deleted",
    "CREATE UNIQUE INDEX organizations_default ON organizations (is_default) WHERE is_default",
    "CREATE INDEX organization_members_user ON organization_members (user_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("users")
                    .col(pk_uuid("id"))
                    .col(text("email"))
                    .col(text("username"))
                    .col(text("name"))
                    .col(text("hashed_password"))
                    .col(text("status"))
                    .col(text("login_type"))
                    .col(json_binary("roles"))
                    .col(text("avatar_url"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone_null("last_seen_at"))
                    .col(boolean("deleted"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("api_keys")
                    .col(text_pk("id"))
                    .col(blob("hashed_secret"))
                    .col(uuid("user_id"))
                    .col(text("login_type"))
                    .col(text("token_name"))
                    .col(text("scope"))
                    .col(big_integer("lifetime_seconds"))
                    .col(timestamp_with_time_zone_null("last_used_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(
                        references("api_keys", "user_id", "users").on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("organizations")
                    .col(pk_uuid("id"))
                    .col(text("name"))
                    .col(text("display_name"))
                    .col(text("description"))
                    .col(text("icon"))
                    .col(boolean("is_default"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(boolean("deleted"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("organization_members")
                    .col(uuid("organization_id"))
                    .col(uuid("user_id"))
                    .col(json_binary("roles"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .primary_key(Index::create().col("organization_id").col("user_id"))
                    .foreign_key(
                        references("organization_members", "organization_id", "organizations")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .foreign_key(
                        references("organization_members", "user_id", "users")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        execute_all(manager, INDEXES).await?;
        insert_default_organization(manager).await?;
        Ok(())
    }
}

/// The default organization always exists, so that nothing has to handle its absence.
async fn insert_default_organization(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // The precision that both engines keep.
    let now = chrono::SubsecRound::trunc_subsecs(chrono::Utc::now(), 6);
    let mut insert = Query::insert();
    insert
        .into_table("organizations")
        .columns([
            "id",
            "name",
            "display_name",
            "description",
            "icon",
            "is_default",
            "created_at",
            "updated_at",
            "deleted",
        ])
        .values_panic([
            uuid::Uuid::new_v4().into(),
            "coder".into(),
            "Default".into(),
            "".into(),
            "".into(),
            true.into(),
            now.into(),
            now.into(),
            false.into(),
        ]);
    manager.execute(insert).await
}
