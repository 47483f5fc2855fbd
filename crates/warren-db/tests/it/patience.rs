//! Which servers are silent, as the list of them says and as is asked of one.

use chrono::TimeDelta;
use warren_db::{
    Database,
    entity::replicas,
    query::{self, replicas::Judged},
};
use warren_db_testkit::TestDatabase;
use warren_vocab::ReplicaId;

const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// Writes a row of a server that was heard of so many seconds ago, and has been steady for so many before now.
async fn heard(db: &Database, ago: i64, steady: Option<i64>) -> ReplicaId {
    let id = ReplicaId::new();
    let now = query::clock::now(db.reader()).await.unwrap();
    let before = |seconds| now - TimeDelta::seconds(seconds);
    let row = replicas::Model {
        id: id.as_uuid(),
        hostname: "host".into(),
        relay_address: String::new(),
        version: "v1".into(),
        region_id: 999,
        error: String::new(),
        database_latency: 0,
        started_at: before(ago),
        heard_at: before(ago),
        steady_since: steady.map(before),
    };
    db.write(async |tx| query::replicas::beat(tx, row).await).await.unwrap();
    id
}

/// The silent ones, asked for in both ways.
async fn silent(db: &Database) -> Vec<ReplicaId> {
    let mut silent = Vec::new();
    for Judged { row, is_silent } in query::replicas::judged(db.reader(), PATIENCE).await.unwrap() {
        let id = ReplicaId::from_uuid(row.id);
        let asked = query::replicas::is_silent(db.reader(), id, PATIENCE).await.unwrap();
        assert_eq!(asked, is_silent, "{row:?}");
        silent.extend(is_silent.then_some(id));
    }
    silent
}

#[tokio::test]
async fn a_server_is_silent_only_while_another_one_has_been_steady_for_as_long() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let old = heard(&db, 600, Some(1200)).await;
    let future = heard(&db, -600, Some(1200)).await;
    let _newcomer = heard(&db, 0, Some(10)).await;
    let _of_an_earlier_version = heard(&db, 0, None).await;
    assert!(silent(&db).await.is_empty(), "after the database was away everybody's row is old");
    let _witness = heard(&db, 0, Some(600)).await;
    assert_eq!(silent(&db).await, [old, future]);
}
