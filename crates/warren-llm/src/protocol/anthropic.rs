//! Anthropic Messages, at Anthropic and at Amazon Bedrock.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use warren_vocab::AiProviderType;

use super::{Call, Context, Fault, Reader, count, is_blank, metadata_of, with_calls, with_total};
use crate::{
    AssistantBlock, FinishReason, Message, ModelEvent, Reasoning, ToolCall, ToolChoice, ToolResult, Usage,
    calls::Calls,
};

/// Marks what only Anthropic can read again.
const KIND: &str = "anthropic";
const BUDGET_MIN: u64 = 1024;

/// Makes the request.
pub(crate) fn call(context: &Context<'_>) -> Call {
    let mut body = Map::new();
    let config = context.config;
    let is_bedrock = config.provider == AiProviderType::Bedrock;
    if is_bedrock {
        body.insert("anthropic_version".into(), json!("bedrock-2023-05-31"));
    } else {
        body.insert("model".into(), json!(config.model));
        body.insert("stream".into(), json!(true));
    }
    let system = system(context);
    if !system.is_empty() {
        body.insert("system".into(), json!(system));
    }
    body.insert("messages".into(), json!(messages(context)));
    put_sampling(context, &mut body);
    put_tools(context, &mut body);
    context.options.pass(&mut body);
    let url = if is_bedrock {
        let model = config.model.replace('%', "%25").replace('/', "%2F").replace(':', "%3A");
        context.url(&format!("/model/{model}/invoke-with-response-stream"))
    } else if context.base_url.ends_with("/v1") {
        context.url("/messages")
    } else {
        context.url("/v1/messages")
    };
    Call {
        url,
        key_header: if is_bedrock { ("authorization", "Bearer ") } else { ("x-api-key", "") },
        headers: if is_bedrock {
            vec![("accept", "application/vnd.amazon.eventstream")]
        } else {
            vec![("anthropic-version", "2023-06-01"), ("accept", "text/event-stream")]
        },
        body: Value::Object(body),
        is_binary: is_bedrock,
    }
}

fn put_sampling(context: &Context<'_>, body: &mut Map<String, Value>) {
    let mut most = context.max_output_tokens();
    let budget = context.options.own("thinking")["budget_tokens"].as_u64();
    // A request with a small bound of its own, such as for a title, is not worth thinking about.
    let asked = context.request.max_output_tokens.map(u64::from);
    let has_room = |budget: &u64| asked.is_none_or(|asked| asked > *budget);
    let budget = budget.filter(|budget| *budget >= BUDGET_MIN && has_room(budget));
    if let Some(budget) = budget {
        let mut thinking = json!({"type": "enabled", "budget_tokens": budget});
        if let Some(display) = context.options.own("thinking_display").as_str() {
            thinking["display"] = json!(display);
        }
        body.insert("thinking".into(), thinking);
        if most <= budget {
            most += budget;
        }
    } else {
        if let Some(temperature) = context.temperature() {
            body.insert("temperature".into(), temperature);
        } else {
            context.put(body, "top_p", "top_p");
        }
        context.put(body, "top_k", "top_k");
    }
    if let Some(effort) = context.options.own("effort").as_str() {
        body.insert("output_config".into(), json!({ "effort": effort }));
    }
    body.insert("max_tokens".into(), json!(most));
}

fn put_tools(context: &Context<'_>, body: &mut Map<String, Value>) {
    let options = context.options;
    let own =
        context.request.tools.iter().map(
            |tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.schema}),
        );
    let mut tools: Vec<Value> = own.collect();
    if options.is_on("web_search_enabled") {
        let mut search = json!({"type": "web_search_20250305", "name": "web_search"});
        for name in ["allowed_domains", "blocked_domains"] {
            if options.own(name).as_array().is_some_and(|domains| !domains.is_empty()) {
                search[name] = options.own(name).clone();
            }
        }
        tools.push(search);
    }
    if tools.is_empty() {
        return;
    }
    let mut choice = match context.request.tool_choice {
        ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::None => json!({"type": "none"}),
        ToolChoice::Required => json!({"type": "any"}),
    };
    if options.is_on("disable_parallel_tool_use") && context.request.tool_choice != ToolChoice::None {
        choice["disable_parallel_tool_use"] = json!(true);
    }
    body.insert("tools".into(), json!(tools));
    body.insert("tool_choice".into(), choice);
}

/// The last instruction ends what is cached of them.
fn system(context: &Context<'_>) -> Vec<Value> {
    let texts = context.request.system.iter().filter(|text| !is_blank(text));
    let mut blocks: Vec<Value> = texts.map(|text| json!({"type": "text", "text": text})).collect();
    if let Some(last) = blocks.last_mut() {
        last["cache_control"] = json!({"type": "ephemeral"});
    }
    blocks
}

