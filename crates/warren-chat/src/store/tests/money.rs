//! Limits that hold, and sums that are right.

use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use serde_json::json;
use warren_chat_proto::Usage;
use warren_db::{
    Tx,
    entity::user_chat_spend_limits,
    query::{
        self, Page,
        chat_costs::{self, Span},
    },
};
use warren_vocab::{AiProviderType, BusyBehavior, ChatId, UserId};

use super::{
    super::{
        Command, LimitConfig, LimitPeriod, NewMessage, PricedCall, Reservation, Wish, check_limit, reserve,
        settings, standing,
    },
    stage::{Stage, answer},
};
use crate::{error::ChatServiceError, prices::Prices};

pub(super) async fn set_limit(stage: &Stage, micros: i64) {
    let config = LimitConfig { default_limit_micros: Some(micros), period: LimitPeriod::Month };
    let write = async |tx: &Tx| settings::put(tx, settings::USAGE_LIMIT, &config).await;
    stage.db.write(write).await.unwrap();
}

async fn set_unreadable_limit(stage: &Stage) {
    let value = serde_json::json!({ "limit": 5 });
    let value = serde_json::json!({ "default_limit_micros": value });
    stage.db.write(async |tx: &Tx| settings::put(tx, settings::USAGE_LIMIT, &value).await).await.unwrap();
}

pub(super) fn dear(stage: &Stage, micros: Option<i64>) -> NewMessage {
    let usage = Usage {
        input_tokens: Some(10),
        output_tokens: Some(5),
        cache_read_tokens: Some(2),
        total_cost_micros: micros,
        ..Usage::default()
    };
    NewMessage {
        usage: Some(usage),
        runtime_ms: Some(7),
        model_config_id: Some(stage.model),
        ..answer("said")
    }
}

/// A wish for a call of the chat's attempt whose prompt has 100 tokens, at a micro-dollar for one of them and ten for one of
/// the answer.
pub(super) async fn wish(stage: &Stage, chat: ChatId, micros: i64) -> Wish {
    let state = stage.state(chat).await;
    let cost = json!({ "input_price_per_million_tokens": 1, "output_price_per_million_tokens": 10 });
    let call = PricedCall {
        model: stage.model,
        history_version: state.versions.history,
        attempt: state.versions.attempt,
        prompt_tokens: 100,
        prices: Prices::of(AiProviderType::OpenaiCompat, "local", &json!({ "cost": cost })),
        used: None,
    };
    Wish { owner: stage.owner, chat, lease: state.lease_id().unwrap(), micros, call }
}

pub(super) async fn reserve_for(stage: &Stage, chat: ChatId, micros: i64) -> Reservation {
    reserve(&stage.db, wish(stage, chat, micros).await).await.unwrap()
}

pub(super) async fn spent(stage: &Stage) -> i64 {
    standing(stage.db.reader(), stage.owner).await.unwrap().spent_micros
}

pub(super) async fn reserved(stage: &Stage) -> i64 {
    standing(stage.db.reader(), stage.owner).await.unwrap().reserved_micros
}

#[tokio::test]
async fn calls_that_begin_together_stay_below_the_limit() {
    let stage = Stage::new().await;
    set_limit(&stage, 1000).await;
    let second = stage.database.second_handle().await;
    let mut chats = Vec::new();
    for _ in 0..20 {
        let chat = stage.create("hello").await;
        stage.take(chat).await;
        chats.push(chat);
    }
    let wishes = join_all(chats.iter().map(|chat| wish(&stage, *chat, 300))).await;
    let tries = wishes.into_iter().enumerate().map(|(n, wish)| {
        let db = second.as_ref().filter(|_| n % 2 == 0).unwrap_or(&stage.db);
        reserve(db, wish)
    });
    let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    let n_granted = answers.iter().filter(|answer| **answer == Reservation::Granted).count();
    assert_eq!(n_granted, 3, "{answers:?}");
    assert_eq!(reserved(&stage).await, 900);
}

