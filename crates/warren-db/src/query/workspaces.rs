//! Workspaces.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, sea_query::Expr,
};
use serde_json::json;
use warren_authz::ListFilter;
use warren_vocab::{OrganizationId, TemplateId, UserId, WorkspaceId};

use super::{
    Page, contains_text, is_false, same_text,
    visible::{Place, visible},
};
use crate::{DbResult, Tx, channels, entity::workspaces::*};

const PLACE: Place<Column> = Place {
    id: Column::Id,
    owner: Some(Column::OwnerId),
    organization: Some(Column::OrganizationId),
    is_shared_with_everybody: false,
};

/// Which workspaces a list holds. Absent criteria do not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// What the caller may read; `None` means everything.
    pub visible: Option<ListFilter>,
    pub owner: Option<UserId>,
    pub templates: Option<Vec<TemplateId>>,
    pub organization: Option<OrganizationId>,
    pub ids: Option<Vec<WorkspaceId>>,
    /// Part of the name, whatever its case.
    pub name_part: Option<String>,
    /// The whole name, whatever its case.
    pub name: Option<String>,
    pub deleted: bool,
    pub dormant: Option<bool>,
    pub last_used_before: Option<DateTime<Utc>>,
    pub last_used_after: Option<DateTime<Utc>>,
}

/// Finds a workspace, deleted or not.
pub async fn by_id(connection: &impl ConnectionTrait, id: WorkspaceId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).one(connection).await?)
}

/// Finds workspaces, deleted ones included.
pub async fn by_ids(connection: &impl ConnectionTrait, ids: &[uuid::Uuid]) -> DbResult<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(connection).await?)
}

/// Finds a workspace of an owner by name; among several deleted ones the newest.
pub async fn by_name(
    connection: &impl ConnectionTrait,
    owner: UserId,
    name: &str,
    deleted: bool,
) -> DbResult<Option<Model>> {
    let query =
        Entity::find().filter(Column::OwnerId.eq(owner.as_uuid())).filter(same_text(Column::Name, name));
    let query = if deleted {
        query.filter(Column::Deleted.eq(true)).order_by_desc(Column::CreatedAt)
    } else {
        query.filter(is_false(Column::Deleted))
    };
    Ok(query.one(connection).await?)
}

/// Lists workspaces by name.
pub async fn list(connection: &impl ConnectionTrait, filter: &Filter, page: Page) -> DbResult<Vec<Model>> {
    let query = apply(filter).order_by_asc(Column::Name).order_by_asc(Column::Id);
    Ok(query.limit(page.limit()).offset(page.offset()).all(connection).await?)
}

/// Counts what [`list`] would give without a page.
pub async fn count(connection: &impl ConnectionTrait, filter: &Filter) -> DbResult<u64> {
    Ok(apply(filter).count(connection).await?)
}

/// Adds a workspace.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    tx.notify(channels::WORKSPACES, json!(model.id));
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Gives a workspace another name.
pub async fn rename(tx: &Tx, id: WorkspaceId, name: &str, now: DateTime<Utc>) -> DbResult<()> {
    let update = Entity::update_many()
        .col_expr(Column::Name, Expr::value(name))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()));
    update.exec(tx).await?;
    notify_changed(tx, id);
    Ok(())
}

/// Notes that somebody uses the workspace.
pub async fn touch(tx: &Tx, id: WorkspaceId, now: DateTime<Utc>) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(now));
    update.filter(Column::Id.eq(id.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Marks a workspace as deleted once its delete build has succeeded; the row stays.
pub async fn mark_deleted(tx: &Tx, id: WorkspaceId, now: DateTime<Utc>) -> DbResult<()> {
    let update = Entity::update_many()
        .col_expr(Column::Deleted, Expr::value(true))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()));
    update.exec(tx).await?;
    notify_changed(tx, id);
    Ok(())
}

/// Tells watchers, after the commit, that the workspace, its builds or its agents changed.
pub fn notify_changed(tx: &Tx, id: WorkspaceId) {
    tx.notify(channels::workspace(id), json!({}));
    tx.notify(channels::WORKSPACES, json!(id.as_uuid()));
}

fn apply(filter: &Filter) -> Select<Entity> {
    let mut all = Condition::all();
    all = if filter.deleted { all.add(Column::Deleted.eq(true)) } else { all.add(is_false(Column::Deleted)) };
    if let Some(readable) = &filter.visible {
        all = all.add(visible(readable, PLACE));
    }
    if let Some(owner) = filter.owner {
        all = all.add(Column::OwnerId.eq(owner.as_uuid()));
    }
    if let Some(templates) = &filter.templates {
        all = all.add(Column::TemplateId.is_in(templates.iter().map(|id| id.as_uuid())));
    }
    if let Some(organization) = filter.organization {
        all = all.add(Column::OrganizationId.eq(organization.as_uuid()));
    }
    if let Some(ids) = &filter.ids {
        all = all.add(Column::Id.is_in(ids.iter().map(|id| id.as_uuid())));
    }
    if let Some(part) = &filter.name_part {
        all = all.add(contains_text(Column::Name, part));
    }
    if let Some(name) = &filter.name {
        all = all.add(same_text(Column::Name, name));
    }
    if let Some(dormant) = filter.dormant {
        let since = Column::DormantAt;
        all = all.add(if dormant { since.is_not_null() } else { since.is_null() });
    }
    if let Some(moment) = filter.last_used_before {
        all = all.add(Column::LastUsedAt.lt(moment));
    }
    if let Some(moment) = filter.last_used_after {
        all = all.add(Column::LastUsedAt.gt(moment));
    }
    Entity::find().filter(all)
}
