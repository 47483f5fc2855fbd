//! Chats that nobody uses any more.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use warren_chat_proto::Execution as X;
use warren_db::{ConnectionTrait, DbError, Tx, query};
use warren_vocab::{BusyBehavior, ChatId};

use super::{
    super::{Command, LimitConfig, LimitPeriod, Request, Retention, find_request, settings, transition},
    stage::{Stage, answer},
};
use crate::metrics::ChatMetrics;

fn retention(stage: &Stage) -> Retention {
    Retention::new(stage.db.clone(), ChatMetrics::default())
}

async fn set(stage: &Stage, key: &'static str, days: u32) {
    stage.db.write(async |tx: &Tx| settings::put(tx, key, &days).await).await.unwrap();
}

/// Makes a chat look as if it had changed last days ago.
async fn age(stage: &Stage, chat: ChatId, days: i64) {
    age_to(stage, chat, Utc::now() - TimeDelta::days(days)).await;
}

async fn age_to(stage: &Stage, chat: ChatId, then: DateTime<Utc>) {
    let then = then.format("%Y-%m-%dT%H:%M:%S+00:00");
    let id = match stage.database.location() {
        warren_db::Location::Sqlite { .. } => format!("x'{}'", chat.as_uuid().simple()),
        warren_db::Location::Postgres { .. } => format!("'{chat}'"),
    };
    let aged = stage.db.write(async |tx: &Tx| {
        tx.execute_unprepared(&format!("UPDATE chats SET updated_at = '{then}' WHERE id = {id}")).await?;
        Ok::<_, DbError>(())
    });
    aged.await.unwrap();
}

/// A chat that changed last days ago and got its only message then.
async fn old(stage: &Stage, state: X, days: i64) -> ChatId {
    let n_queued = usize::from(matches!(state, X::E1 | X::R1 | X::XE1));
    let chat = stage.chat_in_past(state, n_queued, days).await;
    age(stage, chat, days).await;
    chat
}

#[tokio::test]
async fn chats_that_nobody_used_are_archived_once_by_any_number_of_servers() {
    let stage = Stage::new().await;
    let idle = [old(&stage, X::W, 40).await, old(&stage, X::E1, 40).await];
    let busy = old(&stage, X::R0, 40).await;
    let recent = old(&stage, X::W, 5).await;
    let pinned = old(&stage, X::W, 40).await;
    stage.db.write(async |tx| query::chats::set_pin_order(tx, pinned, 1).await).await.unwrap();
    let written_to = stage.chat_in(X::W, 0).await;
    age(&stage, written_to, 40).await;
    let second = stage.database.second_handle().await;
    let metrics = ChatMetrics::default();
    let servers = [&stage.db, second.as_ref().unwrap_or(&stage.db)]
        .map(|db| Retention::new(db.clone(), metrics.clone()));
    servers[0].archive_idle(Utc::now()).await.unwrap();
    assert!(!stage.row_of(idle[0]).await.archived, "it is turned off unless it is turned on");
    set(&stage, settings::AUTO_ARCHIVE_DAYS, 30).await;
    for done in join_all(servers.iter().map(|server| server.archive_idle(Utc::now()))).await {
        done.unwrap();
    }
    for chat in idle {
        let row = stage.row_of(chat).await;
        assert_eq!((row.archived, row.snapshot_version), (true, 2), "archived once");
    }
    for chat in [busy, recent, pinned, written_to] {
        assert!(!stage.row_of(chat).await.archived);
    }
    let text = metrics.text();
    assert!(text.contains("coderd_chat_auto_archive_records_archived_total 2\n"), "{text}");
}

#[tokio::test]
async fn a_chat_that_comes_back_is_not_archived_again_at_once() {
    let stage = Stage::new().await;
    set(&stage, settings::AUTO_ARCHIVE_DAYS, 30).await;
    let chat = old(&stage, X::XW, 40).await;
    stage.apply(chat, Command::SetArchived(false)).await.unwrap();
    retention(&stage).archive_idle(Utc::now()).await.unwrap();
    assert!(!stage.row_of(chat).await.archived);
}

