use chrono::Utc;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait, IntoActiveModel};
use serde_json::json;
use uuid::Uuid;
use warren_db::{Database, DbError, Location, Notice, OpenError, Tx, entity::users};
use warren_vocab::LoginType;

fn user(email: &str) -> users::Model {
    let username = email.split('@').next().unwrap();
    users::Model {
        name: String::from("0"),
        ..users::Model::new(email, username, LoginType::Password, Utc::now())
    }
}

async fn insert(tx: &Tx, model: users::Model) -> Result<(), DbError> {
    users::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

async fn count_up(tx: &Tx, id: Uuid) -> Result<(), DbError> {
    let found = users::Entity::find_by_id(id).one(tx).await?.expect("the user exists");
    let next: u32 = found.name.parse::<u32>().unwrap() + 1;
    let mut active = found.into_active_model();
    active.name = Set(next.to_string());
    active.update(tx).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_read_modify_write_transactions_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(&Location::sqlite(dir.path())).await.unwrap();
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
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(&Location::sqlite(dir.path())).await.unwrap();
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
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(&Location::sqlite(dir.path())).await.unwrap();
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
    assert!(matches!(full, Err(DbError::Other(_))), "{full:?}");
    // The replaced connection has no limit, as a disk that has space again.
    for email in ["a@example.com", "b@example.com"] {
        db.write(async |tx| insert(tx, user(email)).await).await.unwrap();
    }
    db.close().await.unwrap();
    drop(db);
    let again = Database::open(&Location::sqlite(dir.path())).await.unwrap();
    assert_eq!(users::Entity::find().all(again.reader()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_write_that_is_dropped_half_way_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(&Location::sqlite(dir.path())).await.unwrap();
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
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(&Location::sqlite(dir.path())).await.unwrap();
    let model = user("a@example.com").into_active_model();
    assert!(users::Entity::insert(model).exec_without_returning(db.reader()).await.is_err());
}

#[tokio::test]
async fn unique_violations_name_their_index_whatever_the_case() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(&Location::sqlite(dir.path())).await.unwrap();
    let add = async |email: &str| db.write(async |tx| insert(tx, user(email)).await).await;
    add("anna@example.com").await.unwrap();
    let error = add("Anna@Example.com").await.unwrap_err();
    assert!(
        matches!(&error, DbError::Unique { constraint } if constraint.starts_with("users_")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_second_server_on_the_directory_is_refused_until_the_first_ends() {
    let dir = tempfile::tempdir().unwrap();
    let first = Database::open(&Location::sqlite(dir.path())).await.unwrap();
    let error = Database::open(&Location::sqlite(dir.path())).await.err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }));
    assert!(error.to_string().starts_with("another Warren server is using the data directory"));
    first.close().await.unwrap();
    drop(first);
    Database::open(&Location::sqlite(dir.path())).await.unwrap();
}

#[tokio::test]
async fn a_database_from_a_newer_version_is_refused() {
    use sea_orm::ConnectionTrait;
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(&Location::sqlite(dir.path())).await.unwrap();
    db.write(async |tx| {
        tx.execute_unprepared(
            "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)",
        )
        .await?;
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    db.close().await.unwrap();
    drop(db);
    let error = Database::open(&Location::sqlite(dir.path())).await.err().unwrap();
    assert!(
        matches!(&error, OpenError::TooNew { migration, .. } if migration == "m9999_future"),
        "{error:?}"
    );
}
