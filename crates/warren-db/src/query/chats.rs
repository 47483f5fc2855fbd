//! The rows of chats and their leases.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use warren_authz::ListFilter;
use warren_vocab::{ChatId, ChatStatus, MessageId, ReplicaId, UserId, WorkspaceId};

use super::{
    Page,
    visible::{Place, visible},
};
use crate::{DbError, DbResult, Tx, entity::chats::*};

const PLACE: Place<Column> = Place {
    id: Column::Id,
    owner: Some(Column::OwnerId),
    organization: Some(Column::OrganizationId),
    is_shared_with_everybody: false,
};

/// Finds a chat.
pub async fn by_id(connection: &impl ConnectionTrait, id: ChatId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).one(connection).await?)
}

/// Lists the chats of an owner that the caller may read: pinned ones first, then the newest change first.
pub async fn list(
    connection: &impl ConnectionTrait,
    owner: UserId,
    readable: &ListFilter,
    archived: bool,
    page: Page,
) -> DbResult<Vec<Model>> {
    let is_unpinned = Expr::col(Column::PinOrder).eq(0);
    let query = Entity::find()
        .filter(Column::OwnerId.eq(owner.as_uuid()))
        .filter(visible(readable, PLACE))
        .filter(Column::Archived.eq(archived))
        .order_by_asc(is_unpinned)
        .order_by_asc(Column::PinOrder)
        .order_by_desc(Column::UpdatedAt)
        .order_by_desc(Column::Id);
    Ok(query.limit(page.limit()).offset(page.offset()).all(connection).await?)
}

/// Adds a chat.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes all fields of a chat whose snapshot version is still `expected`.
///
/// # Errors
/// [`DbError::NotFound`] when the row has another version: somebody wrote it without holding the transaction.
pub async fn update(tx: &Tx, model: Model, expected: i64) -> DbResult<()> {
    let fence = Entity::find_by_id(model.id).filter(Column::SnapshotVersion.eq(expected));
    if fence.one(tx).await?.is_none() {
        return Err(DbError::NotFound { what: "chat at the expected version" });
    }
    model.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Changes the title.
pub async fn set_title(tx: &Tx, id: ChatId, title: &str) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::Title, Expr::value(title));
    update.filter(Column::Id.eq(id.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Changes the workspace that the tools of a chat work in.
pub async fn set_workspace(tx: &Tx, id: ChatId, workspace: Option<WorkspaceId>) -> DbResult<()> {
    let value = workspace.map(WorkspaceId::as_uuid);
    let update = Entity::update_many().col_expr(Column::WorkspaceId, Expr::value(value));
    update.filter(Column::Id.eq(id.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Changes the place among pinned chats; 0 takes the pin away.
pub async fn set_pin_order(tx: &Tx, id: ChatId, pin_order: i32) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::PinOrder, Expr::value(pin_order));
    update.filter(Column::Id.eq(id.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Replaces the labels.
pub async fn set_labels(tx: &Tx, id: ChatId, labels: serde_json::Value) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::Labels, Expr::value(labels));
    update.filter(Column::Id.eq(id.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Notes how far the owner has read.
pub async fn set_read(tx: &Tx, id: ChatId, message: MessageId) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::LastReadMessageId, Expr::value(message.get()));
    let update = update.filter(Column::Id.eq(id.as_uuid()));
    update.filter(Column::LastReadMessageId.lt(message.get())).exec(tx).await?;
    Ok(())
}

/// Finds chats that need a worker and whose lease nobody holds at `now`, oldest change first.
pub async fn acquirable(
    connection: &impl ConnectionTrait,
    now: DateTime<Utc>,
    limit: u64,
) -> DbResult<Vec<ChatId>> {
    let busy = [ChatStatus::Running, ChatStatus::Interrupting, ChatStatus::RequiresAction];
    let is_free = Condition::any()
        .add(Column::WorkerId.is_null())
        .add(Column::LeaseExpiresAt.is_null())
        .add(Column::LeaseExpiresAt.lte(now));
    let query = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Status.is_in(busy.map(ChatStatus::as_str)))
        .filter(Column::Archived.eq(false))
        .filter(is_free)
        .order_by_asc(Column::UpdatedAt)
        .order_by_asc(Column::Id)
        .limit(limit);
    let ids = query.into_tuple::<uuid::Uuid>().all(connection).await?;
    Ok(ids.into_iter().map(ChatId::from_uuid).collect())
}

/// Extends the leases of a worker on these chats.
pub async fn renew_leases(
    tx: &Tx,
    worker: ReplicaId,
    chats: &[ChatId],
    until: DateTime<Utc>,
) -> DbResult<()> {
    let update = Entity::update_many()
        .col_expr(Column::LeaseExpiresAt, Expr::value(until))
        .filter(Column::WorkerId.eq(worker.as_uuid()))
        .filter(Column::Id.is_in(chats.iter().map(|chat| chat.as_uuid())));
    update.exec(tx).await?;
    Ok(())
}

/// Ends all leases. Only for a caller that knows that no other worker lives.
pub async fn end_all_leases(tx: &Tx) -> DbResult<()> {
    let nothing: Option<uuid::Uuid> = None;
    let update = Entity::update_many().col_expr(Column::WorkerId, Expr::value(nothing));
    update.filter(Column::WorkerId.is_not_null()).exec(tx).await?;
    Ok(())
}

/// Whether a lease, a history version and an attempt are still the current ones of a chat.
pub async fn is_current(
    connection: &impl ConnectionTrait,
    id: ChatId,
    epoch: i64,
    history_version: i64,
    attempt: i64,
) -> DbResult<bool> {
    let query = Entity::find_by_id(id.as_uuid())
        .select_only()
        .column(Column::Id)
        .filter(Column::WorkerId.is_not_null())
        .filter(Column::LeaseEpoch.eq(epoch))
        .filter(Column::HistoryVersion.eq(history_version))
        .filter(Column::GenerationAttempt.eq(attempt));
    Ok(query.into_tuple::<uuid::Uuid>().one(connection).await?.is_some())
}
