//! The account list: what to look for, applied in SQL.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Func, LikeExpr, Query, SimpleExpr},
};
use warren_authz::ListFilter;
use warren_vocab::{LoginType, UserId, UserStatus};

use crate::{
    DbResult,
    entity::users::*,
    query::{
        Page, is_false,
        visible::{Place, visible},
    },
};

/// An account owns itself.
const PLACE: Place<Column> =
    Place { id: Column::Id, owner: Some(Column::Id), organization: None, is_shared_with_everybody: false };

/// Which accounts a list holds. Absent and empty criteria do not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Part of the user name, e-mail address or display name.
    pub search: Option<String>,
    /// Part of the display name.
    pub name: Option<String>,
    pub statuses: Vec<UserStatus>,
    /// Names of site roles, of which an account has at least one.
    pub roles: Vec<String>,
    pub login_types: Vec<LoginType>,
    pub is_service_account: Option<bool>,
    pub github_com_user_id: Option<i64>,
    pub last_seen_before: Option<DateTime<Utc>>,
    pub last_seen_after: Option<DateTime<Utc>>,
    pub created_before: Option<DateTime<Utc>>,
    pub created_after: Option<DateTime<Utc>>,
}

/// Lists accounts by user name, those after the given one if there is one.
pub async fn list(
    connection: &impl ConnectionTrait,
    readable: &ListFilter,
    filter: &Filter,
    after: Option<UserId>,
    page: Page,
) -> DbResult<Vec<Model>> {
    let mut query = apply(readable, filter);
    if let Some(after) = after {
        query = query.filter(name_key().gt(name_key_of(after)));
    }
    let query = query.order_by_asc(name_key()).order_by_asc(Column::Id);
    Ok(query.limit(page.limit()).offset(page.offset()).all(connection).await?)
}

/// Counts the accounts of the whole list.
pub async fn count(
    connection: &impl ConnectionTrait,
    readable: &ListFilter,
    filter: &Filter,
) -> DbResult<u64> {
    Ok(apply(readable, filter).count(connection).await?)
}

fn apply(readable: &ListFilter, filter: &Filter) -> Select<Entity> {
    let mut all = Condition::all().add(is_false(Column::Deleted)).add(visible(readable, PLACE));
    if let Some(part) = &filter.search {
        let columns = [Column::Username, Column::Email, Column::Name];
        let any = columns.into_iter().fold(Condition::any(), |any, column| any.add(holds(column, part)));
        all = all.add(any);
    }
    if let Some(part) = &filter.name {
        all = all.add(holds(Column::Name, part));
    }
    if !filter.statuses.is_empty() {
        all = all.add(Column::Status.is_in(filter.statuses.iter().map(|one| one.as_str())));
    }
    if !filter.login_types.is_empty() {
        all = all.add(Column::LoginType.is_in(filter.login_types.iter().map(|one| one.as_str())));
    }
    if !filter.roles.is_empty() {
        let any = filter.roles.iter().fold(Condition::any(), |any, role| any.add(has_role(role)));
        all = all.add(any);
    }
    Entity::find().filter(times(filter, all))
}

fn times(filter: &Filter, mut all: Condition) -> Condition {
    if let Some(is_service_account) = filter.is_service_account {
        let flag = Expr::col(Column::IsServiceAccount);
        all = all.add(if is_service_account { flag } else { flag.not() });
    }
    if let Some(id) = filter.github_com_user_id {
        all = all.add(Column::GithubComUserId.eq(id));
    }
    if let Some(before) = filter.last_seen_before {
        // An account that was never used was last seen before everything.
        all = all.add(Column::LastSeenAt.lte(before).or(Column::LastSeenAt.is_null()));
    }
    if let Some(after) = filter.last_seen_after {
        all = all.add(Column::LastSeenAt.gte(after));
    }
    if let Some(before) = filter.created_before {
        all = all.add(Column::CreatedAt.lte(before));
    }
    if let Some(after) = filter.created_after {
        all = all.add(Column::CreatedAt.gte(after));
    }
    all
}

/// Names are ordered whatever their case, as they are unique whatever their case.
fn name_key() -> SimpleExpr {
    Expr::expr(Func::lower(Expr::col(Column::Username)))
}

fn name_key_of(user: UserId) -> SimpleExpr {
    let mut named = Query::select();
    named.expr(name_key()).from(Entity).and_where(Expr::col(Column::Id).eq(user.as_uuid()));
    SimpleExpr::SubQuery(None, Box::new(named.into()))
}

fn holds(column: Column, part: &str) -> SimpleExpr {
    Expr::expr(Func::lower(Expr::col(column))).like(containing(&part.to_lowercase()))
}

/// Role names are stored as a list of texts, in which a quoted name stands for nothing else.
fn has_role(role: &str) -> SimpleExpr {
    Expr::col(Column::Roles).cast_as("text").like(containing(&format!("\"{role}\"")))
}

/// A pattern in which the text stands for itself.
fn containing(text: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape('\\')
}
