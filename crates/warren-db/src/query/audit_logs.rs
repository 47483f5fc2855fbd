//! The audit log.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{ExprTrait, Query},
};
use warren_authz::ListFilter;
use warren_vocab::{AuditAction, BuildReason, OrganizationId, RequestId, ResourceType, UserId};

use super::{
    Page, contains_text, same_text,
    visible::{Place, visible},
};
use crate::{
    DbResult, Tx,
    entity::{audit_logs::*, users, workspace_builds},
};

/// Nobody owns an entry, not even who caused it.
const PLACE: Place<Column> = Place {
    id: Column::Id,
    owner: None,
    organization: Some(Column::OrganizationId),
    is_shared_with_everybody: false,
};

/// What a list of entries is narrowed to; every set field must match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// What the caller may read; `None` for all entries.
    pub visible: Option<ListFilter>,
    pub organization: Option<OrganizationId>,
    pub resource_type: Option<ResourceType>,
    pub resource_id: Option<uuid::Uuid>,
    /// A part of the object's name, whatever its case.
    pub resource_target: Option<String>,
    pub action: Option<AuditAction>,
    pub user: Option<UserId>,
    pub username: Option<String>,
    pub email: Option<String>,
    /// From this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub before: Option<DateTime<Utc>>,
    pub build_reason: Option<BuildReason>,
    pub request: Option<RequestId>,
}

/// The place of an entry in the order of the list: newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub time: DateTime<Utc>,
    pub id: uuid::Uuid,
}

impl Position {
    /// The place of an entry.
    pub fn of(row: &Model) -> Self {
        Self { time: row.time, id: row.id }
    }
}

/// Adds an entry.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Lists entries, newest first.
pub async fn list(connection: &impl ConnectionTrait, filter: &Filter, page: Page) -> DbResult<Vec<Model>> {
    let query = newest_first(filter).limit(page.limit()).offset(page.offset());
    Ok(query.all(connection).await?)
}

/// Lists the entries that stand after a place in the list, newest first.
pub async fn list_after(
    connection: &impl ConnectionTrait,
    filter: &Filter,
    after: Option<Position>,
    limit: u64,
) -> DbResult<Vec<Model>> {
    let mut query = newest_first(filter).limit(limit);
    if let Some(after) = after {
        let same_moment = Column::Time.eq(after.time).and(Column::Id.lt(after.id));
        query = query.filter(Condition::any().add(Column::Time.lt(after.time)).add(same_moment));
    }
    Ok(query.all(connection).await?)
}

/// Counts entries, but at most `limit` of them.
pub async fn count(connection: &impl ConnectionTrait, filter: &Filter, limit: u64) -> DbResult<u64> {
    let rows = Entity::find().filter(condition(filter)).select_only().column(Column::Id).limit(limit);
    Ok(rows.count(connection).await?)
}

/// Deletes at most `limit` entries from before a moment and says how many there were.
pub async fn delete_before(tx: &Tx, moment: DateTime<Utc>, limit: u64) -> DbResult<u64> {
    let old = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::Time.lt(moment))
        .order_by(Column::Time, sea_orm::Order::Asc)
        .limit(limit)
        .to_owned();
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(old)).exec(tx).await?;
    Ok(deleted.rows_affected)
}

fn newest_first(filter: &Filter) -> sea_orm::Select<Entity> {
    Entity::find().filter(condition(filter)).order_by_desc(Column::Time).order_by_desc(Column::Id)
}

fn condition(filter: &Filter) -> Condition {
    Condition::all()
        .add_option(filter.visible.as_ref().map(|readable| visible(readable, PLACE)))
        .add_option(filter.organization.map(|id| Column::OrganizationId.eq(id.as_uuid())))
        .add_option(filter.resource_type.map(|kind| Column::ResourceType.eq(kind.as_str())))
        .add_option(filter.resource_id.map(|id| Column::ResourceId.eq(id)))
        .add_option(filter.resource_target.as_deref().map(|part| contains_text(Column::ResourceTarget, part)))
        .add_option(filter.action.map(|action| Column::Action.eq(action.as_str())))
        .add_option(filter.user.map(|id| Column::UserId.eq(id.as_uuid())))
        .add_option(filter.username.as_deref().map(|name| by_user(users::Column::Username, name)))
        .add_option(filter.email.as_deref().map(|email| by_user(users::Column::Email, email)))
        .add_option(filter.from.map(|moment| Column::Time.gte(moment)))
        .add_option(filter.before.map(|moment| Column::Time.lt(moment)))
        .add_option(filter.build_reason.map(of_build))
        .add_option(filter.request.map(|id| Column::RequestId.eq(id.as_uuid())))
}

fn by_user(column: users::Column, text: &str) -> sea_orm::sea_query::SimpleExpr {
    let ids = Query::select()
        .column(users::Column::Id)
        .from(users::Entity)
        .and_where(same_text(column, text))
        .to_owned();
    Column::UserId.in_subquery(ids)
}

fn of_build(reason: BuildReason) -> sea_orm::sea_query::SimpleExpr {
    let ids = Query::select()
        .column(workspace_builds::Column::Id)
        .from(workspace_builds::Entity)
        .and_where(workspace_builds::Column::Reason.eq(reason.as_str()))
        .to_owned();
    Column::ResourceId.in_subquery(ids)
}
