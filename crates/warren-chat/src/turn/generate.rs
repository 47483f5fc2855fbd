//! One attempt to get the next answer, and what follows when it fails.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use tokio::time::Instant;
use warren_chat_proto::{ChatError, ChatState, Message, RetryState, Usage};
use warren_db::{entity::chats, query};
use warren_llm::{ModelError, ModelRequest};
use warren_vocab::{ChatErrorKind, ChatId, MessageRole, UserId};

use super::{Turn, aside, commit, commit_step, fail, listen, open_episode, prompt};
use crate::{
    error::{ChatResult, ChatServiceError},
    metrics::ModelLabels,
    models::ReadyModel,
    rows,
    service::Shared,
    store::{self, Command, NewMessage, PricedCall, Reservation, Wish},
    tools,
    worker::WorkerConfig,
};

/// The most attempts when the provider cannot be reached at all, as a wrong URL stays wrong, or has nothing to say.
const HOPELESS_ATTEMPTS_MAX: i64 = 3;
/// A chat does not run on while a provider wants to be left alone for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10 * 60);

/// Asks the model once and commits its answer.
pub(super) async fn generate(
    shared: &Arc<Shared>,
    turn: &mut Turn,
    chat: &chats::Model,
    state: &ChatState,
    history: &[Message],
) -> ChatResult<()> {
    // An edit may have cut off calls that still run.
    tools::end_running(shared, chat, state, &[]).await?;
    tools::note_use(shared, chat).await;
    let begun = commit(shared, chat, state, None, Command::RecordAttempt).await?.state;
    let ready = match turn.model() {
        Ok(ready) => ready,
        Err(error) => {
            turn.leave();
            return fail(shared, chat, &begun, error).await;
        }
    };
    let request = prompt::request(shared, turn, chat, ready, history).await?;
    if let Some(error) = refused(shared, turn, chat, &begun, ready, &request).await? {
        return fail(shared, chat, &begun, error).await;
    }
    let started = Instant::now();
    let episode = open_episode(shared, chat, &begun)?;
    let used_ids = query::chat_tool_calls::call_ids(shared.db.reader(), ChatId::from_uuid(chat.id)).await?;
    let used_ids = used_ids.into_iter().collect();
    let asked = listen::Asked { shared, ready, episode: Some(&episode), meter: turn.meter(), used_ids };
    match listen::ask(asked, request).await {
        Ok(answer) => {
            episode.flush().await;
            turn.meter().settle_unless_told(shared, &answer.usage).await;
            let message = NewMessage {
                model_config_id: Some(ready.config),
                usage: Some(usage(ready, answer.usage)),
                runtime_ms: i64::try_from(started.elapsed().as_millis()).ok(),
                ..NewMessage::new(MessageRole::Assistant, answer.parts)
            };
            let said = prompt::text(&message.content);
            if let Some(done) = commit_step(shared, turn.meter(), chat, &begun, message).await? {
                shared.metrics.step(ready);
                aside::summarise(shared, turn, &done.chat, &done.state, said);
            }
            Ok(())
        }
        Err(error) => {
            let labels = ModelLabels::of(ready);
            turn.meter().settle(shared).await;
            turn.leave();
            retry_or_fail(shared, chat, &begun, &labels, error).await
        }
    }
}

/// Sets money aside for the next call; gives the error when the owner has none left.
pub(super) async fn refused(
    shared: &Shared,
    turn: &Turn,
    chat: &chats::Model,
    state: &ChatState,
    ready: &ReadyModel,
    request: &ModelRequest,
) -> ChatResult<Option<ChatError>> {
    let call = PricedCall {
        model: ready.config,
        history_version: state.versions.history,
        attempt: state.versions.attempt,
        prompt_tokens: store::tokens(prompt::size(request).1),
        prices: ready.prices,
        used: None,
    };
    // Nothing when no price is known.
    let micros = call.most_micros(ready.model.output_bound(request)).unwrap_or(0);
    let (owner, id) = (UserId::from_uuid(chat.owner_id), ChatId::from_uuid(chat.id));
    let lease = state.lease_id()?;
    let wish = Wish { owner, chat: id, lease, micros, call: call.clone() };
    match store::reserve(&shared.db, wish).await {
        Ok(Reservation::Granted) => {
            turn.meter().begin(id, lease, call);
            Ok(None)
        }
        Err(error @ ChatServiceError::LimitUnreadable) => {
            let kind = Some(ChatErrorKind::UsageLimit);
            Ok(Some(ChatError { kind, ..ChatError::generic(error.to_string()) }))
        }
        Err(error) => Err(error),
        Ok(Reservation::Refused(standing)) => {
            let day = standing.resets_at.format("%-d %B %Y");
            let message = format!(
                "What is left of your spending limit for chats does not cover another answer. It starts anew on {day} (UTC)."
            );
            Ok(Some(ChatError { kind: Some(ChatErrorKind::UsageLimit), ..ChatError::generic(message) }))
        }
    }
}

