//! The rows of chats and their leases.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::NotSet,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, QueryTrait,
    sea_query::{
        Alias, BinOper, Expr, ExprTrait, Func, LockBehavior, LockType, Order, Query, QueryStatementBuilder,
        SelectStatement, SimpleExpr, WindowStatement,
    },
};
use warren_authz::ListFilter;
use warren_vocab::{
    ChatId, ChatStatus, LeaseId, MessageId, MessageRole, ReplicaId, RunnerId, UserId, WorkspaceId,
};

use super::{
    Page, clock, contains_text, is_false, replicas,
    visible::{Place, visible},
};
use crate::{
    DbResult, Tx,
    entity::{chat_messages, chat_queued_messages, chats::*},
};

/// The condition of the index over chats in which a worker has something to do, word by word: only then it is used.
const IS_BUSY: &str = "status IN ('running', 'interrupting', 'requires_action')";

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

/// Which chats of an owner to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    pub owner: UserId,
    pub archived: bool,
    /// A part of the title.
    pub title: Option<String>,
    /// Whether there is an answer that the owner has not read.
    pub has_unread: Option<bool>,
    /// Labels that the chats have.
    pub labels: Vec<(String, String)>,
    pub after: Option<Cursor>,
}

impl Search {
    /// All chats of an owner that are not archived.
    pub const fn of(owner: UserId) -> Self {
        Self { owner, archived: false, title: None, has_unread: None, labels: Vec::new(), after: None }
    }
}

/// A place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub id: ChatId,
    pub pin_order: i32,
    pub updated_at: DateTime<Utc>,
}

/// Lists the chats of an owner that the caller may read, without those that other chats made: pinned ones first, then the
/// newest change first.
pub async fn list(
    connection: &impl ConnectionTrait,
    readable: &ListFilter,
    search: &Search,
    page: Page,
) -> DbResult<Vec<Model>> {
    let is_unpinned = Expr::col(Column::PinOrder).eq(0);
    let mut query = Entity::find()
        .filter(Column::OwnerId.eq(search.owner.as_uuid()))
        .filter(Column::ParentChatId.is_null())
        .filter(visible(readable, PLACE))
        .filter(Column::Archived.eq(search.archived))
        .order_by_asc(is_unpinned)
        .order_by_asc(Column::PinOrder)
        .order_by_desc(Column::UpdatedAt)
        .order_by_desc(Column::Id);
    if let Some(title) = &search.title {
        query = query.filter(contains_text((Entity, Column::Title), title));
    }
    if let Some(wanted) = search.has_unread {
        let unread = Expr::exists(unread());
        query = query.filter(if wanted { unread } else { unread.not() });
    }
    for (key, value) in &search.labels {
        let stored = Expr::col((Entity, Column::Labels)).binary(BinOper::Custom("->>"), key.clone());
        query = query.filter(stored.eq(value.clone()));
    }
    if let Some(cursor) = search.after {
        query = query.filter(comes_after(cursor));
    }
    Ok(query.limit(page.limit()).offset(page.offset()).all(connection).await?)
}

/// Lists the chats of an owner that changed last, archived ones too.
pub async fn newest_of(connection: &impl ConnectionTrait, owner: UserId, limit: u64) -> DbResult<Vec<Model>> {
    let query = Entity::find()
        .filter(Column::OwnerId.eq(owner.as_uuid()))
        .order_by_desc(Column::UpdatedAt)
        .order_by_desc(Column::Id);
    Ok(query.limit(limit).all(connection).await?)
}

/// Lists the chats that these made, the newest change first.
pub async fn children(connection: &impl ConnectionTrait, roots: &[ChatId]) -> DbResult<Vec<Model>> {
    if roots.is_empty() {
        return Ok(Vec::new());
    }
    let roots = roots.iter().map(|chat| chat.as_uuid());
    let query = Entity::find().filter(Column::RootChatId.is_in(roots));
    Ok(query.order_by_desc(Column::UpdatedAt).order_by_desc(Column::Id).all(connection).await?)
}

