//! A host that vanishes: connections say nothing more and do not end. There are none on SQLite.

use std::time::Duration;

use sea_orm::{
    EntityTrait, PaginatorTrait,
    sqlx::{Connection, Executor, PgConnection},
};
use serde_json::json;
use tokio::time::{Instant, timeout};
use warren_db::{Database, DbError, Guard, Location, Notice, Tx, entity::users};
use warren_db_testkit::TestDatabase;
use warren_vocab::UserId;

use crate::support::{Said, insert, user};

/// How long a server may need to answer again. It is held to 15 s for a question; the rest is for a busy machine.
const BOUND: Duration = Duration::from_secs(25);
const DEADLINE: Duration = Duration::from_secs(60);

/// Asks until it is answered.
async fn until_answered<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, DbError>) -> T {
    let answered = async {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(DbError::Unavailable(_) | DbError::Busy) => {}
                Err(error) => panic!("{what}: {error}: {error:?}"),
            }
        }
    };
    timeout(BOUND, answered).await.unwrap_or_else(|_| panic!("{what} is not answered"))
}

async fn read(db: &Database) -> Result<u64, DbError> {
    Ok(users::Entity::find().count(db.reader()).await?)
}

#[tokio::test]
async fn a_server_whose_connections_go_silent_gives_them_up_and_answers_again() {
    let database = TestDatabase::new().await;
    let Some(way) = database.way().await else { return };
    let db = Database::open(way.location()).await.unwrap();
    let ada = user("ada@example.com");
    let guard = || Guard::user(UserId::from_uuid(ada.id));
    db.write(async |tx| insert(tx, ada.clone()).await).await.unwrap();
    let noted = async |tx: &Tx| read_in(tx).await.map(drop);
    // Connections of each kind are there and were used just now.
    let (left, right) = tokio::join!(read(&db), read(&db));
    assert_eq!((left.unwrap(), right.unwrap()), (1, 1));
    db.write_guarded(guard(), noted).await.unwrap();
    db.write_apart(noted).await.unwrap();
    let mut hints = db.subscribe("news");

    assert!(way.silence_all() >= 4);
    tokio::join!(
        until_answered("a question", async || read(&db).await),
        until_answered("a look at one moment", async || {
            let snapshot = db.snapshot().await?;
            let n = users::Entity::find().count(&snapshot).await?;
            snapshot.rollback().await?;
            Ok(n)
        }),
        until_answered("a writer", async || db.write(noted).await),
        until_answered("a guarded writer", async || db.write_guarded(guard(), noted).await),
        until_answered("a sign of life", async || db.write_apart(noted).await),
    );
    way.until_given_up(DEADLINE).await;
    let second = database.database();
    let heard = async {
        loop {
            second.publish("news", json!(1));
            if let Ok(Some(Notice::Hint(_))) = timeout(Duration::from_secs(1), hints.next()).await {
                return;
            }
        }
    };
    timeout(DEADLINE, heard).await.expect("hints of others are heard again");
}

#[tokio::test]
async fn nobody_claims_to_know_what_became_of_a_commit_that_was_not_answered() {
    let database = TestDatabase::new().await;
    let Some(way) = database.way().await else { return };
    let db = Database::open(way.location()).await.unwrap();
    let begun = Instant::now();
    let written = db.write(async |tx| {
        insert(tx, user("ada@example.com")).await?;
        way.silence_all();
        Ok::<_, DbError>(())
    });
    let error = timeout(BOUND, written).await.expect("the writer is told").unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?} after {:?}", begun.elapsed());
    // A question in the middle of a transaction: it has failed, and its lock is held by nobody.
    let written = db.write(async |tx| {
        way.silence_all();
        insert(tx, user("bob@example.com")).await
    });
    let error = timeout(BOUND, written).await.expect("the writer is told").unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
    until_answered("the next writer", async || db.write(async |tx| read_in(tx).await).await).await;
}

async fn read_in(tx: &Tx) -> Result<u64, DbError> {
    Ok(users::Entity::find().count(tx).await?)
}

#[tokio::test]
async fn a_server_that_waits_for_the_migrations_of_another_says_so_and_goes_on_after_them() {
    let (said, _guard) = Said::listen();
    let database = TestDatabase::new().await;
    let Location::Postgres { url } = database.location().clone() else { return };
    let mut migrating = PgConnection::connect(&url).await.unwrap();
    let lock = "SELECT pg_advisory_lock(x'77617272656e0001'::bigint)";
    migrating.execute(lock).await.unwrap();
    let opening = Database::open(database.location());
    let telling = async {
        while !said.text().contains("waiting for another server that brings the database up to date") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        migrating.close().await.unwrap();
    };
    let (opened, ()) = timeout(DEADLINE, async { tokio::join!(opening, telling) }).await.unwrap();
    assert_eq!(read(&opened.unwrap()).await.unwrap(), 0);
}
