//! Reads one answer of a model while viewers watch it. What a provider does wrong becomes an error that can be repeated, or
//! a part that a tool can refuse; it never stops a chat for good.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::StreamExt;
use serde_json::Value;
use tokio::time::{Instant, timeout};
use warren_chat_proto::{Part, merge};
use warren_llm::{FinishReason, ModelError, ModelEvent, ModelRequest, ModelStream, Usage};
use warren_vocab::{ChatErrorKind, MessageRole};

use super::prompt;
use crate::{models::ReadyModel, parts::EpisodeWriter, rows, service::Shared};

pub(super) const SAYS_NOTHING: &str =
    "The model answered with nothing. Send the message again, or choose another model.";

/// A model that is about to be asked.
pub(super) struct Asked<'a> {
    pub(super) shared: &'a Shared,
    pub(super) ready: &'a ReadyModel,
    /// Where viewers see the answer; none for answers that nobody sees.
    pub(super) episode: Option<&'a EpisodeWriter>,
    /// Ids of calls that the history has already.
    pub(super) used_ids: BTreeSet<String>,
}

/// A complete answer of the model.
pub(super) struct Answer {
    pub(super) parts: Vec<Part>,
    pub(super) usage: Usage,
}

/// A tool call as it comes in.
struct Call {
    id: String,
    name: String,
    args: String,
    provider_executed: bool,
    metadata: Option<Value>,
}

#[derive(Default)]
struct Reader {
    parts: Vec<Part>,
    calls: Vec<Call>,
    by_provider_id: BTreeMap<String, usize>,
    used_ids: BTreeSet<String>,
    is_thinking: bool,
    end: Option<(FinishReason, Usage)>,
}

/// Asks the model and reads its answer to the end.
pub(super) async fn ask(asked: Asked<'_>, request: ModelRequest) -> Result<Answer, ModelError> {
    let Asked { shared, ready, episode, used_ids } = asked;
    let (config, started) = (&shared.worker, Instant::now());
    let first = config.first_event;
    let (n_messages, n_bytes) = prompt::size(&request);
    shared.metrics.prompt(ready, n_messages, n_bytes);
    let answering = timeout(first, ready.model.stream(request)).await;
    let mut stream = answering.map_err(|_| silent(&ready.provider, first))??;
    let mut reader = Reader { used_ids, ..Reader::default() };
    let mut patience = first.saturating_sub(started.elapsed());
    let mut has_begun = false;
    while let Some(event) = next(&mut stream, patience, &ready.provider).await? {
        patience = config.silence;
        if !std::mem::replace(&mut has_begun, true) {
            shared.metrics.first_event(ready, started.elapsed());
        }
        if let Some(part) = reader.take(event) {
            reader.parts.push(part.clone());
            if let Some(episode) = episode {
                episode.push(MessageRole::Assistant, part).await;
            }
        }
    }
    for part in reader.whole_calls() {
        reader.parts.push(part.clone());
        if let Some(episode) = episode {
            episode.push(MessageRole::Assistant, part).await;
        }
    }
    reader.finish(&ready.provider)
}

async fn next(
    stream: &mut ModelStream,
    patience: Duration,
    provider: &str,
) -> Result<Option<ModelEvent>, ModelError> {
    match timeout(patience, stream.next()).await {
        Ok(event) => event.transpose(),
        Err(_) => Err(silent(provider, patience)),
    }
}

