//! Who belongs to an organization.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
    sea_query::{Expr, Func},
};
use serde_json::Value;
use warren_authz::ListFilter;
use warren_vocab::{OrganizationId, UserId};

use super::{
    Page, contains_text, is_false,
    visible::{Place, visible},
};
use crate::{
    DbResult, Tx,
    entity::{
        organization_members::{Column, Entity, Model},
        users,
    },
};

/// A membership is its account's own.
const PLACE: Place<Column> = Place {
    id: Column::UserId,
    owner: Some(Column::UserId),
    organization: Some(Column::OrganizationId),
    is_shared_with_everybody: false,
};

/// Which members a list holds. Absent criteria do not restrict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub organization: OrganizationId,
    /// What the caller may read.
    pub readable: ListFilter,
    pub user: Option<UserId>,
    pub github_user: Option<i64>,
    /// Part of the user name, e-mail address or name, whatever its case.
    pub text: Option<String>,
    /// Only accounts with this status.
    pub status: Option<String>,
}

impl Filter {
    /// Every member that the caller may read.
    pub fn of(organization: OrganizationId, readable: ListFilter) -> Self {
        Self { organization, readable, user: None, github_user: None, text: None, status: None }
    }
}

/// Lists members with their accounts by user name; deleted accounts are left out.
pub async fn list(
    connection: &impl ConnectionTrait,
    filter: &Filter,
    page: Page,
) -> DbResult<Vec<(Model, users::Model)>> {
    let lower = Func::lower(Expr::col(users::Column::Username));
    let query = accounts(filter).order_by_asc(Expr::expr(lower)).order_by_asc(users::Column::Id);
    let accounts = query.limit(page.limit()).offset(page.offset()).all(connection).await?;
    let ids = accounts.iter().map(|user| user.id);
    let organization = Column::OrganizationId.eq(filter.organization.as_uuid());
    let rows = Entity::find().filter(organization).filter(Column::UserId.is_in(ids)).all(connection).await?;
    let with = |user: users::Model| {
        let row = rows.iter().find(|row| row.user_id == user.id).cloned();
        row.map(|row| (row, user))
    };
    Ok(accounts.into_iter().filter_map(with).collect())
}

/// Counts what [`list`] would give without a page.
pub async fn count(connection: &impl ConnectionTrait, filter: &Filter) -> DbResult<u64> {
    Ok(accounts(filter).count(connection).await?)
}

/// Replaces the roles of a member.
pub async fn set_roles(
    tx: &Tx,
    organization: OrganizationId,
    user: UserId,
    roles: Value,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let update = Entity::update_many()
        .col_expr(Column::Roles, Expr::value(roles))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    update.filter(one(organization, user)).exec(tx).await?;
    Ok(())
}

/// Ends a membership.
pub async fn delete(tx: &Tx, organization: OrganizationId, user: UserId) -> DbResult<()> {
    Entity::delete_many().filter(one(organization, user)).exec(tx).await?;
    Ok(())
}

fn one(organization: OrganizationId, user: UserId) -> Condition {
    Condition::all()
        .add(Column::OrganizationId.eq(organization.as_uuid()))
        .add(Column::UserId.eq(user.as_uuid()))
}

fn accounts(filter: &Filter) -> Select<users::Entity> {
    let members = Entity::find()
        .select_only()
        .column(Column::UserId)
        .filter(Column::OrganizationId.eq(filter.organization.as_uuid()))
        .filter(visible(&filter.readable, PLACE))
        .into_query();
    let mut all =
        Condition::all().add(is_false(users::Column::Deleted)).add(users::Column::Id.in_subquery(members));
    if let Some(user) = filter.user {
        all = all.add(users::Column::Id.eq(user.as_uuid()));
    }
    if let Some(id) = filter.github_user {
        all = all.add(users::Column::GithubComUserId.eq(id));
    }
    if let Some(status) = &filter.status {
        all = all.add(users::Column::Status.eq(status));
    }
    if let Some(text) = &filter.text {
        let columns = [users::Column::Username, users::Column::Email, users::Column::Name];
        let any = columns.into_iter().fold(Condition::any(), |any, one| any.add(contains_text(one, text)));
        all = all.add(any);
    }
    users::Entity::find().filter(all)
}
