//! OpenAI Chat Completions and everything that is compatible with them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use warren_vocab::AiProviderType;

use super::{Call, Context, Fault, Reader, count, is_blank, metadata_of, with_calls};
use crate::{AssistantBlock, FinishReason, Message, ModelEvent, ToolCall, Usage, calls::Calls};

/// Marks what compatible providers want back.
const KIND: &str = "openai_compat";
/// Where Azure's older addresses take a version.
const AZURE_VERSION: &str = "api-version=2024-10-21";

/// Makes the request.
pub(crate) fn call(context: &Context<'_>) -> Call {
    let config = context.config;
    let mut body = Map::new();
    body.insert("model".into(), json!(config.model));
    body.insert("messages".into(), json!(messages(context)));
    body.insert("stream".into(), json!(true));
    body.insert("stream_options".into(), json!({"include_usage": true}));
    let is_openai = matches!(config.provider, AiProviderType::Openai | AiProviderType::Azure);
    let most = if is_openai { "max_completion_tokens" } else { "max_tokens" };
    body.insert(most.into(), json!(context.max_output_tokens()));
    if !(is_openai && thinks(context)) {
        if let Some(temperature) = context.temperature() {
            body.insert("temperature".into(), temperature);
        }
        for option in ["top_p", "presence_penalty", "frequency_penalty"] {
            context.put(&mut body, option, option);
        }
    }
    if !is_openai {
        context.put(&mut body, "top_k", "top_k");
    }
    put_tools(context, &mut body);
    put_options(context, &mut body, is_openai);
    Call {
        url: url(context),
        key_header: if config.provider == AiProviderType::Azure {
            ("api-key", "")
        } else {
            ("authorization", "Bearer ")
        },
        headers: vec![("accept", "text/event-stream")],
        body: Value::Object(body),
        is_binary: false,
    }
}

/// Models that think refuse to be told how to choose words. Deployments have any name, so an option can say it.
pub(crate) fn thinks(context: &Context<'_>) -> bool {
    let model = context.config.model.as_str();
    let by_name = ["o1", "o3", "o4", "gpt-5"].iter().any(|start| model.starts_with(start));
    let is_chat = model.starts_with("gpt-5") && model.contains("-chat");
    context.options.own("reasoning_model").as_bool().unwrap_or(by_name && !is_chat)
}

fn url(context: &Context<'_>) -> String {
    let config = context.config;
    let path = context.base_url.split('?').next().unwrap_or_default();
    match config.provider {
        AiProviderType::Azure if !path.ends_with("/v1") => {
            let deployment = if path.contains("/deployments/") {
                String::new()
            } else {
                format!("/openai/deployments/{}", config.model)
            };
            let version = if context.base_url.contains("api-version=") { "" } else { AZURE_VERSION };
            let query = if version.is_empty() { String::new() } else { format!("?{version}") };
            context.url(&format!("{deployment}/chat/completions{query}"))
        }
        AiProviderType::Bedrock => context.url("/openai/v1/chat/completions"),
        AiProviderType::Anthropic
        | AiProviderType::Azure
        | AiProviderType::Copilot
        | AiProviderType::Google
        | AiProviderType::Openai
        | AiProviderType::OpenaiCompat
        | AiProviderType::Openrouter
        | AiProviderType::Vercel => context.url("/chat/completions"),
    }
}

fn put_options(context: &Context<'_>, body: &mut Map<String, Value>, is_openai: bool) {
    let options = context.options;
    options.pass(body);
    // With tools there is no room for both, and the request's own bound is the one that is meant.
    if context.request.max_output_tokens.is_some() && is_openai {
        body.insert("max_completion_tokens".into(), json!(context.max_output_tokens()));
    }
    if is_openai {
        if let Some(effort) = options.effort() {
            body.insert("reasoning_effort".into(), json!(effort));
        }
        if options.own("text_verbosity").is_string() {
            body.insert("verbosity".into(), options.own("text_verbosity").clone());
        }
    }
    if options.own("providerOptions").is_object() {
        body.insert("providerOptions".into(), json!({"gateway": options.own("providerOptions")}));
    }
    if context.config.provider == AiProviderType::Openrouter {
        body.insert("usage".into(), json!({"include": true}));
    }
}

