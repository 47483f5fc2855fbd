//! Two versions on one database, and several servers that bring it up to date at once.

use std::time::Duration;

use futures::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, Statement};
use warren_db::{CopyError, Database, DbError, Location, OpenError, copy, entity::users};
use warren_db_testkit::TestPlace;

use crate::support::{insert, user};

const DEADLINE: Duration = Duration::from_secs(30);
/// A migration that this program knows.
const KNOWN: &str = "m0060_replicas";
const FUTURE: &str = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)";

async fn run(db: &Database, statements: &[&str]) {
    let work = async |tx: &warren_db::Tx| {
        for statement in statements {
            tx.execute_unprepared(statement).await?;
        }
        Ok::<_, DbError>(())
    };
    db.write(work).await.unwrap();
}

/// A database after these statements, with nobody on it.
async fn place_after(statements: &[&str]) -> TestPlace {
    let place = TestPlace::new().await;
    let db = place.open().await;
    run(&db, statements).await;
    db.close().await.unwrap();
    place
}

fn compatible_since(migration: &str) -> String {
    format!("INSERT INTO schema_compatibility VALUES ('m9999_future', '{migration}')")
}

async fn n_migrations(db: &Database) -> i64 {
    let sql = "SELECT count(*) AS n FROM seaql_migrations";
    let statement = Statement::from_string(db.reader().get_database_backend(), sql);
    db.reader().query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_unless_it_says_otherwise() {
    let unsaid = place_after(&[FUTURE]).await;
    let too_much = place_after(&[FUTURE, &compatible_since("m9998_later")]).await;
    for place in [unsaid, too_much] {
        let error = Database::open(place.location()).await.err().unwrap();
        let OpenError::TooNew { migration, .. } = &error else { panic!("{error:?}") };
        assert_eq!(migration, "m9999_future");
        assert!(error.to_string().ends_with("start that version or a newer one"), "{error}");
    }
}

#[tokio::test]
async fn a_database_that_a_newer_version_has_added_to_is_used_as_ever() {
    let place = place_after(&[
        FUTURE,
        &compatible_since(KNOWN),
        "ALTER TABLE users ADD COLUMN nickname text NOT NULL DEFAULT 'none'",
        "CREATE TABLE inventions (id integer PRIMARY KEY)",
    ])
    .await;
    let db = place.open().await;
    assert_eq!(db.newer(), Some("m9999_future"));
    let before = n_migrations(&db).await;
    db.write(async |tx| insert(tx, user("a@example.com")).await).await.unwrap();
    assert_eq!(users::Entity::find().all(db.reader()).await.unwrap()[0].email, "a@example.com");
    db.close().await.unwrap();
    drop(db);
    let again = place.open().await;
    assert_eq!((again.newer(), n_migrations(&again).await), (Some("m9999_future"), before));
    again.close().await.unwrap();
    drop(again);
    // A copy would leave behind what this program does not know.
    let to = TestPlace::sqlite();
    let error = copy(place.location(), to.location(), |_| {}).await.unwrap_err();
    assert!(matches!(error, CopyError::Open(OpenError::TooNew { .. })), "{error:?}");
}

#[tokio::test]
async fn a_database_of_another_line_of_development_is_refused() {
    let lacks = format!("DELETE FROM seaql_migrations WHERE version = '{KNOWN}'");
    let place = place_after(&[FUTURE, &compatible_since("m0055_deployment_settings"), &lacks]).await;
    let error = Database::open(place.location()).await.err().unwrap();
    assert!(matches!(error, OpenError::TooNew { .. }), "{error:?}");
}

/// Takes back the table of settings, which older programs would miss when it is made in another form.
const WITHOUT_SETTINGS: [&str; 2] = [
    "DROP TABLE deployment_settings",
    "DELETE FROM seaql_migrations WHERE version = 'm0055_deployment_settings'",
];
/// A server was heard of so many seconds ago.
fn heard_of(seconds: u32) -> String {
    format!(
        "INSERT INTO replicas VALUES ('00000000-0000-4000-8000-000000000001', 'h', '', 'v1', 999, '', 1, \
         clock_timestamp(), clock_timestamp() - interval '{seconds} seconds')"
    )
}

#[tokio::test]
async fn a_change_that_older_servers_cannot_bear_waits_until_they_are_gone() {
    let place = place_after(&WITHOUT_SETTINGS).await;
    let Location::Postgres { .. } = place.location() else { return };
    // It stays away from what it would break while somebody lives, and goes on as soon as nobody does.
    let database = Database::open(place.location()).await.unwrap();
    run(&database, &[&heard_of(6), WITHOUT_SETTINGS[0], WITHOUT_SETTINGS[1]]).await;
    let begun = tokio::time::Instant::now();
    let opened = tokio::time::timeout(DEADLINE, Database::open(place.location())).await.unwrap().unwrap();
    assert!(begun.elapsed() > Duration::from_secs(1), "it waited");
    run(&opened, &["SELECT 1 FROM deployment_settings"]).await;
    run(&opened, &["DELETE FROM replicas", &heard_of(0), WITHOUT_SETTINGS[0], WITHOUT_SETTINGS[1]]).await;
    run(&opened, &["UPDATE replicas SET heard_at = clock_timestamp() + interval '1 hour'"]).await;
    let error =
        tokio::time::timeout(DEADLINE, Database::open(place.location())).await.unwrap().err().unwrap();
    assert!(matches!(error, OpenError::OlderRuns { .. }), "{error:?}");
    assert!(error.to_string().ends_with("stop all of them first"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_start_together_bring_a_database_up_to_date_once() {
    let empty = ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"];
    let old = [
        "DROP TABLE schema_compatibility",
        "DELETE FROM seaql_migrations WHERE version = 'm0065_schema_compatibility'",
    ];
    let whole = TestPlace::new().await;
    if let Location::Sqlite { .. } = whole.location() {
        // It takes one server at a time.
        return;
    }
    let whole = whole.open().await;
    for statements in [empty, old] {
        let place = place_after(&statements).await;
        let opening = (0..3).map(|_| Database::open(place.location()));
        for opened in join_all(opening).await {
            let db = opened.unwrap_or_else(|error| panic!("{error}: {error:?}"));
            assert_eq!(db.reader().get_database_backend(), DbBackend::Postgres);
            assert_eq!(n_migrations(&db).await, n_migrations(&whole).await);
            assert_eq!(users::Entity::find().count(db.reader()).await.unwrap(), 0);
        }
    }
}