#[tokio::test]
async fn money_set_aside_is_spent_or_given_back_by_the_next_commit() {
    let stage = Stage::new().await;
    set_limit(&stage, 1000).await;
    let chat = stage.create("hello").await;
    stage.take(chat).await;
    stage.apply(chat, Command::RecordAttempt).await.unwrap();
    assert_eq!(reserve_for(&stage, chat, 600).await, Reservation::Granted);
    assert_eq!(reserve_for(&stage, chat, 700).await, Reservation::Granted, "the same chat replaces its own");
    assert_eq!(reserved(&stage).await, 700);
    stage.apply(chat, stage.send("later", BusyBehavior::Queue)).await.unwrap();
    assert_eq!(reserved(&stage).await, 700, "the call is still under way");
    stage.apply(chat, Command::CommitStep(vec![dear(&stage, Some(650))])).await.unwrap();
    let after = standing(stage.db.reader(), stage.owner).await.unwrap();
    assert_eq!((after.spent_micros, after.reserved_micros, after.left_micros()), (650, 0, Some(350)));
    let asked = query::clock::now(stage.db.reader()).await.unwrap();
    let Reservation::Refused(refused) = reserve_for(&stage, chat, 351).await else {
        panic!("it is more than is left")
    };
    assert_eq!((refused.limit_micros, refused.spent_micros), (Some(1000), 650));
    assert!(refused.resets_at > asked);
    assert_eq!(reserve_for(&stage, chat, 350).await, Reservation::Granted);
    stage.apply(chat, Command::FinishTurn).await.unwrap();
    assert_eq!(reserved(&stage).await, 0);
}

#[tokio::test]
async fn what_a_lost_lease_set_aside_is_void() {
    let stage = Stage::new().await;
    set_limit(&stage, 1000).await;
    let chat = stage.create("hello").await;
    stage.take(chat).await;
    let late = wish(&stage, chat, 100).await;
    assert_eq!(reserve_for(&stage, chat, 900).await, Reservation::Granted);
    stage.take(chat).await;
    assert_eq!(reserved(&stage).await, 0);
    assert_eq!(reserve_for(&stage, chat, 800).await, Reservation::Granted);
    reserve(&stage.db, late).await.unwrap();
    assert_eq!(reserved(&stage).await, 800, "a worker that came too late changes nothing");
}

#[tokio::test]
async fn a_limit_of_ones_own_replaces_that_of_everybody() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.apply(chat, Command::CommitStep(vec![dear(&stage, Some(500))])).await.unwrap();
    check_limit(stage.db.reader(), stage.owner).await.unwrap();
    set_limit(&stage, 500).await;
    let used_up = check_limit(stage.db.reader(), stage.owner).await;
    assert!(matches!(used_up, Err(ChatServiceError::UsageLimit(standing)) if standing.spent_micros == 500));
    let own = user_chat_spend_limits::Model {
        user_id: stage.owner.as_uuid(),
        limit_micros: 501,
        updated_at: Utc::now(),
    };
    let put = async |tx: &Tx| query::user_chat_spend_limits::put(tx, own).await;
    stage.db.write(put).await.unwrap();
    check_limit(stage.db.reader(), stage.owner).await.unwrap();
    let other = stage.user("bob").await;
    assert_eq!(standing(stage.db.reader(), other).await.unwrap().limit_micros, Some(500));
}

#[tokio::test]
async fn a_limit_does_not_hold_up_messages_that_wait() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.apply(chat, stage.send("later", BusyBehavior::Queue)).await.unwrap();
    stage.apply(chat, Command::CommitStep(vec![dear(&stage, Some(500))])).await.unwrap();
    set_limit(&stage, 1).await;
    stage.apply(chat, Command::FinishTurn).await.unwrap();
    assert_eq!(stage.story(chat).await.last().unwrap().1, "later");
}