/// Roles alternate; the last two messages end what is cached.
fn messages(context: &Context<'_>) -> Vec<Value> {
    const CACHED: usize = 2;
    let sends_reasoning = context.options.own("send_reasoning").as_bool().unwrap_or(true);
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in &context.request.messages {
        let (role, blocks) = match message {
            Message::User(texts) => ("user", texts.iter().filter(|text| !is_blank(text)).map(text).collect()),
            Message::Assistant(blocks) => {
                ("assistant", blocks.iter().filter_map(|block| said(block, sends_reasoning)).collect())
            }
            Message::Tool(results) => ("user", results.iter().map(result).collect::<Vec<_>>()),
        };
        match turns.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, all)) if *last == role => all.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    for (_, blocks) in turns.iter_mut().rev().take(CACHED) {
        let is_markable =
            |block: &&mut Value| !matches!(block["type"].as_str(), Some("thinking" | "redacted_thinking"));
        if let Some(last) = blocks.iter_mut().rev().find(is_markable) {
            last["cache_control"] = json!({"type": "ephemeral"});
        }
    }
    turns.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect()
}

fn text(text: &String) -> Value {
    json!({"type": "text", "text": text})
}

fn result(result: &ToolResult) -> Value {
    let content = if result.content.is_empty() { "(nothing)" } else { &result.content };
    let mut block = json!({"type": "tool_result", "tool_use_id": result.call_id, "content": [{"type": "text", "text": content}]});
    if result.is_error {
        block["is_error"] = json!(true);
    }
    block
}

fn said(block: &AssistantBlock, sends_reasoning: bool) -> Option<Value> {
    match block {
        AssistantBlock::Text(said) => (!is_blank(said)).then(|| text(said)),
        AssistantBlock::Reasoning(reasoning) => thought(reasoning).filter(|_| sends_reasoning),
        AssistantBlock::ToolCall(call) => called(call),
        AssistantBlock::ProviderResult { result, .. } => result.get(KIND).cloned(),
    }
}

/// Signed reasoning goes back exactly as it came, unsigned and foreign reasoning does not go at all.
fn thought(reasoning: &Reasoning) -> Option<Value> {
    let own = metadata_of(reasoning.metadata.as_ref(), KIND)?;
    if let Some(data) = own["redacted_data"].as_str() {
        return Some(json!({"type": "redacted_thinking", "data": data}));
    }
    let signature = reasoning.signature.as_ref()?;
    Some(json!({"type": "thinking", "thinking": reasoning.text, "signature": signature}))
}

fn called(call: &ToolCall) -> Option<Value> {
    let kind = if call.provider_executed {
        metadata_of(call.metadata.as_ref(), KIND)?;
        "server_tool_use"
    } else {
        "tool_use"
    };
    Some(json!({"type": kind, "id": call.call_id, "name": call.name, "input": call.args}))
}

/// Reads an answer.
#[derive(Default)]
pub(crate) struct Answer {
    calls: Calls,
    blocks: BTreeMap<u64, Block>,
    /// The keys of the newest calls by their index.
    keys: BTreeMap<u64, String>,
    n_blocks: usize,
    has_own_calls: bool,
    usage: Usage,
    reason: Option<FinishReason>,
    is_over: bool,
}

/// A block that is being written.
enum Block {
    Plain,
    Thinking { signature: String },
}

