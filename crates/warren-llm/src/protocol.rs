//! What differs between the protocols of providers: the request, and what frames mean. Pure.

pub(crate) mod anthropic;
pub(crate) mod chat;
pub(crate) mod google;
pub(crate) mod responses;

use serde_json::{Map, Value};

use crate::{
    FinishReason, ModelError, ModelEvent, ModelRequest, ToolChoice, Usage,
    classify::{Failure, Site, classify},
    config::ModelConfig,
    options::Options,
};

/// A request, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) url: String,
    /// How the key is given, if there is one: a header and what precedes the key.
    pub(crate) key_header: (&'static str, &'static str),
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Value,
    /// The answer is a binary event stream.
    pub(crate) is_binary: bool,
}

/// Reads the frames of one answer.
pub(crate) trait Reader: Send {
    /// Takes one frame and appends what it says.
    ///
    /// # Errors
    /// Fails when the frame is an error.
    fn frame(&mut self, data: &Value, out: &mut Vec<ModelEvent>) -> Result<(), Fault>;

    /// Whether the provider has said why it stops. What follows, if anything, is usage.
    fn is_finished(&self) -> bool;

    /// Whether nothing more follows at all.
    fn is_over(&self) -> bool;

    /// What the provider has said so far of what the answer uses.
    fn used(&self) -> Usage;

    /// What is left to say at the end of a finished answer.
    fn end(&mut self, out: &mut Vec<ModelEvent>);
}

/// An error inside a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: Option<u16>,
    pub(crate) text: String,
}

impl Fault {
    pub(crate) fn into_error(self, site: &Site) -> ModelError {
        classify(&Failure { status: self.status, text: &self.text, ..Failure::default() }, site)
    }

    /// The error of a frame, whose code is a status if it is a number.
    pub(crate) fn of(error: &Value) -> Self {
        let code = [&error["code"], &error["status"], &error["status_code"]];
        let status = code.iter().find_map(|code| u16::try_from(code.as_u64()?).ok());
        Self { status: status.filter(|status| (400..600).contains(status)), text: error.to_string() }
    }
}

/// What a protocol needs to make a request.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a ModelConfig,
    /// Without a slash at its end.
    pub(crate) base_url: &'a str,
    pub(crate) options: &'a Options,
    pub(crate) request: &'a ModelRequest,
}

const MAX_OUTPUT_TOKENS: u64 = 32_000;
/// No answer has more tokens, and sums and prices of so many still fit.
const COUNT_MAX: i64 = 1_000_000_000;

impl Context<'_> {
    /// The most tokens of the answer.
    pub(crate) fn max_output_tokens(&self) -> u64 {
        let asked = self.request.max_output_tokens.map(u64::from);
        asked.or_else(|| self.options.general("max_output_tokens").as_u64()).unwrap_or(MAX_OUTPUT_TOKENS)
    }

    pub(crate) fn temperature(&self) -> Option<Value> {
        let asked = self.request.temperature.map(Value::from);
        asked.or_else(|| Some(self.options.general("temperature").clone())).filter(Value::is_number)
    }

    /// Puts a general option into a body if it is set.
    pub(crate) fn put(&self, body: &mut Map<String, Value>, option: &str, wire: &str) {
        let value = self.options.general(option);
        if value.is_number() {
            body.insert(wire.to_owned(), value.clone());
        }
    }

    /// The address with a path appended; a query of the base address stays.
    pub(crate) fn url(&self, path: &str) -> String {
        match self.base_url.split_once('?') {
            Some((base, query)) => {
                let mark = if path.contains('?') { '&' } else { '?' };
                format!("{}{path}{mark}{query}", base.trim_end_matches('/'))
            }
            None => format!("{}{path}", self.base_url.trim_end_matches('/')),
        }
    }

    /// The word of both OpenAI protocols for whether tools must be used; none where the model may choose.
    pub(crate) const fn tool_choice(&self) -> Option<&'static str> {
        match self.request.tool_choice {
            ToolChoice::Auto => None,
            ToolChoice::None => Some("none"),
            ToolChoice::Required => Some("required"),
        }
    }

    pub(crate) fn instructions(&self) -> String {
        let texts = self.request.system.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        texts.collect::<Vec<_>>().join("\n\n")
    }
}

/// Text that is worth sending.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// The part of a block's metadata that belongs to this kind of provider.
pub(crate) fn metadata_of<'a>(metadata: Option<&'a Value>, kind: &str) -> Option<&'a Value> {
    metadata.and_then(|metadata| metadata.get(kind))
}

pub(crate) fn count(value: &Value) -> Option<i64> {
    value.as_i64().filter(|count| (0..=COUNT_MAX).contains(count))
}

/// The most tokens that a request asks for. Where it names several bounds, the largest, as servers differ in which they heed.
pub(crate) fn output_bound(body: &Value) -> u64 {
    let bounds = [
        &body["max_tokens"],
        &body["max_completion_tokens"],
        &body["max_output_tokens"],
        &body["generationConfig"]["maxOutputTokens"],
    ];
    bounds.iter().filter_map(|bound| bound.as_u64()).max().unwrap_or(MAX_OUTPUT_TOKENS)
}

/// Calls matter more than the word that a provider ends with: some say "stop" after them.
pub(crate) fn with_calls(reason: FinishReason, has_calls: bool) -> FinishReason {
    match reason {
        FinishReason::Stop | FinishReason::Other(_) if has_calls => FinishReason::ToolCalls,
        FinishReason::Stop
        | FinishReason::ToolCalls
        | FinishReason::Length
        | FinishReason::Refused
        | FinishReason::Paused
        | FinishReason::Other(_) => reason,
    }
}

/// Fills in the total where the provider gives none.
pub(crate) fn with_total(usage: Usage) -> Usage {
    let parts =
        [usage.input_tokens, usage.output_tokens, usage.cache_creation_tokens, usage.cache_read_tokens];
    let sum = parts.iter().flatten().sum();
    let total = usage.total_tokens.or_else(|| parts.iter().any(Option::is_some).then_some(sum));
    Usage { total_tokens: total, ..usage }
}

#[cfg(test)]
mod tests;
