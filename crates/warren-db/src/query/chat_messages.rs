//! The history of chats.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::NotSet,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};
use warren_vocab::{ChatId, MessageId, MessageRole, MessageVisibility};

use super::is_false;
use crate::{DbResult, Tx, entity::chat_messages::*};

/// A slice of a history as users see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slice {
    pub before: Option<MessageId>,
    pub after: Option<MessageId>,
    pub newest_first: bool,
    pub limit: u64,
}

/// Lists the messages that are not deleted, oldest first.
pub async fn live(connection: &impl ConnectionTrait, chat: ChatId) -> DbResult<Vec<Model>> {
    let query = Entity::find().filter(Column::ChatId.eq(chat.as_uuid())).filter(is_false(Column::Deleted));
    Ok(query.order_by_asc(Column::Id).all(connection).await?)
}

/// Lists what the next step of a turn depends on, without what only users see: all system messages, the newest summary and
/// what came after it, and the turn from the last message of a user on even where a summary stands for it. Oldest first.
pub async fn working(connection: &impl ConnectionTrait, chat: ChatId) -> DbResult<Vec<Model>> {
    let of_model = || {
        Entity::find()
            .filter(Column::ChatId.eq(chat.as_uuid()))
            .filter(is_false(Column::Deleted))
            .filter(Column::Visibility.ne(MessageVisibility::User.as_str()))
    };
    let newest = |of: Select<Entity>| of.select_only().column(Column::Id).order_by_desc(Column::Id);
    let is_summary = Column::Visibility.eq(MessageVisibility::Model.as_str());
    let summary = newest(of_model().filter(Column::Compressed.eq(true)).filter(is_summary));
    let summary: Option<i64> = summary.into_tuple().one(connection).await?;
    let Some(summary) = summary else {
        return Ok(of_model().order_by_asc(Column::Id).all(connection).await?);
    };
    let is_asked = Column::Role.eq(MessageRole::User.as_str()).and(is_false(Column::Compressed));
    let asked: Option<i64> = newest(of_model().filter(is_asked)).into_tuple().one(connection).await?;
    let first = asked.map_or(summary, |asked| Ord::min(asked, summary));
    let is_working = Condition::any()
        .add(Column::Id.gte(first))
        .add(Column::Role.eq(MessageRole::System.as_str()).and(is_false(Column::Compressed)));
    Ok(of_model().filter(is_working).order_by_asc(Column::Id).all(connection).await?)
}

/// Lists the messages after the last one of a user, oldest first: the calls that may be open are in these, as a message of
/// a user answers all calls before it.
pub async fn of_turn(connection: &impl ConnectionTrait, chat: ChatId) -> DbResult<Vec<Model>> {
    let live = || Entity::find().filter(Column::ChatId.eq(chat.as_uuid())).filter(is_false(Column::Deleted));
    let last = live()
        .select_only()
        .column(Column::Id)
        .filter(Column::Role.eq(MessageRole::User.as_str()))
        .filter(Column::Visibility.ne(MessageVisibility::Model.as_str()))
        .order_by_desc(Column::Id);
    let last: Option<i64> = last.into_tuple().one(connection).await?;
    let query = live().filter(Column::Id.gt(last.unwrap_or(0))).order_by_asc(Column::Id);
    Ok(query.all(connection).await?)
}

/// Lists the messages that changed after a revision, deleted ones too, oldest first.
pub async fn changed_since(
    connection: &impl ConnectionTrait,
    chat: ChatId,
    revision: i64,
) -> DbResult<Vec<Model>> {
    let query = Entity::find().filter(Column::ChatId.eq(chat.as_uuid()));
    let query = query.filter(Column::Revision.gt(revision)).order_by_asc(Column::Id);
    Ok(query.all(connection).await?)
}

/// Lists messages that users see.
pub async fn visible(connection: &impl ConnectionTrait, chat: ChatId, slice: Slice) -> DbResult<Vec<Model>> {
    let mut query = Entity::find()
        .filter(Column::ChatId.eq(chat.as_uuid()))
        .filter(is_false(Column::Deleted))
        .filter(Column::Visibility.ne(MessageVisibility::Model.as_str()))
        .filter(Column::Role.ne(MessageRole::System.as_str()));
    if let Some(before) = slice.before {
        query = query.filter(Column::Id.lt(before.get()));
    }
    if let Some(after) = slice.after {
        query = query.filter(Column::Id.gt(after.get()));
    }
    let query =
        if slice.newest_first { query.order_by_desc(Column::Id) } else { query.order_by_asc(Column::Id) };
    Ok(query.limit(slice.limit).all(connection).await?)
}

/// Finds a message of a chat that is not deleted.
pub async fn by_id(
    connection: &impl ConnectionTrait,
    chat: ChatId,
    id: MessageId,
) -> DbResult<Option<Model>> {
    let query = Entity::find_by_id(id.get()).filter(Column::ChatId.eq(chat.as_uuid()));
    Ok(query.filter(is_false(Column::Deleted)).one(connection).await?)
}

/// The newest visible message of each chat, for the unread mark.
pub async fn newest_ids(
    connection: &impl ConnectionTrait,
    chats: &[ChatId],
) -> DbResult<Vec<(ChatId, MessageId)>> {
    let rows = Entity::find()
        .select_only()
        .column(Column::ChatId)
        .column_as(Column::Id.max(), "newest")
        .filter(Column::ChatId.is_in(chats.iter().map(|chat| chat.as_uuid())))
        .filter(is_false(Column::Deleted))
        .filter(Column::Role.eq(MessageRole::Assistant.as_str()))
        .group_by(Column::ChatId)
        .into_tuple::<(uuid::Uuid, i64)>()
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|(chat, id)| (ChatId::from_uuid(chat), MessageId(id))).collect())
}

/// Lists the messages of a role that users see, newest first.
pub async fn newest_of_role(
    connection: &impl ConnectionTrait,
    chat: ChatId,
    role: MessageRole,
    limit: u64,
) -> DbResult<Vec<Model>> {
    let query = Entity::find()
        .filter(Column::ChatId.eq(chat.as_uuid()))
        .filter(is_false(Column::Deleted))
        .filter(Column::Visibility.ne(MessageVisibility::Model.as_str()))
        .filter(Column::Role.eq(role.as_str()));
    Ok(query.order_by_desc(Column::Id).limit(limit).all(connection).await?)
}

/// Adds a message; its id is given by the database.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<Model> {
    let mut active = model.into_active_model();
    active.id = NotSet;
    Ok(active.insert(tx).await?)
}

/// Marks a message and all later ones as deleted.
pub async fn cut(tx: &Tx, chat: ChatId, from: MessageId, revision: i64) -> DbResult<()> {
    let update = Entity::update_many()
        .col_expr(Column::Deleted, Expr::value(true))
        .col_expr(Column::Revision, Expr::value(revision))
        .filter(Column::ChatId.eq(chat.as_uuid()))
        .filter(Column::Id.gte(from.get()))
        .filter(is_false(Column::Deleted));
    update.exec(tx).await?;
    Ok(())
}
