//! Calls of models that are cut off: the provider bills them, so they are booked, and once.

use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use serde_json::json;
use warren_chat_proto::{ChatError, Lease, Part, RetryState, StreamPart, Usage};
use warren_db::{
    Guard, Tx,
    entity::chat_parts,
    query::{
        self,
        chat_costs::{self, Span, Totals},
    },
};
use warren_vocab::{BusyBehavior, ChatId, MessageRole, RunnerId};

use super::{
    super::{Command, PricedCall, Reservation, Used, Wish, note_used, reserve, transition},
    money::{dear, reserve_for, reserved, set_limit, spent, wish},
    stage::{Stage, answer, others},
};
use crate::rows;

/// What a prompt of a [`wish`] costs.
const PROMPT: i64 = 100;

/// Lets a chat's worker begin an attempt, set money aside, and say so many bytes.
async fn ask(stage: &Stage, chat: ChatId, micros: i64, n_said: usize) {
    stage.apply(chat, Command::RecordAttempt).await.unwrap();
    assert_eq!(reserve_for(stage, chat, micros).await, Reservation::Granted);
    if n_said > 0 {
        say(stage, chat, n_said).await;
    }
}

async fn say(stage: &Stage, chat: ChatId, n_bytes: usize) {
    let state = stage.state(chat).await;
    let (history_version, attempt) = (state.versions.history, state.versions.attempt);
    let part = |seq, role, part| StreamPart { role, part, history_version, generation_attempt: attempt, seq };
    let parts = vec![
        part(1, MessageRole::Assistant, Part::text("x".repeat(n_bytes))),
        part(2, MessageRole::Tool, Part::tool_result("call", "tool", json!("not the model's words"), false)),
    ];
    let row = chat_parts::Model {
        parts: rows::stored(&parts),
        ..stage.part(chat, state.epoch, history_version, attempt)
    };
    let write = async |tx: &Tx| query::chat_parts::insert(tx, vec![row]).await;
    stage.db.write_guarded(Guard::chat(chat), write).await.unwrap();
}

async fn totals(stage: &Stage) -> Totals {
    let span = Span { from: Utc::now() - TimeDelta::hours(1), until: Utc::now() + TimeDelta::hours(1) };
    chat_costs::of_owner(stage.db.reader(), stage.owner, span).await.unwrap()
}

fn acquire(stage: &Stage) -> Command {
    let lease = Lease { worker: stage.worker, runner: RunnerId::new() };
    Command::Acquire { lease, lasts: TimeDelta::seconds(30) }
}

fn retry() -> RetryState {
    RetryState {
        attempt: 1,
        delay_ms: 1,
        error: String::from("cut"),
        kind: None,
        provider: None,
        status_code: None,
        retrying_at: Utc::now(),
    }
}

#[tokio::test]
async fn whatever_ends_a_call_without_its_answer_books_the_prompt_and_what_was_said() {
    let stage = Stage::new().await;
    let error = ChatError::generic("It broke.");
    let edit = |message_id| Command::Edit { message_id, message: stage.message("x") };
    let stopped = |partial| Command::FinishInterruption { partial };
    let mut expected = 0;
    for n in 0..9 {
        let chat = stage.create("hello").await;
        stage.take(chat).await;
        ask(&stage, chat, 10_000, 30).await;
        let ends = match n {
            0 => vec![Command::Interrupt, stopped(vec![answer("half")])],
            1 => vec![stage.send("next", BusyBehavior::Interrupt), stopped(Vec::new())],
            2 => vec![Command::RecordRetry(retry())],
            3 => vec![Command::FinishError { error: error.clone(), partial: Vec::new() }],
            4 => vec![edit(stage.last_user_message(chat).await)],
            5 => vec![acquire(&stage)],
            6 => vec![Command::Abandon],
            7 => vec![Command::RecordAttempt],
            _ => vec![Command::Interrupt, acquire(&stage), stopped(Vec::new())],
        };
        for command in ends {
            stage.apply(chat, command).await.unwrap();
        }
        expected += PROMPT + 100;
        assert_eq!(spent(&stage).await, expected, "end {n}");
        assert_eq!(reserved(&stage).await, 0, "end {n}");
        stage.take(chat).await;
        assert_eq!(spent(&stage).await, expected, "end {n} is booked once");
    }
    let totals = totals(&stage).await;
    assert_eq!((totals.total_cost_micros, totals.estimated_cost_micros), (expected, expected));
    assert_eq!((totals.total_input_tokens, totals.total_output_tokens), (900, 90));
    assert_eq!((totals.priced_message_count, totals.unpriced_message_count), (9, 0));
}

