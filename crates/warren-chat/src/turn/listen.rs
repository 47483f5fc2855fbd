//! Reads one answer of a model while viewers watch it. What a provider does wrong becomes an error that can be repeated, or
//! a part that a tool can refuse; it never stops a chat for good.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use warren_chat_proto::{Part, arguments, merge, repair::GIVEN_ID};
use warren_llm::{
    FinishReason, Message as ModelMessage, ModelError, ModelEvent, ModelRequest, ModelStream, Usage,
};
use warren_vocab::{ChatErrorKind, MessageRole};

use super::{
    meter::{Meter, sum},
    prompt,
};
use crate::{
    crash_points::{self, Moment},
    models::ReadyModel,
    parts::EpisodeWriter,
    rows,
    service::Shared,
};

pub(super) const SAYS_NOTHING: &str =
    "The model answered with nothing. Send the message again, or choose another model.";

/// Bytes of an answer, and the calls in it. More is no answer of a model that works.
const ANSWER_BYTES_MAX: usize = 2 << 20;
const CALLS_MAX: usize = 128;
/// How often one answer may pause.
const PAUSES_MAX: usize = 10;
/// Stands where an answer was cut off.
const CUT_OFF: &str = "\n\n[The answer ends here because it reached the most tokens that an answer may have. Say \u{201c}go on\u{201d} for the rest.]";
/// Characters of an id and of the name of a tool; databases and viewers need not carry more.
const ID_CHARS_MAX: usize = 100;
const NAME_CHARS_MAX: usize = 100;
/// Bytes of an id that is kept beside our own, for its provider.
const GIVEN_ID_BYTES_MAX: usize = 64 << 10;

/// A model that is about to be asked.
pub(super) struct Asked<'a> {
    pub(super) shared: &'a Shared,
    pub(super) ready: &'a ReadyModel,
    /// Where viewers see the answer; none for answers that nobody sees.
    pub(super) episode: Option<&'a EpisodeWriter>,
    /// Counts what the call uses.
    pub(super) meter: &'a Meter,
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
    /// What was said before the provider paused.
    before: Vec<Part>,
    /// The newest of it.
    stretch: Vec<Part>,
    usage_before: Usage,
    parts: Vec<Part>,
    calls: Vec<Call>,
    by_provider_id: BTreeMap<String, usize>,
    used_ids: BTreeSet<String>,
    n_bytes: usize,
    is_thinking: bool,
    end: Option<(FinishReason, Usage)>,
}

/// Asks the model and reads its answer to the end. A provider that pauses is asked to go on with what it has said so far.
pub(super) async fn ask(asked: Asked<'_>, mut request: ModelRequest) -> Result<Answer, ModelError> {
    let (n_messages, n_bytes) = prompt::size(&request);
    asked.shared.metrics.prompt(asked.ready, n_messages, n_bytes);
    let mut reader = Reader { used_ids: asked.used_ids.clone(), ..Reader::default() };
    for _ in 0..=PAUSES_MAX {
        read(&asked, &mut reader, request.clone()).await?;
        if !reader.end_stretch() {
            break;
        }
        let said = reader.stretch.iter().cloned().filter_map(prompt::block);
        request.messages.push(ModelMessage::Assistant(said.collect()));
    }
    reader.finish(&asked.ready.provider)
}