fn put_tools(context: &Context<'_>, body: &mut Map<String, Value>) {
    if context.request.tools.is_empty() {
        return;
    }
    let tools = context.request.tools.iter().map(|tool| {
        json!({"type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema}})
    });
    body.insert("tools".into(), tools.collect());
    body.extend(context.tool_choice().map(|choice| ("tool_choice".to_owned(), json!(choice))));
}

fn messages(context: &Context<'_>) -> Vec<Value> {
    let mut messages = Vec::new();
    let instructions = context.instructions();
    if !instructions.is_empty() {
        messages.push(json!({"role": "system", "content": instructions}));
    }
    for message in &context.request.messages {
        match message {
            Message::User(texts) => {
                let texts: Vec<_> = texts.iter().map(String::as_str).filter(|text| !is_blank(text)).collect();
                if !texts.is_empty() {
                    add_user(&mut messages, texts.join("\n\n"));
                }
            }
            Message::Assistant(blocks) => messages.extend(assistant(blocks)),
            Message::Tool(results) => messages.extend(results.iter().map(
                |result| json!({"role": "tool", "tool_call_id": result.call_id, "content": result.content}),
            )),
        }
    }
    messages
}

/// Some templates of models refuse two messages of the user in a row.
fn add_user(messages: &mut Vec<Value>, text: String) {
    let last = messages.last_mut().filter(|last| last["role"] == "user");
    match last.and_then(|last| last.get_mut("content")) {
        Some(Value::String(said)) => {
            said.push_str("\n\n");
            said.push_str(&text);
        }
        Some(_) | None => messages.push(json!({"role": "user", "content": text})),
    }
}

fn assistant(blocks: &[AssistantBlock]) -> Option<Value> {
    let (mut text, mut calls, mut reasoning, mut details) =
        (String::new(), Vec::new(), String::new(), Vec::new());
    for block in blocks {
        match block {
            AssistantBlock::Text(more) => text.push_str(more),
            AssistantBlock::ToolCall(call) if !call.provider_executed => calls.push(called(call)),
            AssistantBlock::Reasoning(thought) => {
                let own = metadata_of(thought.metadata.as_ref(), KIND);
                if own.is_some_and(|own| own["field"] == "reasoning_content") {
                    reasoning.push_str(&thought.text);
                }
                details.extend(
                    own.and_then(|own| own["reasoning_details"].as_array()).into_iter().flatten().cloned(),
                );
            }
            AssistantBlock::ToolCall(_) | AssistantBlock::ProviderResult { .. } => {}
        }
    }
    if is_blank(&text) && calls.is_empty() {
        return None;
    }
    let mut message = json!({"role": "assistant", "content": text});
    if !calls.is_empty() {
        // Between calls some models must be told again what they thought; elsewhere some refuse it.
        if !reasoning.is_empty() {
            message["reasoning_content"] = json!(reasoning);
        }
        message["tool_calls"] = json!(calls);
    }
    if !details.is_empty() {
        message["reasoning_details"] = json!(details);
    }
    Some(message)
}

fn called(call: &ToolCall) -> Value {
    let mut wire = json!({"id": call.call_id, "type": "function",
        "function": {"name": call.name, "arguments": call.args.to_string()}});
    if let Some(extra) = metadata_of(call.metadata.as_ref(), KIND) {
        wire["extra_content"] = extra["extra_content"].clone();
    }
    wire
}

/// Reads an answer.
#[derive(Default)]
pub(crate) struct Answer {
    calls: Calls,
    /// The keys of the newest calls by their place.
    places: BTreeMap<u64, String>,
    usage: Usage,
    reason: Option<FinishReason>,
    has_reasoning: bool,
    /// The name of the field that reasoning came in.
    field: &'static str,
    details: Vec<Value>,
    has_told_reasoning: bool,
}

impl Reader for Answer {
    fn frame(&mut self, data: &Value, out: &mut Vec<ModelEvent>) -> Result<(), Fault> {
        if !data["error"].is_null() {
            return Err(Fault::of(&data["error"]));
        }
        if data["usage"].is_object() {
            self.usage = usage(&data["usage"]);
        }
        let choice = &data["choices"][0];
        if !choice["error"].is_null() {
            return Err(Fault::of(&choice["error"]));
        }
        self.delta(&choice["delta"], out);
        if let Some(word) = choice["finish_reason"].as_str() {
            self.reason = Some(reason(word));
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.reason.is_some()
    }

    fn is_over(&self) -> bool {
        // Usage comes after the reason, in a frame of its own or not at all.
        false
    }

    fn used(&self) -> Usage {
        self.usage
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) {
        self.seal(out);
        self.calls.finish(out);
        let reason = self.reason.take().unwrap_or(FinishReason::Other(None));
        let reason = with_calls(reason, !self.calls.is_empty());
        out.push(ModelEvent::End { reason, usage: self.usage });
    }
}

impl Answer {
    fn delta(&mut self, delta: &Value, out: &mut Vec<ModelEvent>) {
        for detail in delta["reasoning_details"].as_array().into_iter().flatten() {
            self.detail(detail);
        }
        let thought = ["reasoning_content", "reasoning"]
            .into_iter()
            .find_map(|field| Some((field, delta[field].as_str().filter(|text| !text.is_empty())?)));
        if let Some((field, text)) = thought {
            self.has_reasoning = true;
            self.field = field;
            out.push(ModelEvent::Reasoning(text.to_owned()));
        }
        for text in [&delta["content"], &delta["refusal"]] {
            if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
                self.seal(out);
                out.push(ModelEvent::Text(text.to_owned()));
            }
        }
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            self.seal(out);
            self.call(piece, out);
        }
    }

    /// A call is known by its place, by its id, or is the one that began last. Some give every call the same place: what has
    /// another id and a name is another call.
    fn call(&mut self, piece: &Value, out: &mut Vec<ModelEvent>) {
        let id = piece["id"].as_str().filter(|id| !id.is_empty());
        let function = &piece["function"];
        let key = match (piece["index"].as_u64(), id) {
            (Some(index), id) => {
                let key = self.places.entry(index).or_insert_with(|| index.to_string());
                let is_named = function["name"].as_str().is_some_and(|name| !name.is_empty());
                if let Some(id) = id.filter(|id| is_named && self.calls.is_of_another(key, id)) {
                    *key = format!("{index} {id}");
                }
                key.clone()
            }
            (None, Some(id)) => format!("id {id}"),
            (None, None) => self.calls.last_key().unwrap_or_default(),
        };
        self.calls.begin(&key, id, false);
        let args = match &function["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            // Some send the object instead of its text.
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                other.to_string()
            }
        };
        self.calls.add(&key, function["name"].as_str().unwrap_or_default(), &args, out);
        let extra = &piece["extra_content"];
        if let Some(call_id) = self.calls.id(&key).filter(|_| extra.is_object()) {
            let metadata = json!({KIND: {"extra_content": extra}});
            out.push(ModelEvent::ToolCallMetadata { call_id, metadata });
        }
    }

    /// Pieces of one detail have the same place and type; texts are appended, the rest is the last that was said.
    fn detail(&mut self, piece: &Value) {
        let fits = |last: &&mut Value| last["type"] == piece["type"] && last["index"] == piece["index"];
        let Some(last) = self.details.last_mut().filter(fits) else {
            return self.details.push(piece.clone());
        };
        for (name, value) in piece.as_object().into_iter().flatten() {
            match (name.as_str(), last[name].as_str(), value.as_str()) {
                ("text" | "summary" | "data", Some(before), Some(more)) => {
                    last[name] = json!(format!("{before}{more}"));
                }
                _ if value.is_null() => {}
                _ => last[name] = value.clone(),
            }
        }
    }

    /// Says once, when reasoning is over or at the end, what has to come back with it.
    fn seal(&mut self, out: &mut Vec<ModelEvent>) {
        if self.has_told_reasoning || (!self.has_reasoning && self.details.is_empty()) {
            return;
        }
        self.has_told_reasoning = true;
        let mut own = json!({ "field": self.field });
        if !self.details.is_empty() {
            own["reasoning_details"] = json!(self.details);
        }
        out.push(ModelEvent::ReasoningSignature { signature: None, metadata: Some(json!({ KIND: own })) });
    }
}

fn usage(usage: &Value) -> Usage {
    let input = &usage["prompt_tokens_details"];
    let read = count(&input["cached_tokens"]).or_else(|| count(&usage["prompt_cache_hit_tokens"]));
    let written = count(&input["cache_write_tokens"]);
    let cached = read.unwrap_or(0) + written.unwrap_or(0);
    Usage {
        input_tokens: count(&usage["prompt_tokens"]).map(|all| (all - cached).max(0)),
        output_tokens: count(&usage["completion_tokens"]),
        total_tokens: count(&usage["total_tokens"]),
        reasoning_tokens: count(&usage["completion_tokens_details"]["reasoning_tokens"]),
        cache_creation_tokens: written,
        cache_read_tokens: read,
    }
}

fn reason(word: &str) -> FinishReason {
    match word {
        "stop" => FinishReason::Stop,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::Refused,
        other => FinishReason::Other(Some(other.to_owned())),
    }
}