impl Reader for Answer {
    fn frame(&mut self, data: &Value, out: &mut Vec<ModelEvent>) -> Result<(), Fault> {
        match data["type"].as_str().unwrap_or_default() {
            "message_start" => self.count(&data["message"]["usage"]),
            "content_block_start" => self.start(data["index"].as_u64(), &data["content_block"], out),
            "content_block_delta" => self.delta(data["index"].as_u64(), &data["delta"], out),
            "content_block_stop" => self.stop(data["index"].as_u64(), out),
            "message_delta" => {
                if let Some(word) = data["delta"]["stop_reason"].as_str() {
                    self.reason = Some(reason(word));
                }
                self.count(&data["usage"]);
            }
            "message_stop" => self.is_over = self.reason.is_some(),
            "error" => {
                let error = &data["error"];
                // The type of an error stands for its status.
                let status = match error["type"].as_str() {
                    Some("overloaded_error") => Some(529),
                    Some("rate_limit_error") => Some(429),
                    Some("authentication_error") => Some(401),
                    Some("permission_error") => Some(403),
                    Some("api_error") => Some(500),
                    Some("timeout_error") => Some(504),
                    Some("invalid_request_error") => Some(400),
                    Some(_) | None => None,
                };
                return Err(Fault { status, text: error.to_string() });
            }
            // Pings, and events that do not exist yet.
            _ => {
                // Amazon puts its exceptions where events are.
                if let (Value::Null, Some(message)) = (&data["type"], data["message"].as_str()) {
                    return Err(Fault { status: None, text: message.to_owned() });
                }
            }
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.reason.is_some()
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn used(&self) -> Usage {
        self.usage
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) {
        self.stop_all(out);
        self.calls.finish(out);
        let reason = self.reason.take().unwrap_or(FinishReason::Other(None));
        let reason = with_calls(reason, self.has_own_calls);
        out.push(ModelEvent::End { reason, usage: with_total(self.usage) });
    }
}

impl Answer {
    /// Later counts win: those at the end are final.
    fn count(&mut self, usage: &Value) {
        let usage_now = &mut self.usage;
        for (place, name) in [
            (&mut usage_now.input_tokens, "input_tokens"),
            (&mut usage_now.output_tokens, "output_tokens"),
            (&mut usage_now.cache_creation_tokens, "cache_creation_input_tokens"),
            (&mut usage_now.cache_read_tokens, "cache_read_input_tokens"),
        ] {
            *place = count(&usage[name]).or(*place);
        }
    }

    fn start(&mut self, index: Option<u64>, block: &Value, out: &mut Vec<ModelEvent>) {
        // Blocks come one after the other, so a seal belongs to what was told before this one.
        self.stop_all(out);
        let index = index.unwrap_or_default();
        // An index that comes again means another block.
        let key = format!("{index} {}", self.n_blocks);
        self.n_blocks += 1;
        self.keys.insert(index, key.clone());
        let kind = block["type"].as_str().unwrap_or_default();
        let mut state = Block::Plain;
        match kind {
            "text" => say(block["text"].as_str(), ModelEvent::Text, out),
            "thinking" => {
                say(block["thinking"].as_str(), ModelEvent::Reasoning, out);
                let signature = block["signature"].as_str().unwrap_or_default().to_owned();
                state = Block::Thinking { signature };
            }
            "redacted_thinking" => {
                let metadata = json!({KIND: {"redacted_data": block["data"]}});
                out.push(ModelEvent::ReasoningSignature { signature: None, metadata: Some(metadata) });
            }
            "tool_use" | "server_tool_use" => {
                let is_theirs = kind == "server_tool_use";
                self.has_own_calls |= !is_theirs;
                self.calls.begin(&key, block["id"].as_str(), is_theirs);
                // The input is streamed, except where it is whole from the start.
                let whole = block["input"].as_object().filter(|input| !input.is_empty());
                let args = whole.map(|_| block["input"].to_string()).unwrap_or_default();
                self.calls.add(&key, block["name"].as_str().unwrap_or_default(), &args, out);
                if let Some(call_id) = self.calls.id(&key).filter(|_| is_theirs) {
                    let metadata = json!({KIND: {}});
                    out.push(ModelEvent::ToolCallMetadata { call_id, metadata });
                }
            }
            _ if kind.ends_with("_tool_result") => provider_result(kind, block, out),
            _ => {}
        }
        self.blocks.insert(index, state);
    }

    fn delta(&mut self, index: Option<u64>, delta: &Value, out: &mut Vec<ModelEvent>) {
        let index = index.unwrap_or_default();
        match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => say(delta["text"].as_str(), ModelEvent::Text, out),
            "thinking_delta" => say(delta["thinking"].as_str(), ModelEvent::Reasoning, out),
            "signature_delta" => {
                if let Some(Block::Thinking { signature }) = self.blocks.get_mut(&index) {
                    signature.push_str(delta["signature"].as_str().unwrap_or_default());
                }
            }
            "input_json_delta" => {
                let piece = delta["partial_json"].as_str().unwrap_or_default();
                if let Some(key) = self.keys.get(&index) {
                    self.calls.add(key, "", piece, out);
                }
            }
            "citations_delta" => source(&delta["citation"], out),
            _ => {}
        }
    }

    fn stop_all(&mut self, out: &mut Vec<ModelEvent>) {
        let open: Vec<u64> = self.blocks.keys().copied().collect();
        for index in open {
            self.stop(Some(index), out);
        }
    }

    fn stop(&mut self, index: Option<u64>, out: &mut Vec<ModelEvent>) {
        let block = index.and_then(|index| self.blocks.remove(&index));
        if let Some(Block::Thinking { signature }) = block {
            let signature = (!signature.is_empty()).then_some(signature);
            out.push(ModelEvent::ReasoningSignature { signature, metadata: Some(json!({KIND: {}})) });
        }
    }
}

fn say(text: Option<&str>, event: fn(String) -> ModelEvent, out: &mut Vec<ModelEvent>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        out.push(event(text.to_owned()));
    }
}

fn provider_result(kind: &str, block: &Value, out: &mut Vec<ModelEvent>) {
    for found in block["content"].as_array().into_iter().flatten() {
        source(found, out);
    }
    out.push(ModelEvent::ProviderResult {
        call_id: block["tool_use_id"].as_str().unwrap_or_default().to_owned(),
        name: kind.trim_end_matches("_tool_result").to_owned(),
        result: json!({ KIND: block }),
        is_error: block["content"]["error_code"].is_string(),
    });
}

fn source(found: &Value, out: &mut Vec<ModelEvent>) {
    let Some(url) = found["url"].as_str() else { return };
    let title = found["title"].as_str().unwrap_or_default().to_owned();
    out.push(ModelEvent::Source { id: url.to_owned(), url: url.to_owned(), title });
}

fn reason(word: &str) -> FinishReason {
    match word {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "tool_use" => FinishReason::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "refusal" => FinishReason::Refused,
        "pause_turn" => FinishReason::Paused,
        other => FinishReason::Other(Some(other.to_owned())),
    }
}