/// Lists the chats of workspaces that the caller may read, the newest change first; without archived ones.
pub async fn of_workspaces(
    connection: &impl ConnectionTrait,
    readable: &ListFilter,
    workspaces: &[WorkspaceId],
) -> DbResult<Vec<Model>> {
    let query = Entity::find()
        .filter(Column::WorkspaceId.is_in(workspaces.iter().map(|workspace| workspace.as_uuid())))
        .filter(Column::ParentChatId.is_null())
        .filter(visible(readable, PLACE))
        .filter(is_false(Column::Archived));
    Ok(query.order_by_desc(Column::UpdatedAt).order_by_desc(Column::Id).all(connection).await?)
}

/// Lists the pinned chats of an owner with their places, in order.
pub async fn pinned(connection: &impl ConnectionTrait, owner: UserId) -> DbResult<Vec<(ChatId, i32)>> {
    let query = Entity::find()
        .select_only()
        .columns([Column::Id, Column::PinOrder])
        .filter(Column::OwnerId.eq(owner.as_uuid()))
        .filter(Column::PinOrder.gt(0))
        .order_by_asc(Column::PinOrder)
        .order_by_asc(Column::Id);
    let rows = query.into_tuple::<(uuid::Uuid, i32)>().all(connection).await?;
    Ok(rows.into_iter().map(|(chat, place)| (ChatId::from_uuid(chat), place)).collect())
}

/// The titles of all chats of an owner.
pub async fn titles(
    connection: &impl ConnectionTrait,
    owner: UserId,
) -> DbResult<BTreeMap<uuid::Uuid, String>> {
    let query = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Title])
        .filter(Column::OwnerId.eq(owner.as_uuid()));
    Ok(query.into_tuple::<(uuid::Uuid, String)>().all(connection).await?.into_iter().collect())
}

/// Adds a chat.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// A chat as a transition reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct ForTransition {
    pub chat: Model,
    pub queue_len: i64,
    /// The clock by which leases and deadlines are judged.
    pub now: DateTime<Utc>,
}

/// Reads what a transition decides on.
pub async fn for_transition(tx: &Tx, id: ChatId) -> DbResult<Option<ForTransition>> {
    use chat_queued_messages::{Column as Q, Entity as Queue};
    let queue = Query::select()
        .expr(Func::count(Expr::col((Queue, Q::Id))))
        .from(Queue)
        .and_where(Expr::col((Queue, Q::ChatId)).equals((Entity, Column::Id)))
        .to_owned();
    let queue_len = SimpleExpr::SubQuery(None, Box::new(queue.into_sub_query_statement()));
    let query = Entity::find_by_id(id.as_uuid())
        .expr_as(queue_len, "queue_len")
        .expr_as(clock::expression(tx), "clock");
    let Some(row) = tx.query_one(query.as_query()).await? else { return Ok(None) };
    let now = row.try_get::<DateTime<Utc>>("", "clock")?.trunc_subsecs(6);
    Ok(Some(ForTransition {
        chat: Model::from_query_result(&row, "")?,
        queue_len: row.try_get("", "queue_len")?,
        now,
    }))
}

/// What the row must still be for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    pub snapshot_version: i64,
    /// The lease that the writer holds, for the writes of a worker.
    pub lease: Option<LeaseId>,
}

/// Writes all fields of a chat, in one statement that finds nothing unless the row is as expected. Gives `false` then.
pub async fn update(tx: &Tx, model: Model, expected: Expected) -> DbResult<bool> {
    let id = model.id;
    let mut fields = model.into_active_model().reset_all();
    fields.id = NotSet;
    let mut update = Entity::update_many()
        .set(fields)
        .filter(Column::Id.eq(id))
        .filter(Column::SnapshotVersion.eq(expected.snapshot_version));
    if let Some(lease) = expected.lease {
        update = update.filter(is_current(lease));
    }
    Ok(update.exec(tx).await?.rows_affected == 1)
}

