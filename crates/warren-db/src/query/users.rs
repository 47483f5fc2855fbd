//! Accounts.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select,
};
use warren_authz::ListFilter;
use warren_vocab::UserId;

use super::{
    Page, is_false, same_text,
    visible::{Place, visible},
};
use crate::{DbResult, Tx, entity::users::*};

/// An account owns itself.
const PLACE: Place<Column> =
    Place { id: Column::Id, owner: Some(Column::Id), organization: None, is_shared_with_everybody: false };

/// Whether any account exists.
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

/// Lists the accounts that the caller may read by name.
pub async fn list(
    connection: &impl ConnectionTrait,
    readable: &ListFilter,
    page: Page,
) -> DbResult<Vec<Model>> {
    let query = listed(readable).order_by_asc(Column::Username);
    Ok(query.limit(page.limit()).offset(page.offset()).all(connection).await?)
}

/// Counts what [`list`] would give without a page.
pub async fn count(connection: &impl ConnectionTrait, readable: &ListFilter) -> DbResult<u64> {
    use sea_orm::PaginatorTrait;
    Ok(listed(readable).count(connection).await?)
}

fn listed(readable: &ListFilter) -> Select<Entity> {
    Entity::find().filter(is_false(Column::Deleted)).filter(visible(readable, PLACE))
}

/// Adds an account.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Notes that the account was used, and wakes a dormant one.
pub async fn touch(tx: &Tx, id: UserId, now: DateTime<Utc>, status: &str) -> DbResult<()> {
    use sea_orm::sea_query::Expr;
    Entity::update_many()
        .col_expr(Column::LastSeenAt, Expr::value(now))
        .col_expr(Column::Status, Expr::value(status))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(tx)
        .await?;
    Ok(())
}