#[tokio::test]
async fn archived_chats_are_deleted_after_their_time_with_all_that_belongs_to_them() {
    let stage = Stage::new().await;
    let old_archived = old(&stage, X::XE1, 40).await;
    let (live, recent) = (old(&stage, X::W, 400).await, old(&stage, X::XW, 20).await);
    let just_archived = old(&stage, X::W, 400).await;
    stage.apply(just_archived, Command::SetArchived(true)).await.unwrap();
    let metrics = ChatMetrics::default();
    let retention = Retention::new(stage.db.clone(), metrics.clone());
    set(&stage, settings::RETENTION_DAYS, 0).await;
    retention.purge(Utc::now()).await.unwrap();
    assert!(stage.stored_if_any(old_archived).await.is_some(), "0 days keep everything");
    set(&stage, settings::RETENTION_DAYS, 30).await;
    retention.purge(Utc::now()).await.unwrap();
    assert!(stage.stored_if_any(old_archived).await.is_none());
    let reader = stage.db.reader();
    assert!(query::chat_messages::changed_since(reader, old_archived, -1).await.unwrap().is_empty());
    assert!(query::chat_queue::list(reader, old_archived).await.unwrap().is_empty());
    let text = metrics.text();
    assert!(text.contains("coderd_dbpurge_records_purged_total{record_type=\"chats\"} 1\n"), "{text}");
    for chat in [live, recent, just_archived] {
        assert!(stage.stored_if_any(chat).await.is_some());
    }
}

#[tokio::test]
async fn without_a_setting_archived_chats_stay_for_thirty_days() {
    let stage = Stage::new().await;
    let (young, aged) = (old(&stage, X::XW, 29).await, old(&stage, X::XW, 32).await);
    retention(&stage).purge(Utc::now()).await.unwrap();
    assert!(stage.stored_if_any(young).await.is_some());
    assert!(stage.stored_if_any(aged).await.is_none());
}

#[tokio::test]
async fn chats_whose_cost_counts_against_a_limit_are_kept_until_the_period_is_over() {
    let stage = Stage::new().await;
    // Some day in the middle of a month to come.
    let (_, next_month) = LimitPeriod::Month.around(Utc::now());
    let now = next_month + TimeDelta::days(20);
    let (this_month, before) = (stage.chat_in(X::XW, 0).await, stage.chat_in(X::XW, 0).await);
    age_to(&stage, this_month, now - TimeDelta::days(5)).await;
    age_to(&stage, before, now - TimeDelta::days(25)).await;
    set(&stage, settings::RETENTION_DAYS, 1).await;
    let config = LimitConfig { default_limit_micros: Some(1), period: LimitPeriod::Month };
    let write = async |tx: &Tx| settings::put(tx, settings::USAGE_LIMIT, &config).await;
    stage.db.write(write).await.unwrap();
    retention(&stage).purge(now).await.unwrap();
    assert!(stage.stored_if_any(this_month).await.is_some());
    assert!(stage.stored_if_any(before).await.is_none());
}

#[tokio::test]
async fn chats_in_impossible_states_are_repaired_and_others_left_alone() {
    let stage = Stage::new().await;
    let mut broken = Vec::new();
    for (status, archived, n_queued) in [
        ("pending", false, 0),
        ("completed", true, 1),
        ("running", true, 0),
        ("waiting", false, 1),
        ("waiting", true, 1),
    ] {
        broken.push((stage.chat_with(status, archived, n_queued).await, n_queued));
    }
    let mut sound = Vec::new();
    for (state, n_queued) in [(X::W, 0), (X::E1, 1), (X::R0, 0), (X::A1, 1), (X::XW, 0), (X::XE1, 1)] {
        let chat = stage.chat_in(state, n_queued).await;
        sound.push((chat, stage.stored(chat).await));
    }
    retention(&stage).repair().await.unwrap();
    for (chat, n_queued) in broken {
        let expected = if n_queued == 0 { X::E0 } else { X::E1 };
        assert_eq!(stage.state(chat).await.execution(), expected);
    }
    for (chat, before) in sound {
        assert_eq!(stage.stored(chat).await, before);
    }
}

