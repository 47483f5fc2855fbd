//! Leases: who gets a chat, and who does not.

use chrono::TimeDelta;
use futures::future::join_all;
use warren_chat_proto::{Execution as X, Lease};
use warren_db::{
    entity::replicas,
    query::{self, chats::Seeker},
};
use warren_vocab::{ChatId, ReplicaId, RunnerId};

use super::{
    super::{Command, acquire},
    stage::Stage,
};

const LASTS: TimeDelta = TimeDelta::seconds(30);
const OVER: TimeDelta = TimeDelta::seconds(-1);
const PATIENCE: TimeDelta = TimeDelta::seconds(5);

fn lease() -> Lease {
    Lease { worker: ReplicaId::new(), runner: RunnerId::new() }
}

fn seeker() -> Seeker {
    Seeker { worker: ReplicaId::new(), patience: PATIENCE }
}

async fn waiting(stage: &Stage) -> Vec<ChatId> {
    let found = query::chats::acquirable(stage.db.reader(), seeker(), &[], 100).await.unwrap();
    found.into_iter().map(|candidate| candidate.chat).collect()
}

#[tokio::test]
async fn of_many_workers_one_gets_the_chat() {
    let stage = Stage::new().await;
    let second = stage.database.second_handle().await;
    let databases = [Some(&stage.db), second.as_ref()];
    let chat = stage.create("hello").await;
    let tries = (0..20).map(|n| {
        let db = databases[n % 2].unwrap_or(&stage.db);
        acquire(db, chat, lease(), LASTS, PATIENCE)
    });
    let outcomes = join_all(tries).await;
    let winners: Vec<_> = outcomes.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(winners.len(), 1);
    let row = stage.row_of(chat).await;
    assert_eq!((row.worker_id, row.lease_epoch), (winners[0].chat.worker_id, 1));
    assert!(waiting(&stage).await.is_empty());
}

#[tokio::test]
async fn a_lease_is_taken_over_when_it_is_over_and_not_before() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    assert_eq!(waiting(&stage).await, [chat]);
    let (first, second) = (lease(), lease());
    acquire(&stage.db, chat, first, LASTS, PATIENCE).await.unwrap().unwrap();
    assert!(acquire(&stage.db, chat, second, LASTS, PATIENCE).await.unwrap().is_none());
    assert!(waiting(&stage).await.is_empty());
    // As time goes by.
    stage.apply(chat, Command::Acquire { lease: first, lasts: OVER }).await.unwrap();
    assert_eq!(waiting(&stage).await, [chat]);
    let taken = acquire(&stage.db, chat, second, LASTS, PATIENCE).await.unwrap().unwrap();
    assert_eq!((taken.state.lease, taken.state.epoch), (Some(second), 3));
}

#[tokio::test]
async fn only_chats_with_something_to_do_are_given_away() {
    let stage = Stage::new().await;
    for (status, archived, n_queued) in [
        ("waiting", false, 0),
        ("error", false, 1),
        ("waiting", true, 0),
        ("running", true, 0),
        ("pending", false, 0),
        ("completed", false, 0),
    ] {
        let chat = stage.chat_with(status, archived, n_queued).await;
        stage.apply(chat, Command::Acquire { lease: lease(), lasts: OVER }).await.unwrap();
        assert!(
            acquire(&stage.db, chat, lease(), LASTS, PATIENCE).await.unwrap().is_none(),
            "{status} {archived}"
        );
    }
    assert!(waiting(&stage).await.is_empty());
    let mut busy = Vec::new();
    for state in [X::R0, X::I0, X::A0] {
        let chat = stage.chat_in(state, 0).await;
        stage.apply(chat, Command::Acquire { lease: lease(), lasts: OVER }).await.unwrap();
        busy.push(chat);
    }
    let mut found = waiting(&stage).await;
    found.sort();
    busy.sort();
    assert_eq!(found, busy);
    assert!(acquire(&stage.db, ChatId::new(), lease(), LASTS, PATIENCE).await.unwrap().is_none());
}

