//! Several servers on one PostgreSQL database. On SQLite there is no second one, and these tests have nothing to do.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, Statement};
use serde_json::{Value, json};
use warren_db::{Database, DbError, Location, Notice, Subscription, Tx, entity::users};
use warren_db_testkit::TestDatabase;

use crate::support::{insert, user};

const DEADLINE: Duration = Duration::from_secs(30);

async fn next(hints: &mut Subscription) -> Notice {
    tokio::time::timeout(DEADLINE, hints.next()).await.expect("a notice comes").expect("the publisher lives")
}

/// Ends the connections of all servers on the database, as a restart of PostgreSQL does.
async fn cut_connections(db: &Database) {
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let statement = Statement::from_string(DbBackend::Postgres, cut);
    db.reader().query_all_raw(statement).await.unwrap();
}

#[tokio::test]
async fn the_time_is_that_of_the_database_and_follows_it() {
    let database = TestDatabase::new().await;
    let off_by = |db: &Database| (db.now() - Utc::now()).num_seconds();
    for minutes in [5, -5] {
        database.skew_clock(minutes).await;
        let Some(db) = database.second_handle().await else { return };
        assert!((off_by(&db) - 60 * minutes).abs() < 30, "{} s", off_by(&db));
        let in_transaction = db.write(async |tx| Ok::<_, DbError>(tx.now())).await.unwrap();
        assert!((db.now() - in_transaction).abs() < TimeDelta::seconds(30));
        // Somebody sets the clock of the database.
        let ahead = "CREATE OR REPLACE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE \
             AS $$ SELECT pg_catalog.clock_timestamp() + interval '60 minutes' $$";
        let set = async |tx: &Tx| tx.execute_unprepared(ahead).await.map(drop).map_err(DbError::from);
        db.write(set).await.unwrap();
        db.hear_clock().await.unwrap();
        assert!((off_by(&db) - 3600).abs() < 30, "{} s", off_by(&db));
    }
}

#[tokio::test]
async fn hints_reach_the_subscribers_of_every_server_once() {
    let database = TestDatabase::new().await;
    let Some(second) = database.second_handle().await else { return };
    let first = database.database();
    let (mut here, mut there) = (first.subscribe("users"), second.subscribe("users"));
    first
        .write(async |tx| {
            insert(tx, user("a@example.com")).await?;
            tx.notify("users", json!({"id": 1}));
            tx.notify("others", json!({"id": 2}));
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    assert_eq!(next(&mut here).await, Notice::Hint(json!({"id": 1})));
    assert_eq!(next(&mut there).await, Notice::Hint(json!({"id": 1})));
    // The row is there for whoever heard the hint, and the echo of the first hint does not come before the second.
    assert_eq!(users::Entity::find().count(second.reader()).await.unwrap(), 1);
    second.publish("users", json!("last"));
    assert_eq!(next(&mut here).await, Notice::Hint(json!("last")));
    assert_eq!(next(&mut there).await, Notice::Hint(json!("last")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_hints_arrives_or_is_reported_as_lost() {
    const N_HINTS: u64 = 20_000;
    let database = TestDatabase::new().await;
    let Some(second) = database.second_handle().await else { return };
    let mut there = second.subscribe("flood");
    for n in 0..N_HINTS {
        database.database().publish("flood", json!(n));
    }
    let (mut last, mut has_lagged) = (None, false);
    while last != Some(N_HINTS - 1) && !has_lagged {
        match next(&mut there).await {
            Notice::Hint(Value::Number(n)) => {
                let n = n.as_u64().unwrap();
                assert_eq!(n, last.map_or(0, |last: u64| last + 1), "hints come in order");
                last = Some(n);
            }
            Notice::Lagged => has_lagged = true,
            other @ Notice::Hint(_) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_hint_that_is_too_long_is_reported_as_lost_elsewhere() {
    let database = TestDatabase::new().await;
    let Some(second) = database.second_handle().await else { return };
    let mut there = second.subscribe("long");
    database.database().publish("long", json!("x".repeat(10_000)));
    assert_eq!(next(&mut there).await, Notice::Lagged);
}

#[tokio::test]
async fn after_cut_connections_readers_are_told_and_everything_works_again() {
    let database = TestDatabase::new().await;
    let Some(second) = database.second_handle().await else { return };
    let first = database.database();
    let mut there = second.subscribe("users");
    cut_connections(&first).await;
    assert_eq!(next(&mut there).await, Notice::Lagged);
    let written = tokio::time::timeout(DEADLINE, async {
        loop {
            // A pooled connection that broke fails once, with an error that says so.
            match first.write(async |tx| insert(tx, user("a@example.com")).await).await {
                Ok(()) => return,
                Err(DbError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    written.await.expect("the pool makes new connections");
    let heard = tokio::time::timeout(DEADLINE, async {
        loop {
            first.publish("users", json!("again"));
            if next(&mut there).await == Notice::Hint(json!("again")) {
                return;
            }
        }
    });
    heard.await.expect("hints flow again");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_without_its_password() {
    let location = Location::postgres("postgres://warren:hunter2@127.0.0.1:1/warren");
    let error = Database::open(&location).await.err().unwrap();
    let text = format!("{error} {error:?}");
    assert!(text.starts_with("the database postgres://warren@127.0.0.1:1/warren cannot be opened"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}