#[tokio::test]
async fn keys_of_requests_are_forgotten_after_a_day() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let request = |key| Request { owner: stage.owner, key, digest: "d" };
    let remember = async |key, hours| {
        let row = warren_db::entity::chat_requests::Model {
            owner_id: stage.owner.as_uuid(),
            idempotency_key: String::from(key),
            chat_id: chat.as_uuid(),
            digest: String::from("d"),
            message_id: None,
            queued_message_id: None,
            created_at: Utc::now() - TimeDelta::hours(hours),
        };
        stage.db.write(async |tx| query::chat_requests::insert(tx, row).await).await.unwrap();
    };
    remember("old", 25).await;
    remember("new", 23).await;
    retention(&stage).purge(Utc::now()).await.unwrap();
    assert_eq!(find_request(stage.db.reader(), request("old")).await.unwrap(), None);
    assert!(find_request(stage.db.reader(), request("new")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_message_that_arrives_meanwhile_keeps_the_chat() {
    let stage = Stage::new().await;
    let chat = old(&stage, X::W, 40).await;
    let cutoff = Utc::now() - TimeDelta::days(30);
    let found = query::chat_retention::idle_since(stage.db.reader(), cutoff, 10).await.unwrap();
    assert_eq!(found, [chat]);
    stage.apply(chat, stage.send("still here", BusyBehavior::Queue)).await.unwrap();
    let written = stage.db.write(async |tx: &Tx| {
        transition(tx, chat, None, Command::CommitStep(vec![answer("hi")])).await?;
        transition(tx, chat, None, Command::FinishTurn).await?;
        Ok::<_, crate::error::ChatServiceError>(query::chat_retention::is_idle_since(tx, chat, cutoff).await?)
    });
    assert!(!written.await.unwrap());
}

#[tokio::test]
async fn whole_days_count_and_a_chat_that_cannot_be_read_holds_up_no_other() {
    let stage = Stage::new().await;
    set(&stage, settings::AUTO_ARCHIVE_DAYS, 30).await;
    let now = Utc::now();
    let cutoff = (now - TimeDelta::days(30)).date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let broken = old(&stage, X::W, 50).await;
    let (last, first) = (old(&stage, X::W, 40).await, old(&stage, X::W, 40).await);
    age_to(&stage, last, cutoff - TimeDelta::seconds(1)).await;
    age_to(&stage, first, cutoff).await;
    // PostgreSQL itself takes nothing that cannot be read.
    if stage.db.is_exclusive() {
        let spoil = stage.db.write(async |tx: &Tx| {
            let id = broken.as_uuid().simple();
            tx.execute_unprepared(&format!("UPDATE chats SET labels = '{{' WHERE id = x'{id}'")).await?;
            Ok::<_, DbError>(())
        });
        spoil.await.unwrap();
    }
    retention(&stage).archive_idle(now).await.unwrap();
    assert!(stage.row_of(last).await.archived, "the last second of the day before");
    assert!(!stage.row_of(first).await.archived, "the first moment of a day that counts");
}

#[tokio::test]
async fn days_that_cannot_be_read_archive_and_delete_nothing() {
    let stage = Stage::new().await;
    let (idle, archived) = (old(&stage, X::W, 400).await, old(&stage, X::XW, 400).await);
    let unreadable = serde_json::json!({ "days": 0 });
    for key in [settings::AUTO_ARCHIVE_DAYS, settings::RETENTION_DAYS] {
        stage.db.write(async |tx: &Tx| settings::put(tx, key, &unreadable).await).await.unwrap();
    }
    retention(&stage).archive_idle(Utc::now()).await.unwrap_err();
    retention(&stage).purge(Utc::now()).await.unwrap_err();
    assert!(!stage.row_of(idle).await.archived);
    assert!(stage.row_of(archived).await.archived, "it is still there");
}
