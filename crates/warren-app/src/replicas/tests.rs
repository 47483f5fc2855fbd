//! Servers that come, go and die, on one database. SQLite has one server.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use chrono::SubsecRound;
use warren_db::entity::mesh_keys;
use warren_db_testkit::TestDatabase;
use warren_rt::Sealer;

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);
const QUICK: Pace = Pace { beat: Duration::from_millis(50), patience: Duration::from_secs(2) };

const HERE: &str = "http://127.0.0.1:4000/";
const ELSEWHERE: &str = "http://127.0.0.1:4001/";

async fn join(db: &Database) -> (Registry, Tasks) {
    join_at(db, HERE).await
}

async fn join_at(db: &Database, address: &str) -> (Registry, Tasks) {
    let tasks = Tasks::new();
    let address = Url::parse(address).ok();
    let introduction = Introduction { id: ReplicaId::new(), relay_address: address, version: "v1".into() };
    (Registry::start(db.clone(), introduction, QUICK, &tasks).await.unwrap(), tasks)
}

async fn until(registry: &Registry, what: &str, holds: impl Fn(&[Replica]) -> bool) -> Arc<[Replica]> {
    let mut roster = registry.roster();
    let found = timeout(DEADLINE, roster.wait_for(|roster| holds(roster))).await;
    found.unwrap_or_else(|_| panic!("waited in vain for {what}")).unwrap().clone()
}

fn alive(roster: &[Replica]) -> Vec<ReplicaId> {
    roster.iter().filter(|one| one.is_alive).map(|one| one.id).collect()
}

