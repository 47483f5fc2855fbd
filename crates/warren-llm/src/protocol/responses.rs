//! OpenAI Responses. Nothing is kept at the provider: reasoning comes back to it sealed.

use serde_json::{Map, Value, json};
use warren_vocab::AiProviderType;

use super::{Call, Context, Fault, Reader, chat::thinks, count, is_blank, metadata_of, with_calls};
use crate::{AssistantBlock, FinishReason, Message, ModelEvent, Reasoning, Usage, calls::Calls};

/// Marks what only this protocol can read again.
const KIND: &str = "openai_responses";
const SEALED: &str = "reasoning.encrypted_content";

/// Makes the request.
pub(crate) fn call(context: &Context<'_>) -> Call {
    let (config, options) = (context.config, context.options);
    let mut body = Map::new();
    body.insert("model".into(), json!(config.model));
    body.insert("stream".into(), json!(true));
    body.insert("input".into(), json!(input(context)));
    body.insert("max_output_tokens".into(), json!(context.max_output_tokens()));
    if !thinks(context) {
        if let Some(temperature) = context.temperature() {
            body.insert("temperature".into(), temperature);
        }
        context.put(&mut body, "top_p", "top_p");
    }
    for name in [
        "instructions",
        "max_tool_calls",
        "parallel_tool_calls",
        "user",
        "metadata",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
    ] {
        if !options.own(name).is_null() {
            body.insert(name.into(), options.own(name).clone());
        }
    }
    if options.own("top_log_probs").is_u64() {
        body.insert("top_logprobs".into(), options.own("top_log_probs").clone());
    }
    put_reasoning(context, &mut body);
    put_tools(context, &mut body);
    let azure = config.provider == AiProviderType::Azure;
    let is_old = azure && !context.base_url.split('?').next().unwrap_or_default().ends_with("/v1");
    Call {
        url: context.url(if is_old { "/openai/responses" } else { "/responses" }),
        key_header: if azure { ("api-key", "") } else { ("authorization", "Bearer ") },
        headers: vec![("accept", "text/event-stream")],
        body: Value::Object(body),
        is_binary: false,
    }
}

fn put_reasoning(context: &Context<'_>, body: &mut Map<String, Value>) {
    let options = context.options;
    let stores = options.is_on("store");
    body.insert("store".into(), json!(stores));
    let mut include: Vec<Value> = options.own("include").as_array().cloned().unwrap_or_default();
    if !stores && thinks(context) && !include.contains(&json!(SEALED)) {
        include.push(json!(SEALED));
    }
    if !include.is_empty() {
        body.insert("include".into(), json!(include));
    }
    let mut reasoning = Map::new();
    if let Some(effort) = options.effort() {
        reasoning.insert("effort".into(), json!(effort));
    }
    if options.own("reasoning_summary").is_string() {
        reasoning.insert("summary".into(), options.own("reasoning_summary").clone());
    }
    if !reasoning.is_empty() {
        body.insert("reasoning".into(), Value::Object(reasoning));
    }
    if options.own("text_verbosity").is_string() {
        body.insert("text".into(), json!({"verbosity": options.own("text_verbosity")}));
    }
}

fn put_tools(context: &Context<'_>, body: &mut Map<String, Value>) {
    let options = context.options;
    let own = context.request.tools.iter().map(|tool| {
        json!({"type": "function", "name": tool.name, "description": tool.description,
            "parameters": tool.schema, "strict": false})
    });
    let mut tools: Vec<Value> = own.collect();
    if options.is_on("web_search_enabled") {
        let mut search = json!({"type": "web_search"});
        if options.own("search_context_size").is_string() {
            search["search_context_size"] = options.own("search_context_size").clone();
        }
        if options.own("allowed_domains").as_array().is_some_and(|domains| !domains.is_empty()) {
            search["filters"] = json!({"allowed_domains": options.own("allowed_domains")});
        }
        tools.push(search);
    }
    if tools.is_empty() {
        return;
    }
    body.insert("tools".into(), json!(tools));
    body.extend(context.tool_choice().map(|choice| ("tool_choice".to_owned(), json!(choice))));
}