/// Changes the title.
pub async fn set_title(tx: &Tx, id: ChatId, title: &str) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::Title, Expr::value(title));
    update.filter(Column::Id.eq(id.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Notes what the last turn was about, unless the history has changed since. Says whether it was noted.
pub async fn set_turn_summary(
    tx: &Tx,
    id: ChatId,
    history_version: i64,
    summary: Option<&str>,
) -> DbResult<bool> {
    let value = summary.map(str::to_owned);
    let update = Entity::update_many().col_expr(Column::LastTurnSummary, Expr::value(value));
    let update = update.filter(Column::Id.eq(id.as_uuid()));
    let done = update.filter(Column::HistoryVersion.eq(history_version)).exec(tx).await?;
    Ok(done.rows_affected == 1)
}

/// Changes the workspace that the tools of a chat work in; which of its builds and agents they used counts no more.
pub async fn set_workspace(tx: &Tx, id: ChatId, workspace: Option<WorkspaceId>) -> DbResult<()> {
    let value = workspace.map(WorkspaceId::as_uuid);
    let nothing: Option<uuid::Uuid> = None;
    let update = Entity::update_many()
        .col_expr(Column::WorkspaceId, Expr::value(value))
        .col_expr(Column::BuildId, Expr::value(nothing))
        .col_expr(Column::AgentId, Expr::value(nothing));
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

/// Replaces the approval rules that the owner made in the chat.
pub async fn set_approval_rules(tx: &Tx, id: ChatId, rules: serde_json::Value) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::ApprovalRules, Expr::value(rules));
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

/// A chat that waits for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub chat: ChatId,
    pub owner: UserId,
}

/// Who looks for chats to work on, and for how long another server may be silent before its chats are taken.
#[derive(Debug, Clone, Copy)]
pub struct Seeker {
    pub worker: ReplicaId,
    pub patience: TimeDelta,
}

/// Finds chats that need a worker and whose lease nobody alive holds. Owners take turns: the longest waiting chat of each comes
/// first, then the second of each. Chats of owners who have enough running are left out.
pub async fn acquirable(
    connection: &impl ConnectionTrait,
    seeker: Seeker,
    without: &[UserId],
    limit: u64,
) -> DbResult<Vec<Candidate>> {
    let [waiting, place] = [Alias::new("waiting"), Alias::new("place")];
    let mut turns = WindowStatement::partition_by(Column::OwnerId);
    turns.order_by(Column::UpdatedAt, Order::Asc).order_by(Column::Id, Order::Asc);
    let mut free = Query::select();
    free.columns([Column::Id, Column::OwnerId, Column::UpdatedAt])
        .expr_window_as(Func::cust(Alias::new("row_number")), turns, place.clone())
        .from(Entity)
        .and_where(Expr::cust(IS_BUSY))
        .and_where(is_false((Entity, Column::Archived)))
        .cond_where(is_free(connection, seeker));
    if !without.is_empty() {
        free.and_where(Column::OwnerId.is_not_in(without.iter().map(|owner| owner.as_uuid())));
    }
    let query = Query::select()
        .columns([Column::Id, Column::OwnerId])
        .from_subquery(free, waiting)
        .order_by(place, Order::Asc)
        .order_by(Column::UpdatedAt, Order::Asc)
        .order_by(Column::Id, Order::Asc)
        .limit(limit)
        .to_owned();
    let rows = connection.query_all(&query).await?;
    let candidate = |row: QueryResult| {
        let (chat, owner) = (row.try_get("", "id")?, row.try_get("", "owner_id")?);
        Ok(Candidate { chat: ChatId::from_uuid(chat), owner: UserId::from_uuid(owner) })
    };
    rows.into_iter().map(candidate).collect()
}

/// Extends those of these leases that a worker still holds, from now on, and gives them. A lease that has run out is extended
/// too as long as nobody has taken it.
pub async fn renew_leases(
    tx: &Tx,
    worker: ReplicaId,
    leases: &[(ChatId, LeaseId)],
    lasts: TimeDelta,
) -> DbResult<Vec<(ChatId, LeaseId)>> {
    let until = clock::now(tx).await? + lasts;
    let held = || {
        Condition::all()
            .add(Column::WorkerId.eq(worker.as_uuid()))
            .add(Column::Id.is_in(leases.iter().map(|(chat, _)| chat.as_uuid())))
            .add(Column::RunnerId.is_in(leases.iter().map(|(_, lease)| lease.runner.as_uuid())))
    };
    let update = Entity::update_many().col_expr(Column::LeaseExpiresAt, Expr::value(until));
    update.filter(held()).exec(tx).await?;
    let columns = [Column::Id, Column::LeaseEpoch, Column::RunnerId];
    let query = Entity::find().select_only().columns(columns).filter(held());
    let rows = query.into_tuple::<(uuid::Uuid, i64, uuid::Uuid)>().all(tx).await?;
    let lease = |(chat, epoch, runner)| (ChatId::from_uuid(chat), lease(epoch, runner));
    Ok(rows.into_iter().map(lease).collect())
}

/// Finds chats in states that no transition makes: rows of older programs, or damage.
pub async fn impossible(connection: &impl ConnectionTrait, limit: u64) -> DbResult<Vec<ChatId>> {
    use chat_queued_messages::{Column as Q, Entity as Queue};
    let legacy = [ChatStatus::Pending, ChatStatus::Paused, ChatStatus::Completed].map(ChatStatus::as_str);
    let queue = Query::select()
        .expr(Expr::value(1))
        .from(Queue)
        .and_where(Expr::col((Queue, Q::ChatId)).equals((Entity, Column::Id)))
        .to_owned();
    let waits_with_queue =
        Condition::all().add(Column::Status.eq(ChatStatus::Waiting.as_str())).add(Expr::exists(queue));
    let is_busy_in_archive = Condition::all().add(Expr::cust(IS_BUSY)).add(Column::Archived.eq(true));
    let query = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(
            Condition::any().add(Column::Status.is_in(legacy)).add(is_busy_in_archive).add(waits_with_queue),
        )
        .limit(limit);
    let rows = query.into_tuple::<uuid::Uuid>().all(connection).await?;
    Ok(rows.into_iter().map(ChatId::from_uuid).collect())
}

/// Ends all leases. Only for a caller that knows that no other worker lives.
pub async fn end_all_leases(tx: &Tx) -> DbResult<()> {
    let nothing: Option<uuid::Uuid> = None;
    let update = Entity::update_many().col_expr(Column::WorkerId, Expr::value(nothing));
    update.filter(Column::WorkerId.is_not_null()).exec(tx).await?;
    Ok(())
}

/// Ends the leases of a worker that stops, and says how many those were.
pub async fn end_leases_of(tx: &Tx, worker: ReplicaId) -> DbResult<u64> {
    let nothing: Option<uuid::Uuid> = None;
    let update = Entity::update_many().col_expr(Column::WorkerId, Expr::value(nothing));
    Ok(update.filter(Column::WorkerId.eq(worker.as_uuid())).exec(tx).await?.rows_affected)
}

/// What the parts of an unfinished answer belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Progress {
    pub chat: ChatId,
    pub lease: LeaseId,
    pub history_version: i64,
    pub attempt: i64,
}

