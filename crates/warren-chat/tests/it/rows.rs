//! What the database holds, and changes of it that no transition makes.

use chrono::{DateTime, Utc};
use warren_db::{
    Database, DbError, Location, Tx,
    entity::{chats, users},
    query,
};
use warren_vocab::{ChatId, UserStatus};

use crate::support::{DEADLINE, Stage};

pub(crate) async fn row(stage: &Stage, chat: ChatId) -> chats::Model {
    query::chats::by_id(stage.db.reader(), chat).await.unwrap().unwrap()
}

/// The time by which leases and deadlines are judged.
pub(crate) async fn now(db: &Database) -> DateTime<Utc> {
    query::clock::now(db.reader()).await.unwrap()
}

/// Waits until the row is as wanted.
pub(crate) async fn until_row(
    stage: &Stage,
    chat: ChatId,
    what: &str,
    is_so: impl Fn(&chats::Model) -> bool,
) -> chats::Model {
    let waiting = tokio::time::timeout(DEADLINE, async {
        loop {
            let row = row(stage, chat).await;
            if is_so(&row) {
                return row;
            }
            tokio::task::yield_now().await;
        }
    });
    match waiting.await {
        Ok(row) => row,
        Err(_) => panic!("waited in vain for {what}: {:?}", row(stage, chat).await),
    }
}

/// Waits until something that is not in the database is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = tokio::time::timeout(DEADLINE, async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    });
    assert!(waiting.await.is_ok(), "waited in vain for {what}");
}

/// Runs statements past everything that knows what they mean. Nobody is told.
pub(crate) async fn sql(db: &Database, statements: &[String]) {
    let run = db.write(async |tx: &Tx| {
        for statement in statements {
            use warren_db::ConnectionTrait;
            tx.execute_unprepared(statement).await?;
        }
        Ok::<_, DbError>(())
    });
    run.await.unwrap();
}

/// Changes columns of a chat without telling anybody.
pub(crate) async fn change(stage: &Stage, chat: ChatId, columns: &str) {
    let id = literal(stage.location(), chat);
    sql(&stage.db, &[format!("UPDATE chats SET {columns} WHERE id = {id}")]).await;
}

/// The id of a chat as a literal of the engine.
pub(crate) fn literal(location: &Location, chat: ChatId) -> String {
    match location {
        Location::Sqlite { .. } => format!("x'{}'", chat.as_uuid().simple()),
        Location::Postgres { .. } => format!("'{chat}'"),
    }
}

/// Takes a table away, or gives it back.
pub(crate) async fn rename(stage: &Stage, from: &str, to: &str) {
    sql(&stage.db, &[format!("ALTER TABLE {from} RENAME TO {to}")]).await;
}

/// Changes the account of all chats' owner. It is told to others unless `is_silent`.
pub(crate) async fn set_owner(stage: &Stage, status: UserStatus, deleted: bool, is_silent: bool) {
    let owner = stage.subject.user;
    let write = stage.db.write(async |tx: &Tx| {
        let old = query::users::by_id(tx, owner).await?.expect("the owner is there");
        let new = users::Model { status: status.to_string(), deleted, ..old };
        query::users::update(tx, new).await?;
        if !is_silent {
            tx.notify(warren_db::channels::sessions(owner), serde_json::Value::Null);
        }
        Ok::<_, DbError>(())
    });
    write.await.unwrap();
}