fn input(context: &Context<'_>) -> Vec<Value> {
    let mut items = Vec::new();
    let instructions = context.instructions();
    if !instructions.is_empty() {
        let role = if thinks(context) { "developer" } else { "system" };
        items.push(json!({"role": role, "content": instructions}));
    }
    for message in &context.request.messages {
        match message {
            Message::User(texts) => {
                let texts = texts.iter().filter(|text| !is_blank(text));
                let parts: Vec<_> = texts.map(|text| json!({"type": "input_text", "text": text})).collect();
                if !parts.is_empty() {
                    items.push(json!({"role": "user", "content": parts}));
                }
            }
            Message::Assistant(blocks) => items.extend(answer(blocks)),
            Message::Tool(results) => items.extend(results.iter().map(|result| {
                json!({"type": "function_call_output", "call_id": result.call_id, "output": result.content})
            })),
        }
    }
    items
}

fn answer(blocks: &[AssistantBlock]) -> Vec<Value> {
    let mut items: Vec<Value> = blocks.iter().filter_map(item).collect();
    // Reasoning that leads to nothing is refused.
    while items.last().is_some_and(|item| item["type"] == "reasoning") {
        items.pop();
    }
    items
}

fn item(block: &AssistantBlock) -> Option<Value> {
    match block {
        AssistantBlock::Text(text) if is_blank(text) => None,
        AssistantBlock::Text(text) => Some(json!({"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": text}]})),
        AssistantBlock::Reasoning(reasoning) => thought(reasoning),
        AssistantBlock::ToolCall(call) if call.provider_executed => {
            metadata_of(call.metadata.as_ref(), KIND).map(|own| own["item"].clone())
        }
        AssistantBlock::ToolCall(call) => Some(json!({"type": "function_call", "call_id": call.call_id,
            "name": call.name, "arguments": call.args.to_string()})),
        // It is inside the item of its call.
        AssistantBlock::ProviderResult { .. } => None,
    }
}

fn thought(reasoning: &Reasoning) -> Option<Value> {
    let own = metadata_of(reasoning.metadata.as_ref(), KIND)?;
    let item = own.get("item")?;
    item["encrypted_content"].is_string().then(|| item.clone())
}

/// Reads an answer.
#[derive(Default)]
pub(crate) struct Answer {
    calls: Calls,
    /// Keys of calls whose arguments have been streamed.
    streamed: std::collections::BTreeSet<String>,
    has_own_calls: bool,
    has_summary: bool,
    has_refused: bool,
    usage: Usage,
    reason: Option<FinishReason>,
}

impl Reader for Answer {
    fn frame(&mut self, data: &Value, out: &mut Vec<ModelEvent>) -> Result<(), Fault> {
        let text = || data["delta"].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        match data["type"].as_str().unwrap_or_default() {
            "response.output_text.delta" => out.extend(text().map(ModelEvent::Text)),
            "response.refusal.delta" => {
                self.has_refused = true;
                out.extend(text().map(ModelEvent::Text));
            }
            "response.reasoning_summary_part.added" => {
                let is_next = std::mem::replace(&mut self.has_summary, true);
                out.extend(is_next.then(|| ModelEvent::Reasoning("\n\n".into())));
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                out.extend(text().map(ModelEvent::Reasoning));
            }
            "response.output_item.added" => self.item_began(data, out),
            "response.function_call_arguments.delta" => {
                let key = place(data);
                self.streamed.insert(key.clone());
                self.calls.add(&key, "", data["delta"].as_str().unwrap_or_default(), out);
            }
            "response.output_item.done" => self.item_ended(data, out),
            "response.output_text.annotation.added" => source(&data["annotation"], out),
            "response.completed" | "response.incomplete" => self.finish(&data["response"]),
            "response.failed" => return Err(fault(&data["response"]["error"])),
            "error" => return Err(fault(if data["error"].is_object() { &data["error"] } else { data })),
            // Progress, and events that do not exist yet.
            _ if data["error"].is_object() => return Err(fault(&data["error"])),
            _ => {}
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.reason.is_some()
    }

    fn is_over(&self) -> bool {
        self.is_finished()
    }

    fn used(&self) -> Usage {
        self.usage
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) {
        self.calls.finish(out);
        let reason = self.reason.take().unwrap_or(FinishReason::Other(None));
        let reason = with_calls(reason, self.has_own_calls);
        let reason =
            if self.has_refused && reason == FinishReason::Stop { FinishReason::Refused } else { reason };
        out.push(ModelEvent::End { reason, usage: self.usage });
    }
}

impl Answer {
    fn item_began(&mut self, data: &Value, out: &mut Vec<ModelEvent>) {
        let item = &data["item"];
        match item["type"].as_str() {
            Some("function_call") => {
                let key = place(data);
                self.has_own_calls = true;
                self.calls.begin(&key, item["call_id"].as_str(), false);
                self.calls.add(&key, item["name"].as_str().unwrap_or_default(), "", out);
            }
            Some("reasoning") => self.has_summary = false,
            Some(_) | None => {}
        }
    }