impl Reader {
    fn take(&mut self, event: ModelEvent) -> Option<Part> {
        let was_thinking = std::mem::take(&mut self.is_thinking);
        let part = match event {
            ModelEvent::Text(text) => Part::Text { text },
            ModelEvent::Reasoning(text) => {
                self.is_thinking = true;
                let created_at = (!was_thinking).then(rows::now);
                Part::Reasoning {
                    text,
                    signature: None,
                    provider_metadata: None,
                    created_at,
                    completed_at: None,
                }
            }
            ModelEvent::ReasoningSignature { signature, metadata } => Part::Reasoning {
                text: String::new(),
                signature,
                provider_metadata: metadata,
                created_at: (!was_thinking).then(rows::now),
                completed_at: Some(rows::now()),
            },
            ModelEvent::ToolCall { call_id, name, args_delta, provider_executed } => {
                let place = self.place(call_id, name, provider_executed);
                let call = &mut self.calls[place];
                call.args.push_str(&args_delta);
                Part::args_delta(&call.id, &call.name, args_delta)
            }
            ModelEvent::ToolCallMetadata { call_id, metadata } => {
                if let Some(place) = self.by_provider_id.get(&call_id) {
                    self.calls[*place].metadata = Some(metadata);
                }
                return None;
            }
            ModelEvent::ProviderResult { call_id, name, result, is_error } => Part::ToolResult {
                tool_call_id: call_id,
                tool_name: name,
                result: Some(result),
                result_delta: None,
                result_reset: false,
                is_error,
                is_media: false,
                provider_executed: true,
                created_at: Some(rows::now()),
            },
            ModelEvent::Source { id, url, title } => Part::Source { source_id: id, url, title },
            ModelEvent::End { reason, usage } => {
                self.end = Some((reason, usage));
                return None;
            }
        };
        Some(part)
    }

    fn place(&mut self, call_id: String, name: String, provider_executed: bool) -> usize {
        if let Some(place) = self.by_provider_id.get(&call_id) {
            return *place;
        }
        // The provider knows its own calls by their ids, so these stay.
        let id =
            if provider_executed { call_id.clone() } else { unique(call_id.clone(), &mut self.used_ids) };
        self.calls.push(Call { id, name, args: String::new(), provider_executed, metadata: None });
        self.by_provider_id.insert(call_id, self.calls.len() - 1);
        self.calls.len() - 1
    }

    fn whole_calls(&mut self) -> Vec<Part> {
        let whole = |call: Call| Part::ToolCall {
            args: Some(whole_args(&call.args)),
            tool_call_id: call.id,
            tool_name: call.name,
            args_delta: None,
            provider_executed: call.provider_executed,
            provider_metadata: call.metadata,
            created_at: Some(rows::now()),
        };
        std::mem::take(&mut self.calls).into_iter().map(whole).collect()
    }

    fn finish(self, provider: &str) -> Result<Answer, ModelError> {
        let Some((reason, usage)) = self.end else { return Err(truncated(provider)) };
        let parts = merge(self.parts);
        let says_something = parts.iter().any(|part| match part {
            Part::Text { text } => !text.trim().is_empty(),
            Part::ToolCall { .. } => true,
            Part::Reasoning { .. }
            | Part::ToolResult { .. }
            | Part::FileReference { .. }
            | Part::Source { .. }
            | Part::File { .. }
            | Part::Unknown => false,
        });
        if says_something { Ok(Answer { parts, usage }) } else { Err(empty(&reason)) }
    }
}

/// Ids of calls name their results, but some providers count from zero in every answer.
fn unique(id: String, used: &mut BTreeSet<String>) -> String {
    let base = if id.is_empty() { String::from("call") } else { id };
    let free = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base}-{n}")));
    let id = free.into_iter().find(|id| !used.contains(id)).expect("the numbers do not end");
    used.insert(id.clone());
    id
}

/// Arguments that are no JSON are kept as text, so that the tool can tell the model.
fn whole_args(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn failure(kind: ChatErrorKind, message: String) -> ModelError {
    ModelError {
        kind,
        message,
        detail: None,
        retryable: true,
        status: None,
        retry_after: None,
        is_unreachable: false,
    }
}

fn silent(provider: &str, patience: Duration) -> ModelError {
    let seconds = patience.as_secs().max(1);
    let message = format!("The model provider {provider} sent nothing for {seconds} seconds.");
    failure(ChatErrorKind::StreamSilenceTimeout, message)
}

fn truncated(provider: &str) -> ModelError {
    let message = format!("The model provider {provider} closed the stream before the answer was complete.");
    failure(ChatErrorKind::Timeout, message)
}

fn empty(reason: &FinishReason) -> ModelError {
    if *reason == FinishReason::Length {
        let message = "The model used up the most tokens of an answer before it said anything. Raise the limit of its answers, or choose another model.";
        return ModelError { retryable: false, ..failure(ChatErrorKind::Config, message.to_owned()) };
    }
    failure(ChatErrorKind::Generic, SAYS_NOTHING.to_owned())
}

#[cfg(test)]
mod tests;
