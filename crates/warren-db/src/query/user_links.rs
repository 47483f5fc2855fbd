//! Links between accounts and sign-in providers.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::Expr,
};
use warren_vocab::{LoginType, UserId};

use crate::{DbResult, Tx, entity::user_links::*};

/// Finds the link of an account.
pub async fn of_user(
    connection: &impl ConnectionTrait,
    user: UserId,
    login_type: LoginType,
) -> DbResult<Option<Model>> {
    let key = (user.as_uuid(), login_type.to_string());
    Ok(Entity::find_by_id(key).one(connection).await?)
}

/// Finds the link of a person at a provider.
pub async fn by_linked_id(
    connection: &impl ConnectionTrait,
    login_type: LoginType,
    linked_id: &str,
) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(Column::LoginType.eq(login_type.as_str()));
    Ok(query.filter(Column::LinkedId.eq(linked_id)).one(connection).await?)
}

/// Adds a link.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes all fields of a link.
pub async fn update(tx: &Tx, model: Model) -> DbResult<()> {
    model.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Removes all links of an account.
pub async fn delete_of_user(tx: &Tx, user: UserId) -> DbResult<()> {
    Entity::delete_many().filter(Column::UserId.eq(user.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Takes the task of refreshing the tokens of a link that ended at `expired_at`; `false` when somebody else has it or
/// has done it.
pub async fn take_refresh(
    tx: &Tx,
    user: UserId,
    login_type: LoginType,
    expired_at: DateTime<Utc>,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> DbResult<bool> {
    let is_free =
        Condition::any().add(Column::RefreshLeaseUntil.is_null()).add(Column::RefreshLeaseUntil.lte(now));
    let updated = Entity::update_many()
        .col_expr(Column::RefreshLeaseUntil, Expr::value(until))
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::LoginType.eq(login_type.as_str()))
        .filter(Column::ExpiresAt.lte(expired_at))
        .filter(is_free)
        .exec(tx)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// Stores refreshed tokens, unless others have taken the place of the refresh token that was used.
pub async fn refreshed(tx: &Tx, next: Model, used_refresh_token: Vec<u8>) -> DbResult<()> {
    Entity::update_many()
        .set(next.clone().into_active_model().reset_all())
        .filter(Column::UserId.eq(next.user_id))
        .filter(Column::LoginType.eq(next.login_type))
        .filter(Column::SealedRefreshToken.eq(used_refresh_token))
        .exec(tx)
        .await?;
    Ok(())
}