#[tokio::test]
async fn of_several_servers_that_end_a_call_at_once_one_books_it() {
    let stage = Stage::new().await;
    let second = stage.database.second_handle().await;
    for _ in 0..5 {
        let before = spent(&stage).await;
        let chat = stage.create("hello").await;
        let fence = stage.take(chat).await;
        ask(&stage, chat, 10_000, 30).await;
        let error = ChatError::generic("It broke.");
        let ends = (0..8).map(|n| {
            let db = second.as_ref().filter(|_| n % 2 == 0).unwrap_or(&stage.db);
            let (fence, command) = match n {
                0 => (Some(&fence), Command::FinishError { error: error.clone(), partial: Vec::new() }),
                1 => (Some(&fence), Command::Abandon),
                _ => (None, acquire(&stage)),
            };
            db.write_guarded(Guard::chat(chat), async move |tx| transition(tx, chat, fence, command).await)
        });
        assert!(join_all(ends).await.iter().any(Result::is_ok));
        assert_eq!(spent(&stage).await - before, PROMPT + 100);
    }
}

#[tokio::test]
async fn sending_and_stopping_again_and_again_reaches_the_limit() {
    let stage = Stage::new().await;
    set_limit(&stage, 1000).await;
    let chat = stage.create("hello").await;
    stage.take(chat).await;
    let mut n_calls = 0;
    loop {
        stage.apply(chat, Command::RecordAttempt).await.unwrap();
        if let Reservation::Refused(standing) = reserve_for(&stage, chat, 500).await {
            assert!(standing.spent_micros > 500, "{standing:?}");
            break;
        }
        n_calls += 1;
        stage.apply(chat, Command::Interrupt).await.unwrap();
        stage.apply(chat, Command::FinishInterruption { partial: Vec::new() }).await.unwrap();
        stage.apply(chat, stage.send("again", BusyBehavior::Queue)).await.unwrap();
    }
    assert_eq!(n_calls, 6);
}

#[tokio::test]
async fn no_more_is_booked_than_was_set_aside() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.take(chat).await;
    ask(&stage, chat, 150, 3000).await;
    stage.take(chat).await;
    assert_eq!(spent(&stage).await, 150);
}

#[tokio::test]
async fn an_answer_that_says_what_it_used_is_not_booked_beside_it() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.take(chat).await;
    ask(&stage, chat, 10_000, 30).await;
    stage.apply(chat, Command::CommitStep(vec![dear(&stage, Some(40))])).await.unwrap();
    assert_eq!(spent(&stage).await, 40);
    ask(&stage, chat, 10_000, 30).await;
    stage.apply(chat, Command::CommitStep(vec![answer("said")])).await.unwrap();
    assert_eq!(spent(&stage).await, 40 + PROMPT + 100, "its provider counts no tokens");
    let totals = totals(&stage).await;
    assert_eq!((totals.total_cost_micros, totals.estimated_cost_micros), (240, 200));
}

#[tokio::test]
async fn what_the_worker_knows_of_a_call_is_booked_instead_of_an_estimate() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.take(chat).await;
    let usage = Usage { input_tokens: Some(7), total_cost_micros: Some(12), ..Usage::default() };
    let nothing = Used::default();
    for (used, micros) in [(Used { usage, is_estimated: false }, 12), (nothing, 0)] {
        let before = spent(&stage).await;
        ask(&stage, chat, 10_000, 30).await;
        let Wish { lease, call, .. } = wish(&stage, chat, 0).await;
        let call = PricedCall { used: Some(used), ..call };
        note_used(&stage.db, chat, lease, &call).await.unwrap();
        let theirs = Usage { total_cost_micros: Some(99), ..usage };
        let theirs = Used { usage: theirs, is_estimated: false };
        for other in others(lease) {
            let call = PricedCall { used: Some(theirs), ..call.clone() };
            note_used(&stage.db, chat, other, &call).await.unwrap();
        }
        stage.apply(chat, Command::RecordRetry(retry())).await.unwrap();
        assert_eq!(spent(&stage).await - before, micros);
    }
    let totals = totals(&stage).await;
    assert_eq!((totals.estimated_cost_micros, totals.total_input_tokens), (0, 7));
}

#[tokio::test]
async fn a_call_without_a_price_is_booked_as_used_but_free() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.take(chat).await;
    let wish = wish(&stage, chat, 0).await;
    let wish = Wish { call: PricedCall { prices: None, ..wish.call }, ..wish };
    assert_eq!(reserve(&stage.db, wish).await.unwrap(), Reservation::Granted);
    stage.take(chat).await;
    let totals = totals(&stage).await;
    assert_eq!((totals.unpriced_message_count, totals.total_input_tokens), (1, 100));
    assert_eq!((totals.total_cost_micros, totals.estimated_cost_micros), (0, 0));
}
