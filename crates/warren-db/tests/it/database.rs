use std::time::Duration;

use chrono::Utc;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait};
use serde_json::json;
use uuid::Uuid;
use warren_db::{
    Database, DbError, Guard, Notice, OpenError,
    entity::{files, users},
};
use warren_db_testkit::{TestDatabase, TestPlace};
use warren_vocab::UserId;

use crate::support::{Said, count_up, insert, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_read_modify_write_transactions_lose_nothing() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let model = user("a@example.com");
    let id = model.id;
    db.write(async |tx| insert(tx, model).await).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let db = db.clone();
        writers.spawn(async move {
            for _ in 0..25 {
                db.write(async |tx| count_up(tx, id).await).await.unwrap();
            }
        });
    }
    while let Some(joined) = writers.join_next().await {
        joined.unwrap();
    }
    let found = users::Entity::find_by_id(id).one(db.reader()).await.unwrap().unwrap();
    assert_eq!(found.name, "200");
}

#[tokio::test]
async fn an_error_rolls_back_and_publishes_nothing() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let mut hints = db.subscribe("users");
    let failed: Result<(), DbError> = db
        .write(async |tx| {
            insert(tx, user("a@example.com")).await?;
            tx.notify("users", json!("lost"));
            Err(DbError::NotFound { what: "nothing" })
        })
        .await;
    assert!(failed.is_err());
    db.write(async |tx| {
        insert(tx, user("b@example.com")).await?;
        tx.notify("users", json!("kept"));
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    assert_eq!(hints.next().await, Some(Notice::Hint(json!("kept"))));
    let all = users::Entity::find().all(db.reader()).await.unwrap();
    assert_eq!(all.iter().map(|user| user.email.as_str()).collect::<Vec<_>>(), ["b@example.com"]);
}

#[tokio::test]
async fn after_a_full_disk_writes_are_stored_again() {
    let place = TestPlace::sqlite();
    let db = place.open().await;
    // SQLite answers as for a full disk when a database may not grow any more.
    let limit = async |pages: u32| {
        db.write(async |tx| {
            tx.execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await?;
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    };
    limit(1).await;
    let big = users::Model { name: "x".repeat(1_000_000), ..user("big@example.com") };
    let full = db.write(async |tx| insert(tx, big.clone()).await).await;
    assert!(matches!(full, Err(DbError::Full)), "{full:?}");
    // The replaced connection has no limit, as a disk that has space again.
    for email in ["a@example.com", "b@example.com"] {
        db.write(async |tx| insert(tx, user(email)).await).await.unwrap();
    }
    db.close().await.unwrap();
    drop(db);
    let again = place.open().await;
    assert_eq!(users::Entity::find().all(again.reader()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_write_that_is_dropped_half_way_leaves_nothing_behind() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let half = db.write(async |tx| {
        insert(tx, user("a@example.com")).await?;
        std::future::pending::<Result<(), DbError>>().await
    });
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(100), half).await;
    assert!(dropped.is_err());
    db.write(async |tx| insert(tx, user("b@example.com")).await).await.unwrap();
    let found = users::Entity::find().all(db.reader()).await.unwrap();
    assert_eq!(found.iter().map(|user| user.email.as_str()).collect::<Vec<_>>(), ["b@example.com"]);
}

#[tokio::test]
async fn the_reader_cannot_write() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let model = user("a@example.com").into_active_model();
    assert!(users::Entity::insert(model).exec_without_returning(db.reader()).await.is_err());
}

#[tokio::test]
async fn unique_violations_name_their_index_whatever_the_case() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let add = async |email: &str| db.write(async |tx| insert(tx, user(email)).await).await;
    add("anna@example.com").await.unwrap();
    let error = add("Anna@Example.com").await.unwrap_err();
    assert!(error.is_unique("users_email") || error.is_unique("users_username"), "{error:?}");
}

#[tokio::test]
async fn constraints_have_the_same_names_on_both_engines() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let owner = user("a@example.com");
    db.write(async |tx| insert(tx, owner.clone()).await).await.unwrap();
    let add = async |id: Uuid, hash: &str| {
        let file = files::Model {
            id,
            hash: hash.to_owned(),
            created_by: owner.id,
            mimetype: String::from("text/plain"),
            data: vec![0, 255],
            created_at: Utc::now(),
        };
        db.write(async |tx| {
            files::Entity::insert(file.into_active_model()).exec_without_returning(tx).await?;
            Ok::<_, DbError>(())
        })
        .await
    };
    let id = Uuid::new_v4();
    add(id, "one").await.unwrap();
    // An index over plain columns, then a primary key.
    let error = add(Uuid::new_v4(), "one").await.unwrap_err();
    assert!(error.is_unique("files_hash"), "{error:?}");
    let error = add(id, "two").await.unwrap_err();
    assert!(error.is_unique("files_pkey"), "{error:?}");
    let stranger = user("a@example.com");
    let missing = files::Model {
        id: Uuid::new_v4(),
        hash: String::from("three"),
        created_by: stranger.id,
        mimetype: String::new(),
        data: Vec::new(),
        created_at: Utc::now(),
    };
    let error = db
        .write(async |tx| {
            files::Entity::insert(missing.into_active_model()).exec_without_returning(tx).await?;
            Ok::<_, DbError>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(error, DbError::ForeignKey), "{error:?}");
}

#[tokio::test]
async fn nul_characters_do_not_stop_a_write() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let odd =
        users::Model { name: String::from("a\0b"), roles: json!({"k\0": ["v\0"]}), ..user("a@example.com") };
    db.write(async |tx| insert(tx, odd).await).await.unwrap();
    let found = users::Entity::find().one(db.reader()).await.unwrap().unwrap();
    assert_eq!(found.name, "a\u{fffd}b");
    assert_eq!(found.roles, json!({"k\u{fffd}": ["v\u{fffd}"]}));
}

#[tokio::test]
async fn a_snapshot_sees_one_moment() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let snapshot = db.snapshot().await.unwrap();
    assert_eq!(users::Entity::find().count(&snapshot).await.unwrap(), 0);
    db.write(async |tx| insert(tx, user("a@example.com")).await).await.unwrap();
    assert_eq!(users::Entity::find().count(&snapshot).await.unwrap(), 0);
    snapshot.rollback().await.unwrap();
    assert_eq!(users::Entity::find().count(db.reader()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_transaction_that_nobody_waits_for_any_more_leaves_no_reader_in_the_past() {
    let database = TestDatabase::new().await;
    let db = database.database();
    for n in 0..40 {
        // Dropped at each point of its beginning.
        let mut beginning = Box::pin(db.snapshot());
        for _ in 0..=n % 8 {
            tokio::select! {
                biased;
                _ = &mut beginning => break,
                () = std::future::ready(()) => {}
            }
            tokio::task::yield_now().await;
        }
        drop(beginning);
        users::Entity::find().count(db.reader()).await.unwrap();
        db.write(async |tx| insert(tx, user(&format!("{n}@example.com"))).await).await.unwrap();
        for _ in 0..4 {
            assert_eq!(users::Entity::find().count(db.reader()).await.unwrap(), n + 1);
        }
    }
}

/// Dropped at each point of a transaction, above all while its end is under way.
#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_is_whole_and_told_or_is_nothing() {
    let database = TestDatabase::new().await;
    let (said, _guard) = Said::listen();
    let db = database.database();
    let is_postgres = !db.is_exclusive();
    let mut n_dropped = 0;
    for n_polls in 1..60 {
        for fails in [false, true] {
            let email = format!("{n_polls}-{fails}@example.com");
            let mut hints = db.subscribe(&email);
            let mut writing = Box::pin(db.write(async |tx| {
                insert(tx, user(&email)).await?;
                tx.notify(email.clone(), json!("written"));
                if fails { Err(DbError::NotFound { what: "nothing" }) } else { Ok(()) }
            }));
            let mut is_done = false;
            for _ in 0..n_polls {
                tokio::select! {
                    biased;
                    _ = &mut writing => { is_done = true; break }
                    () = std::future::ready(()) => {}
                }
                // The database has its answer ready before the next look.
                settle(&db).await;
            }
            drop(writing);
            n_dropped += usize::from(!is_done);
            // It waits for the other one, whose end may be under way.
            db.write(async |tx| insert(tx, user(&format!("next-{email}"))).await).await.unwrap();
            let all = users::Entity::find().all(db.reader()).await.unwrap();
            let is_there = all.iter().any(|one| one.email == email);
            assert!(!(fails && is_there), "{email}");
            if is_there && is_postgres {
                let hint = tokio::time::timeout(Duration::from_secs(10), hints.next()).await;
                assert_eq!(hint.expect("it is told"), Some(Notice::Hint(json!("written"))));
            }
        }
    }
    // How far one look comes depends on how soon the database answers.
    assert!(n_dropped > 0, "{n_dropped}");
    let said = said.text();
    assert!(!said.contains("WARN"), "{said}");
}

/// Gives what is under way the time to come in.
async fn settle(db: &Database) {
    for _ in 0..2 {
        users::Entity::find().count(db.reader()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guarded_writers_lose_nothing_beside_serial_ones() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let other = database.second_handle().await.unwrap_or_else(|| db.clone());
    let people = [user("a@example.com"), user("b@example.com")];
    let ids = people.clone().map(|one| one.id);
    db.write(async |tx| {
        for one in people {
            insert(tx, one).await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..8 {
        let db = if n % 2 == 0 { db.clone() } else { other.clone() };
        let id = ids[usize::from(n >= 4)];
        writers.spawn(async move {
            for round in 0..25 {
                if round % 5 == 0 {
                    db.write(async |tx| count_up(tx, id).await).await.unwrap();
                } else {
                    let guard = Guard::user(UserId::from_uuid(id));
                    db.write_guarded(guard, async |tx| count_up(tx, id).await).await.unwrap();
                }
            }
        });
    }
    while let Some(joined) = writers.join_next().await {
        joined.unwrap();
    }
    for id in ids {
        let found = users::Entity::find_by_id(id).one(db.reader()).await.unwrap().unwrap();
        assert_eq!(found.name, "100");
    }
}

#[tokio::test]
async fn a_second_server_on_the_directory_is_refused_until_the_first_ends() {
    let place = TestPlace::sqlite();
    let first = place.open().await;
    let error = Database::open(place.location()).await.err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }));
    assert!(error.to_string().starts_with("another Warren server is using the data directory"));
    first.close().await.unwrap();
    drop(first);
    place.open().await;
}