#[tokio::test]
async fn costs_are_summed_up_by_user_model_and_chat() {
    let stage = Stage::new().await;
    let other: UserId = stage.user("bob").await;
    let [one, two] = [stage.create("1").await, stage.create("2").await];
    let theirs = stage.create_of(other, "3").await;
    let commit = async |chat, micros| {
        stage.apply(chat, Command::CommitStep(vec![dear(&stage, micros)])).await.unwrap();
    };
    commit(one, Some(100)).await;
    commit(two, Some(300)).await;
    commit(two, None).await;
    commit(theirs, Some(50)).await;
    let message_id = stage.last_user_message(one).await;
    stage.apply(one, Command::Edit { message_id, message: stage.message("x") }).await.unwrap();
    let span = Span { from: Utc::now() - TimeDelta::hours(1), until: Utc::now() + TimeDelta::hours(1) };
    let reader = stage.db.reader();
    let total = chat_costs::of_owner(reader, stage.owner, span).await.unwrap();
    assert_eq!(total.total_cost_micros, 400, "what was cut was paid for");
    assert_eq!((total.priced_message_count, total.unpriced_message_count), (2, 1));
    assert_eq!((total.total_input_tokens, total.total_output_tokens), (30, 15));
    assert_eq!((total.total_cache_read_tokens, total.total_runtime_ms), (6, 21));
    let by_model = chat_costs::by_model(reader, stage.owner, span).await.unwrap();
    assert_eq!(by_model.len(), 1);
    assert_eq!((by_model[0].model_config_id, by_model[0].totals), (Some(stage.model.as_uuid()), total));
    let by_chat = chat_costs::by_chat(reader, stage.owner, span).await.unwrap();
    let chats: Vec<_> = by_chat.iter().map(|row| (row.root_chat_id, row.totals.total_cost_micros)).collect();
    assert_eq!(chats, [(two.as_uuid(), 300), (one.as_uuid(), 100)]);
    let by_user = chat_costs::by_user(reader, span, "", Page::default()).await.unwrap();
    let users: Vec<_> = by_user
        .iter()
        .map(|row| (row.username.as_str(), row.chat_count, row.totals.total_cost_micros))
        .collect();
    assert_eq!(users, [("ada", 2, 400), ("bob", 1, 50)]);
    assert_eq!(chat_costs::by_user(reader, span, "BO", Page::default()).await.unwrap().len(), 1);
    assert_eq!(chat_costs::count_users(reader, span, "").await.unwrap(), 2);
    let past = Span { from: span.from - TimeDelta::hours(2), until: span.from };
    assert_eq!(chat_costs::of_owner(reader, stage.owner, past).await.unwrap(), Default::default());
}

#[tokio::test]
async fn a_limit_that_cannot_be_read_lets_nothing_through() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.take(chat).await;
    set_unreadable_limit(&stage).await;
    let refused = check_limit(stage.db.reader(), stage.owner).await;
    assert!(matches!(refused, Err(ChatServiceError::LimitUnreadable)), "{refused:?}");
    let refused = reserve(&stage.db, wish(&stage, chat, 0).await).await;
    assert!(matches!(refused, Err(ChatServiceError::LimitUnreadable)), "{refused:?}");
}

#[tokio::test]
async fn only_chats_that_run_have_money_set_aside() {
    let stage = Stage::new().await;
    set_limit(&stage, 1000).await;
    let chat = stage.create("hello").await;
    stage.take(chat).await;
    assert_eq!(reserve_for(&stage, chat, 600).await, Reservation::Granted);
    assert_eq!(reserved(&stage).await, 600);
    let late = wish(&stage, chat, 600).await;
    stage.apply(chat, Command::FinishTurn).await.unwrap();
    let before = spent(&stage).await;
    // A worker's wish that was on its way while its step was dropped.
    reserve(&stage.db, late).await.unwrap();
    assert_eq!(reserved(&stage).await, 0);
    stage.apply(chat, stage.send("next", BusyBehavior::Queue)).await.unwrap();
    stage.take(chat).await;
    assert_eq!(spent(&stage).await, before, "a call that was never made is not booked");
}
