//! Accounts.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use warren_vocab::{LoginType, UserId, UserStatus};

use super::{is_false, same_text};
use crate::{DbResult, Tx, entity::users::*};

/// Ids in one query; databases limit the number of its values.
const IDS_MAX: usize = 10_000;

mod search;

pub use search::{Filter, count, list};

/// Whether any account exists, deleted ones included: a deployment is set up once.
pub async fn any(connection: &impl ConnectionTrait) -> DbResult<bool> {
    let found = Entity::find().select_only().column(Column::Id).limit(1).into_tuple::<uuid::Uuid>();
    Ok(found.one(connection).await?.is_some())
}

/// Finds an account that is not deleted.
pub async fn by_id(connection: &impl ConnectionTrait, id: UserId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).filter(is_false(Column::Deleted)).one(connection).await?)
}

/// Finds accounts, deleted ones included, for showing names.
pub async fn by_ids(connection: &impl ConnectionTrait, ids: &[uuid::Uuid]) -> DbResult<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(connection).await?)
}

/// Finds an account by e-mail address, whatever its case.
pub async fn by_email(connection: &impl ConnectionTrait, email: &str) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(same_text(Column::Email, email)).filter(is_false(Column::Deleted));
    Ok(query.one(connection).await?)
}

/// Finds an account by user name, whatever its case.
pub async fn by_username(connection: &impl ConnectionTrait, username: &str) -> DbResult<Option<Model>> {
    let query =
        Entity::find().filter(same_text(Column::Username, username)).filter(is_false(Column::Deleted));
    Ok(query.one(connection).await?)
}

/// Finds an account that is not deleted and keeps other transactions from changing it until this one ends.
pub async fn locked(tx: &Tx, id: UserId) -> DbResult<Option<Model>> {
    let query = Entity::find_by_id(id.as_uuid()).filter(is_false(Column::Deleted));
    Ok(query.lock_exclusive().one(tx).await?)
}

/// Adds an account.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes every column of an account.
pub async fn update(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::update(model.into_active_model().reset_all()).exec(tx).await?;
    Ok(())
}

/// Notes that the account was used, unless a later use is known already. Its status stays as it is.
pub async fn touch(tx: &Tx, id: UserId, at: DateTime<Utc>) -> DbResult<()> {
    Entity::update_many()
        .col_expr(Column::LastSeenAt, Expr::value(at))
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::LastSeenAt.is_null().or(Column::LastSeenAt.lt(at)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Finds the active accounts that can sign in and that nobody used since the given time.
pub async fn idle(
    connection: &impl ConnectionTrait,
    since: DateTime<Utc>,
    limit: u64,
) -> DbResult<Vec<Model>> {
    let query = Entity::find()
        .filter(is_false(Column::Deleted))
        .filter(Column::LoginType.ne(LoginType::None.as_str()))
        .filter(Column::Status.eq(UserStatus::Active.as_str()))
        .filter(Column::LastSeenAt.lt(since).or(Column::LastSeenAt.is_null()))
        .filter(Column::UpdatedAt.lt(since))
        .limit(limit);
    Ok(query.all(connection).await?)
}

/// The user names of accounts, deleted ones included.
pub async fn names(
    connection: &impl ConnectionTrait,
    ids: &[uuid::Uuid],
) -> DbResult<HashMap<uuid::Uuid, String>> {
    let ids: BTreeSet<_> = ids.iter().copied().collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let mut names = HashMap::new();
    for part in ids.chunks(IDS_MAX) {
        let query = Entity::find().select_only().column(Column::Id).column(Column::Username);
        let query = query.filter(Column::Id.is_in(part.iter().copied()));
        names.extend(query.into_tuple::<(uuid::Uuid, String)>().all(connection).await?);
    }
    Ok(names)
}

/// Lists the site roles of every account but one.
pub async fn role_lists_of_others(
    connection: &impl ConnectionTrait,
    id: UserId,
) -> DbResult<Vec<serde_json::Value>> {
    let query = Entity::find().select_only().column(Column::Roles).filter(is_false(Column::Deleted));
    Ok(query.filter(Column::Id.ne(id.as_uuid())).into_tuple().all(connection).await?)
}