#[tokio::test]
async fn a_server_knows_itself_from_the_start_and_is_forgotten_when_it_stops() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let (registry, tasks) = join(&db).await;
    let known = registry.roster().borrow().clone();
    assert_eq!(alive(&known), [registry.me()]);
    assert_eq!(known[0].relay_address.as_ref().unwrap().as_str(), HERE);
    assert!(!known[0].hostname.is_empty());
    registry.report("No way to the other one.".into());
    until(&registry, "the error", |roster| roster[0].error == "No way to the other one.").await;
    tasks.stop(DEADLINE).await;
    assert!(query::replicas::list(db.reader()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_hears_no_hints_says_so_to_operators() {
    let database = TestDatabase::new().await;
    let Some(way) = database.deaf_way().await else { return };
    let db = Database::open(way.location()).await.unwrap();
    let (registry, tasks) = join(&db).await;
    registry.report("No way to the other one.".into());
    let known = until(&registry, "both troubles", |roster| {
        roster[0].error.starts_with("No way to the other one. Hints of other servers do not arrive")
    });
    assert!(known.await[0].error.contains("LISTEN is not supported here"));
    tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn servers_see_each_other_come_and_go() {
    let database = TestDatabase::new().await;
    let Some(other) = database.second_handle().await else { return };
    let (first, _tasks) = join(&database.database()).await;
    let (second, stopping) = join_at(&other, ELSEWHERE).await;
    let both = |roster: &[Replica]| alive(roster).len() == 2;
    until(&first, "the second", both).await;
    until(&second, "the first", both).await;
    stopping.stop(DEADLINE).await;
    let left = until(&first, "the end of the second", |roster| roster.len() == 1).await;
    assert_eq!(alive(&left), [first.me()], "one that stops is not called dead");
}

#[tokio::test]
async fn a_server_that_dies_is_given_up_within_seconds() {
    let database = TestDatabase::new().await;
    let Some(other) = database.second_handle().await else { return };
    let (first, _tasks) = join(&database.database()).await;
    let (second, tasks) = join_at(&other, ELSEWHERE).await;
    until(&first, "the second", |roster| alive(roster).len() == 2).await;
    // Whoever loses the database cannot say goodbye.
    other.close().await.unwrap();
    tasks.stop(Duration::ZERO).await;
    let dead = |roster: &[Replica]| roster.iter().any(|one| one.id == second.me() && !one.is_alive);
    until(&first, "the death of the second", dead).await;
}

#[tokio::test]
async fn a_server_that_comes_back_after_a_crash_is_not_shown_beside_its_dead_self() {
    let database = TestDatabase::new().await;
    let Some(other) = database.second_handle().await else { return };
    let (crashed, tasks) = join(&other).await;
    other.close().await.unwrap();
    tasks.stop(Duration::ZERO).await;
    let (back, _tasks) = join(&database.database()).await;
    let seen = alive(&back.roster().borrow());
    assert_eq!(seen.len(), 2, "one that was heard of just now may live: {seen:?} and {}", crashed.me());
    let alone = until(&back, "the end of the dead self", |roster| roster.len() == 1).await;
    assert_eq!(alive(&alone), [back.me()]);
}

#[tokio::test]
async fn only_dead_servers_of_the_same_address_are_followed() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let (me, patience) = (ReplicaId::new(), TimeDelta::seconds(3));
    let row = |id: ReplicaId, address: &str, heard_at: DateTime<Utc>| replicas::Model {
        id: id.as_uuid(),
        hostname: String::new(),
        relay_address: address.into(),
        version: String::new(),
        region_id: REGION,
        error: String::new(),
        database_latency: 0,
        started_at: heard_at - TimeDelta::hours(1),
        heard_at,
        steady_since: Some(heard_at - TimeDelta::hours(1)),
    };
    let (dead, living, elsewhere) = (ReplicaId::new(), ReplicaId::new(), ReplicaId::new());
    let write = async |tx: &Tx| {
        let now = query::clock::now(tx).await?;
        let long_ago = now - TimeDelta::minutes(1);
        for (id, address, heard_at) in
            [(me, HERE, now), (dead, HERE, long_ago), (living, HERE, now), (elsewhere, ELSEWHERE, long_ago)]
        {
            query::replicas::beat(tx, row(id, address, heard_at)).await?;
        }
        query::replicas::remove_predecessors(tx, me, HERE, patience).await
    };
    assert_eq!(db.write(write).await.unwrap(), 1);
    let mut left: Vec<_> = query::replicas::list(db.reader()).await.unwrap();
    left.sort_by_key(|row| row.id);
    let mut expected = [me, living, elsewhere].map(|id| id.as_uuid());
    expected.sort();
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_row_of_an_earlier_run_does_not_live_on_where_one_server_is_alone() {
    let database = TestDatabase::new().await;
    let db = database.database();
    if !db.is_exclusive() {
        return;
    }
    let (_, tasks) = join(&db).await;
    // A crash leaves the row.
    let crashed = query::replicas::list(db.reader()).await.unwrap().remove(0);
    tasks.stop(DEADLINE).await;
    db.write(async |tx| query::replicas::beat(tx, crashed.clone()).await).await.unwrap();
    let (registry, _tasks) = join(&db).await;
    assert_eq!(alive(&registry.roster().borrow()), [registry.me()]);
}

#[tokio::test]
async fn keys_are_made_once_renewed_in_time_and_accepted_a_while_longer() {
    let database = TestDatabase::new().await;
    let db = database.database();
    let app =
        |key: u8| App::new(db.clone(), Sealer::from_key(&[key; 32]), "http://127.0.0.1:1/".parse().unwrap());
    let mine = app(7);
    let first = mine.mesh_keys().await.unwrap();
    assert_eq!(mine.mesh_keys().await.unwrap()[0].id, first[0].id);
    assert_eq!(app(7).mesh_keys().await.unwrap()[0].secret, first[0].secret);
    let age = async |days: i64| {
        let mut rows = query::mesh_keys::list(db.reader()).await.unwrap();
        let write = async |tx: &Tx| {
            query::mesh_keys::remove_older(tx, Utc::now() + TimeDelta::days(1)).await?;
            for row in &mut rows {
                row.created_at = row.created_at.trunc_subsecs(6) - TimeDelta::days(days);
                query::mesh_keys::insert(tx, mesh_keys::Model::clone(row)).await?;
            }
            DbResult::Ok(())
        };
        db.write(write).await.unwrap();
    };
    age(7).await;
    let second = mine.mesh_keys().await.unwrap();
    assert_eq!(second.iter().map(|key| key.id).collect::<Vec<_>>(), [second[0].id, first[0].id]);
    assert_ne!(second[0].secret, first[0].secret);
    age(7).await;
    let third = mine.mesh_keys().await.unwrap();
    assert_eq!(third.iter().map(|key| key.id).collect::<Vec<_>>(), [third[0].id, second[0].id]);
    let stranger = app(8).mesh_keys().await.unwrap();
    assert!(third.iter().all(|key| stranger.iter().all(|other| other.secret != key.secret)));
}

#[tokio::test]
async fn servers_that_need_a_new_key_at_once_make_one() {
    let database = TestDatabase::new().await;
    let mut apps = Vec::new();
    for _ in 0..4 {
        let db = database.second_handle().await.unwrap_or_else(|| database.database());
        apps.push(App::new(db, Sealer::from_key(&[7; 32]), "http://127.0.0.1:1/".parse().unwrap()));
    }
    let keys = futures::future::join_all(apps.iter().map(App::mesh_keys)).await;
    let keys: Vec<_> = keys.into_iter().map(Result::unwrap).collect();
    assert!(keys.iter().all(|all| all.len() == 1 && all[0].id == keys[0][0].id), "{keys:?}");
}
