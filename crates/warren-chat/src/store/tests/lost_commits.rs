//! What a holder of a lease may still do when the database has lost its last commits, as after a failover or a restored
//! snapshot, and gave the number of the lease to somebody else: nothing.
//!
//! Guards that were taken away, and a test that failed:
//!
//! | guard | test |
//! |---|---|
//! | the statement that writes a chat names the runner | `no_step_is_committed_under_a_number_that_somebody_else_has` |
//! | the runner is compared before that | the same |
//! | the statements that write tool calls name the runner | `no_tool_call_moves_under_a_number_that_somebody_else_has` |
//! | parts are compared with the runner of their chat | `no_part_is_kept_under_a_number_that_somebody_else_has` |
//! | what a call has used is noted by its runner | `what_the_worker_knows_of_a_call_is_booked_instead_of_an_estimate` |
//! | leases are renewed by their runner | `no_lease_is_renewed_under_a_number_that_somebody_else_has` |
//!
//! The trigger that refuses stray parts compares the number alone: rows of parts do not name the runner.

use chrono::TimeDelta;
use prometheus_client::metrics::counter::Counter;
use warren_chat_proto::{ChatError, Episode, Fence, Part, Stale};
use warren_db::{
    Guard, Tx,
    query::{self, chat_tool_calls::Key, chats::Expected},
};
use warren_rt::Tasks;
use warren_vocab::{ChatId, LeaseId, MessageRole, ReplicaId, RunnerId};

use super::{
    super::Command,
    fences::{literal, run},
    matrix::retry,
    stage::{Stage, answer},
};
use crate::{
    error::ChatServiceError,
    hub::{Hub, Others, saved_parts},
    metrics::ChatMetrics,
    parts::PartWriter,
};

/// Gives the lease that the chat has, number and all, to another runner of a worker: what taking it wrote was lost, and then
/// it was taken anew.
async fn give_out_again(stage: &Stage, chat: ChatId, old: &Fence, worker: ReplicaId) -> Fence {
    let runner = RunnerId::new();
    let [to, by] = [worker.as_uuid(), runner.as_uuid()].map(|id| literal(stage, id));
    let sql = format!("UPDATE chats SET worker_id = {to}, runner_id = {by} WHERE id = {{chat}}");
    run(stage, chat, &sql).await.unwrap();
    let current = stage.fence(chat).await;
    assert_eq!(current.lease, LeaseId { epoch: old.lease.epoch, runner });
    current
}

/// Who may take the chat then.
fn takers(stage: &Stage) -> [ReplicaId; 2] {
    [ReplicaId::new(), stage.worker]
}

#[tokio::test]
async fn no_step_is_committed_under_a_number_that_somebody_else_has() {
    let stage = Stage::new().await;
    for worker in takers(&stage) {
        let chat = stage.create("hello").await;
        let old = stage.take(chat).await;
        let current = give_out_again(&stage, chat, &old, worker).await;
        let before = stage.stored(chat).await;
        for command in [
            Command::RecordAttempt,
            Command::RecordRetry(retry()),
            Command::CommitStep(vec![answer("late")]),
            Command::EnterRequiresAction { asks: Vec::new(), within: TimeDelta::minutes(5) },
            Command::FinishTurn,
            Command::FinishError { error: ChatError::generic("It broke."), partial: Vec::new() },
            Command::FinishInterruption { partial: Vec::new() },
            Command::Abandon,
        ] {
            let late = stage.apply_under(chat, Some(&old), command).await;
            assert!(matches!(late, Err(ChatServiceError::Stale(Stale::Lease))), "{late:?}");
        }
        // And as a worker that compares nothing before it writes.
        let mut mine = before.chat.clone();
        mine.snapshot_version += 1;
        let expected = Expected { snapshot_version: before.chat.snapshot_version, lease: Some(old.lease) };
        let write = async |tx: &Tx| query::chats::update(tx, mine, expected).await;
        assert!(!stage.db.write_guarded(Guard::chat(chat), write).await.unwrap());
        assert_eq!(stage.stored(chat).await, before);
        stage.apply_under(chat, Some(&current), Command::CommitStep(vec![answer("in time")])).await.unwrap();
    }
}

#[tokio::test]
async fn no_tool_call_moves_under_a_number_that_somebody_else_has() {
    let stage = Stage::new().await;
    for worker in takers(&stage) {
        let chat = stage.create("hello").await;
        let old = stage.take(chat).await;
        let history_version = stage.commit_calls(chat, &["a"]).await;
        let current = give_out_again(&stage, chat, &old, worker).await;
        let key = Key { chat, history_version, call_id: String::from("a") };
        assert!(!stage.start_call(&key, old.lease).await);
        assert_eq!(stage.ledger(chat).await["a"], "intent");
        assert!(stage.start_call(&key, current.lease).await);
        assert!(!stage.finish_call(&key, old.lease).await);
        assert_eq!(stage.ledger(chat).await["a"], "started");
        assert!(stage.finish_call(&key, current.lease).await);
    }
}

#[tokio::test]
async fn no_part_is_kept_under_a_number_that_somebody_else_has() {
    let stage = Stage::new().await;
    let tasks = Tasks::new();
    let others = Others { me: stage.worker, relay: None, relayed: Counter::default() };
    let hub = Hub::new(stage.db.clone(), tasks.clone(), others);
    let writer = PartWriter::new(ChatMetrics::default());
    tasks.spawn("parts", writer.clone().run(stage.db.clone(), hub));
    for worker in takers(&stage) {
        let chat = stage.create("hello").await;
        let old = stage.take(chat).await;
        let begun = stage.apply_under(chat, Some(&old), Command::RecordAttempt).await.unwrap().state;
        let episode = Episode { history_version: begun.versions.history, attempt: begun.versions.attempt };
        let current = give_out_again(&stage, chat, &old, worker).await;
        let say = async |lease, text| {
            let parts = writer.open(chat, lease, episode);
            parts.push(MessageRole::Assistant, Part::text(text)).await;
            parts.flush().await;
            let saved = saved_parts(&stage.db, chat, episode).await.unwrap();
            saved.into_iter().map(|part| (part.seq, part.part.clone())).collect::<Vec<_>>()
        };
        assert_eq!(say(old.lease, "late").await, []);
        // Both call it the first part of the attempt.
        assert_eq!(say(current.lease, "in time").await, [(1, Part::text("in time"))]);
    }
}

#[tokio::test]
async fn no_lease_is_renewed_under_a_number_that_somebody_else_has() {
    let stage = Stage::new().await;
    for worker in takers(&stage) {
        let chat = stage.create("hello").await;
        let old = stage.take(chat).await;
        let current = give_out_again(&stage, chat, &old, worker).await;
        let before = stage.row_of(chat).await;
        assert_eq!(stage.renew(stage.worker, chat, old.lease).await, []);
        assert_eq!(stage.row_of(chat).await, before);
        assert_eq!(stage.renew(worker, chat, current.lease).await, [(chat, current.lease)]);
        assert!(stage.row_of(chat).await.lease_expires_at > before.lease_expires_at);
    }
}
