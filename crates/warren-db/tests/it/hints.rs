//! Hints under load, and without the connection that carries them. There is none on SQLite.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait, DbBackend, Statement, sqlx::postgres::PgListener};
use serde_json::json;
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, timeout},
};
use warren_db::{Database, Location, Notice, OpenOptions, Subscription};
use warren_db_testkit::TestDatabase;
use warren_rt::Tasks;

use crate::support::Said;

const DEADLINE: Duration = Duration::from_secs(60);
const N_CHANNELS: usize = 100;
const N_ROUNDS: u64 = 50;

/// What the database would say.
type Truth = Arc<Vec<AtomicU64>>;

/// Follows a channel as every reader does: a hint may bring news, and a loss is made good by reading.
async fn follow(db: Database, truth: Truth, channel: usize, is_lagging: Arc<AtomicU64>) {
    let mut hints = db.subscribe(&format!("storm:{channel}"));
    let mut known = truth[channel].load(Ordering::SeqCst);
    while known < 3 * N_ROUNDS {
        known = match hints.next().await.expect("the publisher lives") {
            Notice::Hint(hint) => Ord::max(known, hint["version"].as_u64().unwrap()),
            Notice::Lagged => {
                is_lagging.fetch_add(1, Ordering::Relaxed);
                truth[channel].load(Ordering::SeqCst)
            }
        };
    }
}