    fn item_ended(&mut self, data: &Value, out: &mut Vec<ModelEvent>) {
        let item = &data["item"];
        match item["type"].as_str() {
            Some("function_call") => {
                let key = place(data);
                self.has_own_calls = true;
                self.calls.begin(&key, item["call_id"].as_str(), false);
                // Whoever streams nothing says everything here.
                let is_new = !self.streamed.contains(&key);
                let args = item["arguments"].as_str().filter(|_| is_new).unwrap_or_default();
                self.calls.add(&key, item["name"].as_str().unwrap_or_default(), args, out);
            }
            Some("reasoning") => {
                let signature = item["encrypted_content"].as_str().map(str::to_owned);
                let metadata = Some(json!({KIND: {"item": kept(item)}}));
                out.push(ModelEvent::ReasoningSignature { signature, metadata });
            }
            Some("web_search_call") => {
                let key = place(data);
                self.calls.begin(&key, item["id"].as_str(), true);
                self.calls.add(&key, "web_search", &item["action"].to_string(), out);
                let Some(call_id) = self.calls.id(&key) else { return };
                let metadata = json!({KIND: {"item": item}});
                out.push(ModelEvent::ToolCallMetadata { call_id: call_id.clone(), metadata });
                let result = json!({KIND: {"status": item["status"]}});
                let name = String::from("web_search");
                out.push(ModelEvent::ProviderResult {
                    call_id,
                    name,
                    result,
                    is_error: item["status"] == "failed",
                });
            }
            Some(_) | None => {}
        }
    }

    fn finish(&mut self, response: &Value) {
        self.usage = usage(&response["usage"]);
        self.reason = Some(match response["incomplete_details"]["reason"].as_str() {
            None => FinishReason::Stop,
            Some("max_output_tokens") => FinishReason::Length,
            Some("content_filter") => FinishReason::Refused,
            Some(other) => FinishReason::Other(Some(other.to_owned())),
        });
    }
}

/// What of a reasoning item may be sent again.
fn kept(item: &Value) -> Value {
    let mut kept = json!({"type": "reasoning", "summary": item["summary"]});
    if kept["summary"].is_null() {
        kept["summary"] = json!([]);
    }
    for name in ["id", "encrypted_content"] {
        if item[name].is_string() {
            kept[name] = item[name].clone();
        }
    }
    kept
}

fn place(data: &Value) -> String {
    match data["output_index"].as_u64() {
        Some(index) => index.to_string(),
        None => data["item_id"].as_str().or(data["item"]["id"].as_str()).unwrap_or_default().to_owned(),
    }
}

/// The codes of this protocol are words; those that stand for a status say so.
fn fault(error: &Value) -> Fault {
    let status = match error["code"].as_str() {
        Some("rate_limit_exceeded") => Some(429),
        Some("server_error") => Some(500),
        Some("invalid_api_key") => Some(401),
        Some(_) | None => Fault::of(error).status,
    };
    Fault { status, ..Fault::of(error) }
}

fn source(annotation: &Value, out: &mut Vec<ModelEvent>) {
    let Some(url) = annotation["url"].as_str() else { return };
    let title = annotation["title"].as_str().unwrap_or_default().to_owned();
    out.push(ModelEvent::Source { id: url.to_owned(), url: url.to_owned(), title });
}

fn usage(usage: &Value) -> Usage {
    let read = count(&usage["input_tokens_details"]["cached_tokens"]);
    Usage {
        input_tokens: count(&usage["input_tokens"]).map(|all| (all - read.unwrap_or(0)).max(0)),
        output_tokens: count(&usage["output_tokens"]),
        total_tokens: count(&usage["total_tokens"]),
        reasoning_tokens: count(&usage["output_tokens_details"]["reasoning_tokens"]),
        cache_creation_tokens: None,
        cache_read_tokens: read,
    }
}