/// Locks those of the chats that nobody holds, until the end of the transaction, and says how far they are; none for one
/// that no worker has. Never waits. With SQLite nobody can hold a chat.
pub async fn lock_free(tx: &Tx, chats: &[ChatId]) -> DbResult<BTreeMap<ChatId, Option<Progress>>> {
    let query = Entity::find()
        .select_only()
        .columns([Column::Id, Column::LeaseEpoch, Column::HistoryVersion, Column::GenerationAttempt])
        .columns([Column::WorkerId, Column::RunnerId])
        .filter(Column::Id.is_in(chats.iter().map(|chat| chat.as_uuid())))
        // The lock of those who write a chat, see `Database::write_guarded`.
        .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    type Row = (uuid::Uuid, i64, i64, i64, Option<uuid::Uuid>, Option<uuid::Uuid>);
    let rows: Vec<Row> = query.into_tuple().all(tx).await?;
    let progress = |(chat, epoch, history_version, attempt, worker, runner): Row| {
        let chat = ChatId::from_uuid(chat);
        let lease = worker.and(runner).map(|runner| lease(epoch, runner));
        (chat, lease.map(|lease| Progress { chat, lease, history_version, attempt }))
    };
    Ok(rows.into_iter().map(progress).collect())
}

/// A chat is still held under a lease, for writes of its holder to other tables.
pub(super) fn is_held(chat: ChatId, lease: LeaseId) -> SimpleExpr {
    let held = Query::select()
        .expr(Expr::value(1))
        .from(Entity)
        .and_where(Column::Id.eq(chat.as_uuid()))
        .cond_where(is_current(lease))
        .to_owned();
    Expr::exists(held)
}