/// Counts what PostgreSQL carries: notifications, and the bytes of the longest.
async fn count(url: String, mut stop: oneshot::Receiver<()>) -> (u64, usize) {
    let mut listener = PgListener::connect(&url).await.unwrap();
    listener.listen("warren").await.unwrap();
    let (mut n, mut longest) = (0, 0);
    loop {
        tokio::select! {
            heard = listener.recv() => {
                n += 1;
                longest = Ord::max(longest, heard.unwrap().payload().len());
            }
            _ = &mut stop => return (n, longest),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_hints_from_three_servers_ends_with_the_latest_state_everywhere() {
    let database = TestDatabase::new().await;
    let Location::Postgres { url } = database.location().clone() else { return };
    let mut servers = vec![database.database()];
    for _ in 0..2 {
        servers.push(database.second_handle().await.unwrap());
    }
    let truth: Truth = Arc::new((0..N_CHANNELS).map(|_| AtomicU64::new(0)).collect());
    let (n_lagged, (stop, stopped)) = (Arc::new(AtomicU64::new(0)), oneshot::channel());
    let (mut counting, mut followers) = (JoinSet::new(), JoinSet::new());
    counting.spawn(count(url, stopped));
    for db in &servers {
        for channel in 0..N_CHANNELS {
            followers.spawn(follow(db.clone(), truth.clone(), channel, n_lagged.clone()));
        }
    }
    let begun = Instant::now();
    let mut publishers = JoinSet::new();
    for db in servers.clone() {
        let truth = truth.clone();
        publishers.spawn(async move {
            for _ in 0..N_ROUNDS {
                for (channel, version) in truth.iter().enumerate() {
                    let version = version.fetch_add(1, Ordering::SeqCst) + 1;
                    db.publish(
                        &format!("storm:{channel}"),
                        json!({ "version": version, "status": "running" }),
                    );
                }
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(published) = publishers.join_next().await {
        published.unwrap();
    }
    let published = begun.elapsed();
    let reached = async {
        while let Some(follower) = followers.join_next().await {
            follower.unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, reached).await.expect("everybody learns of the latest state");
    let elapsed = begun.elapsed();
    stop.send(()).unwrap();
    let (n, longest) = counting.join_next().await.unwrap().unwrap();
    let n_hints = 3 * N_ROUNDS * N_CHANNELS as u64;
    println!(
        "{n_hints} hints published in {published:?}, known everywhere after {elapsed:?}: {n} notifications \
         ({:.0} per second), the longest of {longest} bytes, {} losses made good",
        n as f64 / elapsed.as_secs_f64(),
        n_lagged.load(Ordering::Relaxed)
    );
    assert!(longest < 8000, "{longest}");
    assert!(n > 0 && n < n_hints / 10, "{n} notifications for {n_hints} hints");
}

#[tokio::test]
async fn while_nobody_can_listen_readers_are_told_to_look_again_and_again() {
    let database = TestDatabase::new().await;
    let Some(second) = database.second_handle().await else { return };
    let tasks = Tasks::new();
    let cutting = database.database();
    // Whoever listens is thrown out as soon as it is seen.
    tasks.spawn("no listening", async move {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()";
        loop {
            let statement = Statement::from_string(DbBackend::Postgres, cut);
            if cutting.reader().query_all_raw(statement).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    let mut hints = second.subscribe("anything");
    let looked = async {
        let mut n = 0;
        while n < 5 {
            n += u32::from(hints.next().await == Some(Notice::Lagged));
        }
    };
    tokio::time::timeout(DEADLINE, looked).await.expect("they look again");
    tasks.stop(DEADLINE).await;
    // When there is a way again, hints come as ever.
    let heard = async {
        loop {
            database.database().publish("anything", json!("news"));
            if hints.next().await == Some(Notice::Hint(json!("news"))) {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, heard).await.expect("hints flow again");
}

/// Counts what subscribers are told: hints, and that they should look.
async fn told(hints: &mut Subscription, n_looks: u32) -> usize {
    let (mut n_hints, mut looked) = (0, 0);
    while looked < n_looks {
        match hints.next().await.expect("the publisher lives") {
            Notice::Hint(_) => n_hints += 1,
            Notice::Lagged => looked += 1,
        }
    }
    n_hints
}

#[tokio::test]
async fn a_server_that_may_not_listen_starts_says_so_once_and_is_heard_by_others() {
    let (said, _guard) = Said::listen();
    let database = TestDatabase::new().await;
    let Some(way) = database.deaf_way().await else { return };
    let (db, other) = (Database::open(way.location()).await.unwrap(), database.database());
    let trouble = db.hint_trouble().expect("it knows");
    assert!(trouble.contains("LISTEN is not supported here"), "{trouble}");
    assert_eq!(other.hint_trouble(), None);
    let (mut deaf, mut heard) = (db.subscribe("news"), other.subscribe("news"));
    let looking = async { told(&mut deaf, 4).await };
    let hearing = async {
        loop {
            db.publish("news", json!(1));
            if let Ok(Some(Notice::Hint(_))) = timeout(Duration::from_secs(1), heard.next()).await {
                return;
            }
        }
    };
    let both = async { tokio::join!(looking, hearing) };
    timeout(DEADLINE, both).await.expect("it looks by itself, and others hear of it");
    let said = said.text();
    assert_eq!(said.matches("--postgres-disable-notify").count(), 1, "{said}");
}

#[tokio::test]
async fn a_server_without_notifications_listens_to_nobody_tells_nobody_and_looks_by_itself() {
    let database = TestDatabase::new().await;
    let options = OpenOptions { notifies: false, ..OpenOptions::default() };
    let Some(db) = database.second_handle_with(options).await else { return };
    let Location::Postgres { url } = database.location().clone() else { return };
    let other = database.database();
    let mut listener = PgListener::connect(&url).await.unwrap();
    listener.listen("warren").await.unwrap();
    let mut own = db.subscribe("news");
    db.publish("news", json!("from the one without"));
    assert_eq!(own.next().await, Some(Notice::Hint(json!("from the one without"))), "its own people hear it");
    other.publish("news", json!("from the other"));
    let n_hints = timeout(DEADLINE, told(&mut own, 3)).await.expect("it looks by itself");
    assert_eq!((n_hints, db.hint_trouble()), (0, None));
    // Seconds have passed: the heartbeats of the other one have come.
    let mut n_heard = 0;
    while let Ok(Ok(notification)) = timeout(Duration::ZERO, listener.recv()).await {
        n_heard += 1;
        assert!(!notification.payload().contains("from the one without"), "{}", notification.payload());
    }
    assert!(n_heard > 0);
    let listening = "SELECT count(*) AS n FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'warren' AND query LIKE 'LISTEN%'";
    let row = other.reader().query_one_raw(Statement::from_string(DbBackend::Postgres, listening)).await;
    assert_eq!(row.unwrap().unwrap().try_get::<i64>("", "n").unwrap(), 1, "the other one alone listens");
}
