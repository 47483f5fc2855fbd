//! What a call of a model is booked with when it ends without an answer in the history: the provider bills it all the same.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use warren_chat_proto::{ChatState, StreamPart, Usage};
use warren_db::{
    Database, Guard, Tx,
    entity::{chat_cut_calls, chat_reservations},
    query,
};
use warren_vocab::{ChatId, ChatStatus, LeaseId, MessageRole, ModelConfigId};

use super::Command;
use crate::{error::ChatResult, prices::Prices, rows};

/// For estimates of tokens that nobody has counted. Fewer bytes than a token has on average, so that nothing is too cheap.
pub(crate) const BYTES_PER_TOKEN: usize = 3;

/// A call that money is set aside for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PricedCall {
    pub(crate) model: ModelConfigId,
    pub(crate) history_version: i64,
    pub(crate) attempt: i64,
    /// Estimated.
    pub(crate) prompt_tokens: usize,
    /// `None` when no price is known.
    pub(crate) prices: Option<Prices>,
    /// What the server that made the call knows better than what can be found out without it.
    #[serde(default)]
    pub(crate) used: Option<Used>,
}

/// What a call has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    pub(crate) usage: Usage,
    /// The provider did not come to say what the whole call used.
    pub(crate) is_estimated: bool,
}

impl PricedCall {
    /// The most that the call can cost.
    pub(crate) fn most_micros(&self, n_output: u64) -> Option<i64> {
        Some(self.prices?.most_micros(self.prompt_tokens, n_output))
    }

    /// What the call has used for certain after so many bytes of its answer.
    fn estimate(&self, n_said: usize) -> Used {
        let n_output = tokens(n_said);
        let count = |tokens: usize| i64::try_from(tokens).unwrap_or(i64::MAX);
        let usage = Usage {
            input_tokens: Some(count(self.prompt_tokens)),
            output_tokens: Some(count(n_output)),
            total_cost_micros: self.most_micros(n_output as u64),
            ..Usage::default()
        };
        Used { usage, is_estimated: true }
    }
}

/// Estimates how many tokens a text has.
pub(crate) fn tokens(n_bytes: usize) -> usize {
    n_bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Notes what the server that makes a call knows of it, for when the call is booked.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn note_used(
    db: &Database,
    chat: ChatId,
    lease: LeaseId,
    call: &PricedCall,
) -> ChatResult<()> {
    let call = rows::json(call);
    let write = async |tx: &Tx| query::chat_reservations::set_call(tx, chat, lease, call).await;
    Ok(db.write_guarded(Guard::chat(chat), write).await?)
}

/// Ends what a chat had set aside: as part of the transition that ends its call, which happens once, whoever makes it. An
/// answer that says itself what it used is not booked beside it.
pub(super) async fn settle(
    tx: &Tx,
    before: &ChatState,
    chat: ChatId,
    command: &Command,
    now: DateTime<Utc>,
) -> ChatResult<()> {
    let Some(reserved) = query::chat_reservations::take(tx, chat).await? else { return Ok(()) };
    if command.says_usage() {
        return Ok(());
    }
    let Some(call) = current_call(before, &reserved) else { return Ok(()) };
    let used = match call.used {
        Some(used) => used,
        None => call.estimate(said(tx, chat, &call).await?),
    };
    let Used { usage, is_estimated } = used;
    if usage.input_tokens.is_none() && usage.output_tokens.is_none() {
        return Ok(());
    }
    let row = chat_cut_calls::Model {
        chat_id: chat.as_uuid(),
        history_version: call.history_version,
        generation_attempt: call.attempt,
        model_config_id: Some(call.model.as_uuid()),
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_creation_tokens: usage.cache_creation_tokens,
        cache_read_tokens: usage.cache_read_tokens,
        total_cost_micros: usage.total_cost_micros.map(|micros| micros.min(reserved.micros)),
        is_estimated,
        created_at: now,
    };
    Ok(query::chat_cut_calls::insert(tx, row).await?)
}

/// The call, unless the chat has moved on without it: then money was set aside by a worker that came too late to make it.
fn current_call(before: &ChatState, reserved: &chat_reservations::Model) -> Option<PricedCall> {
    let is_busy = matches!(before.status, ChatStatus::Running | ChatStatus::Interrupting);
    if !is_busy || reserved.lease_epoch != before.epoch {
        return None;
    }
    let call = rows::parse::<PricedCall>("reserved call", reserved.call.clone()?);
    let call = call.inspect_err(|error| tracing::error!(%error, "what a call costs cannot be read")).ok()?;
    let is_current =
        call.history_version == before.versions.history && call.attempt == before.versions.attempt;
    is_current.then_some(call)
}

/// Bytes of the answer that viewers have seen.
async fn said(tx: &Tx, chat: ChatId, call: &PricedCall) -> ChatResult<usize> {
    let found = query::chat_parts::list(tx, chat, call.history_version, call.attempt, 0).await?;
    // What cannot be read costs nothing, but must not hold up the end of a turn.
    let saved = found.into_iter().flat_map(|row| rows::parse::<Vec<StreamPart>>("parts", row.parts));
    let of_model = saved.flatten().filter(|part| part.role == MessageRole::Assistant);
    Ok(of_model.map(|part| part.part.len()).sum())
}