#[tokio::test]
async fn owners_take_turns() {
    let stage = Stage::new().await;
    let other = stage.user("bob").await;
    let mine = [stage.create("1").await, stage.create("2").await, stage.create("3").await];
    let theirs = stage.create_of(other, "4").await;
    assert_eq!(waiting(&stage).await, [mine[0], theirs, mine[1], mine[2]]);
    let left = query::chats::acquirable(stage.db.reader(), seeker(), &[stage.owner], 100).await.unwrap();
    assert_eq!(left.iter().map(|one| one.chat).collect::<Vec<_>>(), [theirs]);
    assert_eq!(left[0].owner, other);
    let first = query::chats::acquirable(stage.db.reader(), seeker(), &[], 2).await.unwrap();
    assert_eq!(first.len(), 2);
}

/// Writes down when a server was heard of for the last time, and since when without a gap.
async fn heard_of(stage: &Stage, worker: ReplicaId, ago: TimeDelta, steady_for: TimeDelta) {
    let now = query::clock::now(stage.db.reader()).await.unwrap();
    let row = replicas::Model {
        id: worker.as_uuid(),
        hostname: String::new(),
        relay_address: String::new(),
        version: String::from("v1"),
        region_id: 999,
        error: String::new(),
        database_latency: 0,
        started_at: now - ago,
        heard_at: now - ago,
        steady_since: Some(now - steady_for),
    };
    stage.db.write(async |tx| query::replicas::beat(tx, row).await).await.unwrap();
}

const SECOND: TimeDelta = TimeDelta::seconds(1);
const MINUTE: TimeDelta = TimeDelta::minutes(1);

#[tokio::test]
async fn nobody_is_dead_when_the_database_was_away() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let (first, second) = (lease(), lease());
    acquire(&stage.db, chat, first, LASTS, PATIENCE).await.unwrap().unwrap();
    heard_of(&stage, first.worker, SECOND * 6, MINUTE).await;
    let free = async || {
        let free = waiting(&stage).await;
        let taken = acquire(&stage.db, chat, second, LASTS, PATIENCE).await.unwrap();
        assert_eq!(free.is_empty(), taken.is_none());
        taken.is_some()
    };
    // All of them are silent.
    heard_of(&stage, second.worker, SECOND * 6, MINUTE).await;
    assert!(!free().await);
    // One says again that it lives; the others had no time for it yet.
    heard_of(&stage, second.worker, TimeDelta::zero(), SECOND).await;
    assert!(!free().await);
    heard_of(&stage, second.worker, TimeDelta::zero(), MINUTE).await;
    assert!(free().await);
}

#[tokio::test]
async fn a_sign_of_life_from_the_future_is_none() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let (first, second) = (lease(), lease());
    acquire(&stage.db, chat, first, LASTS, PATIENCE).await.unwrap().unwrap();
    // The clock of the database went back after this server had died.
    heard_of(&stage, first.worker, MINUTE * -60, MINUTE * 120).await;
    assert!(waiting(&stage).await.is_empty(), "there is no witness yet");
    heard_of(&stage, second.worker, TimeDelta::zero(), MINUTE).await;
    assert_eq!(waiting(&stage).await, [chat]);
    assert!(acquire(&stage.db, chat, second, LASTS, PATIENCE).await.unwrap().is_some());
}

#[tokio::test]
async fn the_lease_of_a_server_that_is_dead_is_taken_over_before_it_is_over() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let (first, second) = (lease(), lease());
    acquire(&stage.db, chat, first, LASTS, PATIENCE).await.unwrap().unwrap();
    heard_of(&stage, second.worker, TimeDelta::zero(), MINUTE).await;
    heard_of(&stage, first.worker, SECOND, MINUTE).await;
    assert!(waiting(&stage).await.is_empty());
    assert!(acquire(&stage.db, chat, second, LASTS, PATIENCE).await.unwrap().is_none(), "it lives");
    heard_of(&stage, first.worker, SECOND * 6, MINUTE).await;
    assert_eq!(waiting(&stage).await, [chat]);
    let mine = Seeker { worker: first.worker, patience: PATIENCE };
    let found = query::chats::acquirable(stage.db.reader(), mine, &[], 100).await.unwrap();
    assert!(found.is_empty(), "who looks is not dead");
    let again = Lease { runner: RunnerId::new(), ..first };
    assert!(acquire(&stage.db, chat, again, LASTS, PATIENCE).await.unwrap().is_none());
    let taken = acquire(&stage.db, chat, second, LASTS, PATIENCE).await.unwrap().unwrap();
    assert_eq!((taken.state.lease, taken.state.epoch), (Some(second), 2));
}
