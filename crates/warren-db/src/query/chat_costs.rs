//! What answers have cost: sums over the history, over messages that were cut out of it and calls that were cut off too,
//! as they were paid for.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationDef, Select,
    sea_query::{Alias, CaseStatement, Expr, ExprTrait, Func, SimpleExpr},
};
use uuid::Uuid;
use warren_vocab::UserId;

use super::{Page, contains_text};
use crate::{
    DbResult,
    entity::{
        chat_usage::{Column, Entity},
        chats, users,
    },
};

/// Sums over answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromQueryResult)]
pub struct Totals {
    pub total_cost_micros: i64,
    /// The part of it that was estimated, because the provider did not come to say what a call used.
    pub estimated_cost_micros: i64,
    /// Answers whose price was known.
    pub priced_message_count: i64,
    /// Answers that used tokens of a model without a price.
    pub unpriced_message_count: i64,
    pub total_input_tokens: i64,
    pub total_output_tokens: i64,
    pub total_cache_read_tokens: i64,
    pub total_cache_creation_tokens: i64,
    pub total_runtime_ms: i64,
}

/// Sums over the answers of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct OfModel {
    pub model_config_id: Option<Uuid>,
    #[sea_orm(nested)]
    pub totals: Totals,
}

/// Sums over one chat and those that it made.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct OfChat {
    pub root_chat_id: Uuid,
    #[sea_orm(nested)]
    pub totals: Totals,
}

/// Sums over the chats of one account.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct OfUser {
    pub user_id: Uuid,
    pub username: String,
    pub name: String,
    pub avatar_url: String,
    pub chat_count: i64,
    #[sea_orm(nested)]
    pub totals: Totals,
}

/// A stretch of time; the end does not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// Sums up what an owner's chats have used.
pub async fn of_owner(connection: &impl ConnectionTrait, owner: UserId, span: Span) -> DbResult<Totals> {
    let found = totals(used(span)).filter(chats::Column::OwnerId.eq(owner.as_uuid()));
    Ok(found.into_model::<Totals>().one(connection).await?.unwrap_or_default())
}

/// Sums up by model, the dearest first.
pub async fn by_model(
    connection: &impl ConnectionTrait,
    owner: UserId,
    span: Span,
) -> DbResult<Vec<OfModel>> {
    let found = totals(used(span).column(Column::ModelConfigId))
        .filter(chats::Column::OwnerId.eq(owner.as_uuid()))
        .group_by(Column::ModelConfigId)
        .order_by_desc(Expr::col(Alias::new("total_cost_micros")))
        .order_by_asc(Column::ModelConfigId);
    Ok(found.into_model::<OfModel>().all(connection).await?)
}

/// Sums up by chat, the dearest first; what a chat has made counts as its own.
pub async fn by_chat(connection: &impl ConnectionTrait, owner: UserId, span: Span) -> DbResult<Vec<OfChat>> {
    let root = || {
        SimpleExpr::from(Func::coalesce([
            Expr::col((chats::Entity, chats::Column::RootChatId)),
            Expr::col((chats::Entity, chats::Column::Id)),
        ]))
    };
    let mut found = totals(used(span).column_as(root(), "root_chat_id"))
        .filter(chats::Column::OwnerId.eq(owner.as_uuid()))
        .order_by_desc(Expr::col(Alias::new("total_cost_micros")))
        .order_by_asc(Expr::col(Alias::new("root_chat_id")));
    QuerySelect::query(&mut found).add_group_by([root()]);
    Ok(found.into_model::<OfChat>().all(connection).await?)
}

/// Sums up by owner, the dearest first. `name` is a part of the user name or the name.
pub async fn by_user(
    connection: &impl ConnectionTrait,
    span: Span,
    name: &str,
    page: Page,
) -> DbResult<Vec<OfUser>> {
    let chat_count = Expr::col((Entity, Column::ChatId)).count_distinct();
    let found = totals(
        used(span)
            .column_as(chats::Column::OwnerId, "user_id")
            .column_as(users::Column::Username, "username")
            .column_as(users::Column::Name, "name")
            .column_as(users::Column::AvatarUrl, "avatar_url")
            .column_as(chat_count, "chat_count"),
    )
    .join(JoinType::InnerJoin, owner())
    .filter(named(name))
    .group_by(chats::Column::OwnerId)
    .group_by(users::Column::Username)
    .group_by(users::Column::Name)
    .group_by(users::Column::AvatarUrl)
    .order_by_desc(Expr::col(Alias::new("total_cost_micros")))
    .order_by_asc(users::Column::Username);
    Ok(found.limit(page.limit()).offset(page.offset()).into_model::<OfUser>().all(connection).await?)
}

/// Counts the owners that [`by_user`] lists.
pub async fn count_users(connection: &impl ConnectionTrait, span: Span, name: &str) -> DbResult<i64> {
    let owners = Expr::col((chats::Entity, chats::Column::OwnerId)).count_distinct();
    let found = used(span)
        .column_as(owners, "n_users")
        .join(JoinType::InnerJoin, owner())
        .filter(named(name))
        .into_tuple::<i64>();
    Ok(found.one(connection).await?.unwrap_or(0))
}

/// Answers, with their chats.
fn used(span: Span) -> Select<Entity> {
    let chat: RelationDef =
        Entity::belongs_to(chats::Entity).from(Column::ChatId).to(chats::Column::Id).into();
    Entity::find()
        .select_only()
        .join(JoinType::InnerJoin, chat)
        .filter(Column::CreatedAt.gte(span.from))
        .filter(Column::CreatedAt.lt(span.until))
}

fn owner() -> RelationDef {
    chats::Entity::belongs_to(users::Entity).from(chats::Column::OwnerId).to(users::Column::Id).into()
}

fn named(part: &str) -> Condition {
    if part.is_empty() {
        return Condition::all();
    }
    Condition::any()
        .add(contains_text((users::Entity, users::Column::Username), part))
        .add(contains_text((users::Entity, users::Column::Name), part))
}

fn totals(select: Select<Entity>) -> Select<Entity> {
    let price = || Expr::col((Entity, Column::TotalCostMicros));
    select
        .column_as(sum(Column::TotalCostMicros), "total_cost_micros")
        .column_as(sum(Column::EstimatedCostMicros), "estimated_cost_micros")
        .column_as(count_if(price().is_not_null()), "priced_message_count")
        .column_as(count_if(price().is_null()), "unpriced_message_count")
        .column_as(sum(Column::InputTokens), "total_input_tokens")
        .column_as(sum(Column::OutputTokens), "total_output_tokens")
        .column_as(sum(Column::CacheReadTokens), "total_cache_read_tokens")
        .column_as(sum(Column::CacheCreationTokens), "total_cache_creation_tokens")
        .column_as(sum(Column::RuntimeMs), "total_runtime_ms")
}

/// A sum as a whole number: PostgreSQL's sum of big integers is a decimal.
fn sum(column: Column) -> SimpleExpr {
    whole(Func::sum(Expr::col((Entity, column))).into())
}

fn count_if(condition: SimpleExpr) -> SimpleExpr {
    whole(Func::sum(CaseStatement::new().case(condition, 1).finally(0)).into())
}

fn whole(sum: SimpleExpr) -> SimpleExpr {
    SimpleExpr::from(Func::coalesce([sum, Expr::value(0)])).cast_as("bigint")
}
