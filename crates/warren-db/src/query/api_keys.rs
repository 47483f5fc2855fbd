//! Session and API keys.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};
use warren_vocab::{LoginType, UserId};

use crate::{DbResult, Tx, entity::api_keys::*};

/// The scope of keys that only open workspace applications.
pub const APPLICATION_CONNECT: &str = "application_connect";

/// Which tokens a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenFilter {
    /// Only tokens of this account.
    pub user: Option<UserId>,
    /// Leaves out the tokens that ran out before.
    pub valid_at: Option<DateTime<Utc>>,
}

/// Finds a key by its public part.
pub async fn by_id(connection: &impl ConnectionTrait, id: &str) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.to_owned()).one(connection).await?)
}

/// Finds a token of an account by name.
pub async fn by_name(connection: &impl ConnectionTrait, user: UserId, name: &str) -> DbResult<Option<Model>> {
    let query = Entity::find()
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::TokenName.eq(name))
        .filter(Column::LoginType.eq(LoginType::Token.as_str()));
    Ok(query.one(connection).await?)
}

/// Lists tokens, the newest first; sessions are no tokens.
pub async fn tokens(connection: &impl ConnectionTrait, filter: TokenFilter) -> DbResult<Vec<Model>> {
    let mut query = Entity::find().filter(Column::LoginType.eq(LoginType::Token.as_str()));
    if let Some(user) = filter.user {
        query = query.filter(Column::UserId.eq(user.as_uuid()));
    }
    if let Some(at) = filter.valid_at {
        query = query.filter(Column::ExpiresAt.gt(at));
    }
    let query = query.order_by_desc(Column::CreatedAt).order_by_asc(Column::Id);
    Ok(query.all(connection).await?)
}

/// Adds a key.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes a key and reports whether it was there.
pub async fn delete(tx: &Tx, id: &str) -> DbResult<bool> {
    Ok(Entity::delete_by_id(id.to_owned()).exec(tx).await?.rows_affected > 0)
}

/// Removes every key of an account, sessions and tokens.
pub async fn delete_of_user(tx: &Tx, user: UserId) -> DbResult<u64> {
    let delete = Entity::delete_many().filter(Column::UserId.eq(user.as_uuid()));
    Ok(delete.exec(tx).await?.rows_affected)
}

/// Removes the keys of an account that only open workspace applications.
pub async fn delete_application_connect(tx: &Tx, user: UserId) -> DbResult<u64> {
    let delete = Entity::delete_many()
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::Scope.eq(APPLICATION_CONNECT));
    Ok(delete.exec(tx).await?.rows_affected)
}

/// Notes a use and moves the expiry, unless a later use is known already.
pub async fn touch(tx: &Tx, id: &str, used_at: DateTime<Utc>, expires_at: DateTime<Utc>) -> DbResult<()> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(used_at))
        .col_expr(Column::UpdatedAt, Expr::value(used_at))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Id.eq(id))
        // A key that was expired by hand since then must not come back.
        .filter(Column::ExpiresAt.gt(used_at))
        .filter(Column::LastUsedAt.is_null().or(Column::LastUsedAt.lt(used_at)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Ends a key without removing it.
pub async fn expire(tx: &Tx, id: &str, at: DateTime<Utc>) -> DbResult<()> {
    Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(at))
        .col_expr(Column::UpdatedAt, Expr::value(at))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Removes the keys that ran out before the given time.
pub async fn delete_expired(tx: &Tx, before: DateTime<Utc>) -> DbResult<u64> {
    Ok(Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(tx).await?.rows_affected)
}

/// Removes the sessions of an account, however they were opened; tokens live on.
pub async fn delete_sessions(tx: &Tx, user: UserId) -> DbResult<u64> {
    let delete = Entity::delete_many()
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::LoginType.ne(LoginType::Token.as_str()));
    Ok(delete.exec(tx).await?.rows_affected)
}

/// Removes the sessions of an account that one way of signing in opened.
pub async fn delete_sessions_of_type(tx: &Tx, user: UserId, login_type: LoginType) -> DbResult<u64> {
    let delete = Entity::delete_many()
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::LoginType.eq(login_type.as_str()));
    Ok(delete.exec(tx).await?.rows_affected)
}