/// The fence of a lease: who has it is who the row names.
fn is_current(lease: LeaseId) -> Condition {
    Condition::all()
        .add(Column::WorkerId.is_not_null())
        .add(Column::LeaseEpoch.eq(lease.epoch))
        .add(Column::RunnerId.eq(lease.runner.as_uuid()))
}

fn lease(epoch: i64, runner: uuid::Uuid) -> LeaseId {
    LeaseId { epoch, runner: RunnerId::from_uuid(runner) }
}

/// An answer in the chat that its owner has not read.
fn unread() -> SelectStatement {
    use chat_messages::{Column as M, Entity as Messages};
    Query::select()
        .expr(Expr::value(1))
        .from(Messages)
        .and_where(Expr::col((Messages, M::ChatId)).equals((Entity, Column::Id)))
        .and_where(Expr::col((Messages, M::Role)).eq(MessageRole::Assistant.as_str()))
        .and_where(is_false((Messages, M::Deleted)))
        .and_where(Expr::col((Messages, M::Id)).gt(Expr::col((Entity, Column::LastReadMessageId))))
        .to_owned()
}

/// The chats that the list shows after one.
fn comes_after(cursor: Cursor) -> Condition {
    let is_older = Condition::any().add(Column::UpdatedAt.lt(cursor.updated_at)).add(
        Condition::all().add(Column::UpdatedAt.eq(cursor.updated_at)).add(Column::Id.lt(cursor.id.as_uuid())),
    );
    let in_same_place = Condition::all().add(Column::PinOrder.eq(cursor.pin_order)).add(is_older);
    if cursor.pin_order == 0 {
        return in_same_place;
    }
    Condition::any().add(Column::PinOrder.eq(0)).add(Column::PinOrder.gt(cursor.pin_order)).add(in_same_place)
}

/// The chat has no worker, the worker's lease has run out, or another worker's server is dead.
fn is_free(connection: &impl ConnectionTrait, seeker: Seeker) -> Condition {
    use crate::entity::replicas::{Column as R, Entity as Replicas};
    let silent = Query::select()
        .expr(Expr::value(1))
        .from(Replicas)
        .and_where(Expr::col((Replicas, R::Id)).equals((Entity, Column::WorkerId)))
        .and_where(Expr::col((Replicas, R::Id)).ne(seeker.worker.as_uuid()))
        .cond_where(replicas::silent(connection, seeker.patience))
        .to_owned();
    Condition::any()
        .add(Column::WorkerId.is_null())
        .add(Column::LeaseExpiresAt.is_null())
        .add(Expr::exists(silent))
        .add(Expr::col((Entity, Column::LeaseExpiresAt)).lte(clock::expression(connection)))
}