/// What an answer used, as it is stored.
pub(super) fn usage(ready: &ReadyModel, used: warren_llm::Usage) -> Usage {
    Usage {
        input_tokens: used.input_tokens,
        output_tokens: used.output_tokens,
        total_tokens: used.total_tokens,
        reasoning_tokens: used.reasoning_tokens,
        cache_creation_tokens: used.cache_creation_tokens,
        cache_read_tokens: used.cache_read_tokens,
        context_limit: Some(ready.context_limit),
        total_cost_micros: ready.prices.and_then(|prices| prices.cost_micros(&used)),
    }
}

/// Waits before the next attempt, or ends the turn.
pub(super) async fn retry_or_fail(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    labels: &ModelLabels,
    error: ModelError,
) -> ChatResult<()> {
    let attempt = state.versions.attempt;
    let config = &shared.worker;
    let is_hopeless = error.is_unreachable || error.message == listen::SAYS_NOTHING;
    let attempts_max =
        if is_hopeless { config.attempts_max.min(HOPELESS_ATTEMPTS_MAX) } else { config.attempts_max };
    if !error.retryable || attempt >= attempts_max {
        return fail(shared, chat, state, chat_error(&error, labels)).await;
    }
    if let Some(later) = error.retry_after.filter(|after| *after > RETRY_AFTER_MAX) {
        let message =
            format!("{} It wants to be asked again in {} at the earliest.", error.message, in_words(later));
        return fail(shared, chat, state, ChatError { message, ..chat_error(&error, labels) }).await;
    }
    let delay = retry_delay(config, attempt, error.retry_after);
    let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    let retry = RetryState {
        attempt,
        delay_ms,
        error: error.message.clone(),
        kind: Some(error.kind),
        provider: Some(labels.provider().to_owned()),
        status_code: error.status,
        // The store writes the time by the clock of the database.
        retrying_at: DateTime::UNIX_EPOCH,
    };
    commit(shared, chat, state, Some(attempt), Command::RecordRetry(retry)).await?;
    shared.metrics.retry(labels, error.kind);
    Ok(())
}

/// Waits as long as the attempt before wants it, whoever has made that.
pub(super) async fn wait_for_retry(shared: &Shared, chat: &chats::Model) -> ChatResult<()> {
    let Some(retry) = rows::retry(chat)? else { return Ok(()) };
    let left = retry.retrying_at - query::clock::now(shared.db.reader()).await?;
    let whole = Duration::from_millis(u64::try_from(retry.delay_ms).unwrap_or(0)).min(RETRY_AFTER_MAX);
    tokio::time::sleep(left.to_std().unwrap_or_default().min(whole)).await;
    Ok(())
}

/// A time as people say it, rounded up.
fn in_words(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    match minutes {
        0..=120 => format!("{minutes} minutes"),
        121..=2880 => format!("{} hours", minutes.div_ceil(60)),
        _ => format!("{} days", minutes.div_ceil(24 * 60)),
    }
}

/// 1 s, 2 s, 4 s … up to a minute, with jitter; never sooner than the provider asks for.
fn retry_delay(config: &WorkerConfig, attempt: i64, floor: Option<Duration>) -> Duration {
    let exponent = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let full = config.retry_first.saturating_mul(1 << exponent).min(config.retry_max);
    let jittered = full.mul_f64(rand::Rng::random_range(&mut rand::rng(), 0.75..=1.0));
    jittered.max(floor.unwrap_or_default())
}

fn chat_error(error: &ModelError, labels: &ModelLabels) -> ChatError {
    ChatError {
        message: error.message.clone(),
        detail: error.detail.clone(),
        kind: Some(error.kind),
        provider: Some(labels.provider().to_owned()),
        retryable: error.retryable,
        status_code: error.status,
    }
}