/// Reads one stream.
async fn read(asked: &Asked<'_>, reader: &mut Reader, request: ModelRequest) -> Result<(), ModelError> {
    let Asked { shared, ready, episode, meter, used_ids: _ } = asked;
    let (config, started) = (&shared.worker, Instant::now());
    let first = config.first_event;
    meter.asks(prompt::size(&request).1);
    let answering = timeout(first, ready.model.stream(request)).await;
    let answering = answering.map_err(|_| silent(&ready.provider, first))?;
    let mut stream = answering.inspect_err(|_| meter.is_refused())?;
    let mut patience = first.saturating_sub(started.elapsed());
    let mut has_begun = false;
    loop {
        let event = next(&mut stream, patience, &ready.provider).await.inspect_err(|error| {
            // Who says nothing may think, and bills it.
            if !has_begun && error.kind != ChatErrorKind::StreamSilenceTimeout {
                meter.is_refused();
            }
        })?;
        let Some(event) = event else { break };
        if let ModelEvent::UsedSoFar(usage) = event {
            meter.is_told(usage);
            continue;
        }
        patience = config.silence;
        if !std::mem::replace(&mut has_begun, true) {
            shared.metrics.first_event(ready, started.elapsed());
        }
        if let ModelEvent::End { usage, .. } = &event {
            meter.is_answered(*usage);
        }
        if let Some(part) = reader.take(event) {
            meter.hears(part.len());
            reader.n_bytes += part.len();
            if reader.n_bytes > ANSWER_BYTES_MAX || reader.calls.len() > CALLS_MAX {
                return Err(endless(&ready.provider));
            }
            reader.keep(part.clone());
            match episode {
                Some(episode) => episode.push(MessageRole::Assistant, part).await,
                // Nobody sees a summary before it is whole.
                None => crash_points::reach(Moment::During, "compaction"),
            }
        }
    }
    for part in reader.whole_calls() {
        reader.keep(part.clone());
        if let Some(episode) = episode {
            episode.push(MessageRole::Assistant, part).await;
        }
    }
    Ok(())
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

impl Call {
    /// More of the call, for viewers and for the case that the answer is cut short.
    fn piece(&self, delta: String, metadata: Option<Value>) -> Part {
        Part::args_delta_of_provider(&self.id, &self.name, delta, self.provider_executed, metadata)
    }

    fn add_metadata(&mut self, more: Value) {
        match (&mut self.metadata, more) {
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
            (metadata, more) => *metadata = Some(more),
        }
    }
}

impl Reader {
    /// Keeps a part, in one piece with the one before it where they belong together.
    fn keep(&mut self, part: Part) {
        let left = match self.parts.last_mut() {
            Some(last) => last.absorb(part),
            None => Some(part),
        };
        self.parts.extend(left);
    }

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
                let metadata = if call.args.is_empty() { call.metadata.clone() } else { None };
                call.args.push_str(&args_delta);
                call.piece(args_delta, metadata)
            }
            ModelEvent::ToolCallMetadata { call_id, metadata } => {
                let call = &mut self.calls[*self.by_provider_id.get(&call_id)?];
                call.add_metadata(metadata);
                call.piece(String::new(), call.metadata.clone())
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
            ModelEvent::UsedSoFar(_) => return None,
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
        let id = if provider_executed { call_id.clone() } else { unique(&call_id, &mut self.used_ids) };
        let name = clipped(&name, NAME_CHARS_MAX);
        let mut call = Call { id, name, args: String::new(), provider_executed, metadata: None };
        if !provider_executed
            && clipped(&call_id, ID_CHARS_MAX) != call_id
            && call_id.len() <= GIVEN_ID_BYTES_MAX
        {
            call.add_metadata(json!({ GIVEN_ID: call_id }));
        }
        self.calls.push(call);
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

    /// Puts away what was said when the provider has only paused. Gives `false` when the answer is over.
    fn end_stretch(&mut self) -> bool {
        let Some((FinishReason::Paused, usage)) = &self.end else { return false };
        self.usage_before = sum(self.usage_before, *usage);
        self.stretch = merge(std::mem::take(&mut self.parts));
        self.before.extend(self.stretch.iter().cloned());
        self.by_provider_id.clear();
        !self.stretch.is_empty()
    }

    fn finish(self, provider: &str) -> Result<Answer, ModelError> {
        let Some((reason, usage)) = self.end else { return Err(truncated(provider)) };
        // A pause that nobody ended has been counted already.
        let is_paused = reason == FinishReason::Paused;
        let usage = if is_paused { self.usage_before } else { sum(self.usage_before, usage) };
        let mut parts = merge(self.before.into_iter().chain(self.parts));
        let has_calls =
            parts.iter().any(|part| matches!(part, Part::ToolCall { provider_executed: false, .. }));
        if reason == FinishReason::Length && !has_calls && parts.iter().any(|part| part.as_text().is_some()) {
            parts.push(Part::text(CUT_OFF));
            parts = merge(parts);
        }
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
fn unique(id: &str, used: &mut BTreeSet<String>) -> String {
    let id = clipped(id, ID_CHARS_MAX);
    let base = if id.is_empty() { String::from("call") } else { id };
    let free = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base}-{n}")));
    let id = free.into_iter().find(|id| !used.contains(id)).expect("the numbers do not end");
    used.insert(id.clone());
    id
}

/// Ids and names are columns of their own, and not every database keeps U+0000 in texts.
fn clipped(text: &str, n_chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(n_chars).collect()
}

/// Arguments that cannot be read are kept as text, so that the tool can tell the model.
fn whole_args(text: &str) -> Value {
    arguments(text).unwrap_or_else(|| Value::String(text.to_owned()))
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

fn endless(provider: &str) -> ModelError {
    let message = format!(
        "The model provider {provider} sent an answer that does not end. What fits is kept; send a message to go on."
    );
    ModelError { retryable: false, ..failure(ChatErrorKind::Generic, message) }
}

fn empty(reason: &FinishReason) -> ModelError {
    if *reason == FinishReason::Refused {
        let message = "The provider of the model held its answer back, as it does with what its rules forbid. Write the message in another way, or choose another model.";
        return ModelError { retryable: false, ..failure(ChatErrorKind::Generic, message.to_owned()) };
    }
    if *reason == FinishReason::Length {
        let message = "The model used up the most tokens of an answer before it said anything. Raise the limit of its answers, or choose another model.";
        return ModelError { retryable: false, ..failure(ChatErrorKind::Config, message.to_owned()) };
    }
    failure(ChatErrorKind::Generic, SAYS_NOTHING.to_owned())
}

#[cfg(test)]
mod tests;
