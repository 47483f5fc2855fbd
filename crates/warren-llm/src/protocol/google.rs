//! Google Gemini.

use serde_json::{Map, Value, json};

use super::{Call, Context, Fault, Reader, count, is_blank, metadata_of, with_calls};
use crate::{AssistantBlock, FinishReason, Message, ModelEvent, ToolChoice, ToolResult, Usage, calls::Calls};

/// Marks what only Gemini can read again.
const KIND: &str = "google";

/// Makes the request.
pub(crate) fn call(context: &Context<'_>) -> Call {
    let mut body = Map::new();
    body.insert("contents".into(), json!(contents(context)));
    let instructions = context.instructions();
    if !instructions.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": [{"text": instructions}]}));
    }
    put_tools(context, &mut body);
    body.insert("generationConfig".into(), generation(context));
    context.options.pass(&mut body);
    let path = context.base_url.split('?').next().unwrap_or_default();
    let version = if path.ends_with("/v1beta") || path.ends_with("/v1") { "" } else { "/v1beta" };
    let model = context.config.model.trim_start_matches("models/");
    Call {
        url: context.url(&format!("{version}/models/{model}:streamGenerateContent?alt=sse")),
        key_header: ("x-goog-api-key", ""),
        headers: vec![("accept", "text/event-stream")],
        body: Value::Object(body),
        is_binary: false,
    }
}

fn generation(context: &Context<'_>) -> Value {
    let mut config = Map::new();
    config.insert("maxOutputTokens".into(), json!(context.max_output_tokens()));
    if let Some(temperature) = context.temperature() {
        config.insert("temperature".into(), temperature);
    }
    for (option, wire) in [
        ("top_p", "topP"),
        ("top_k", "topK"),
        ("presence_penalty", "presencePenalty"),
        ("frequency_penalty", "frequencyPenalty"),
    ] {
        context.put(&mut config, option, wire);
    }
    let thinking = context.options.own("thinking_config");
    let mut wire = Map::new();
    if thinking["thinking_budget"].is_i64() {
        wire.insert("thinkingBudget".into(), thinking["thinking_budget"].clone());
    }
    if thinking["include_thoughts"].is_boolean() {
        wire.insert("includeThoughts".into(), thinking["include_thoughts"].clone());
    }
    if !wire.is_empty() {
        config.insert("thinkingConfig".into(), Value::Object(wire));
    }
    Value::Object(config)
}

fn put_tools(context: &Context<'_>, body: &mut Map<String, Value>) {
    let own = context.request.tools.iter().map(|tool| {
        json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.schema})
    });
    let own: Vec<Value> = own.collect();
    let mut tools = Vec::new();
    if !own.is_empty() {
        tools.push(json!({ "functionDeclarations": own }));
        let mode = match context.request.tool_choice {
            ToolChoice::Auto => "AUTO",
            ToolChoice::None => "NONE",
            ToolChoice::Required => "ANY",
        };
        body.insert("toolConfig".into(), json!({"functionCallingConfig": {"mode": mode}}));
    }
    if context.options.is_on("web_search_enabled") {
        tools.push(json!({"googleSearch": {}}));
    }
    if !tools.is_empty() {
        body.insert("tools".into(), json!(tools));
    }
}

fn contents(context: &Context<'_>) -> Vec<Value> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in &context.request.messages {
        let (role, parts) = match message {
            Message::User(texts) => {
                let texts = texts.iter().filter(|text| !is_blank(text));
                ("user", texts.map(|text| json!({ "text": text })).collect::<Vec<_>>())
            }
            Message::Assistant(blocks) => ("model", blocks.iter().filter_map(part).collect()),
            Message::Tool(results) => ("user", results.iter().map(response).collect()),
        };
        match turns.last_mut() {
            _ if parts.is_empty() => {}
            Some((last, all)) if *last == role => all.extend(parts),
            _ => turns.push((role, parts)),
        }
    }
    turns.into_iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect()
}

/// Thoughts do not go back, their seals do.
fn part(block: &AssistantBlock) -> Option<Value> {
    match block {
        AssistantBlock::Text(text) => (!is_blank(text)).then(|| json!({ "text": text })),
        AssistantBlock::Reasoning(reasoning) => {
            metadata_of(reasoning.metadata.as_ref(), KIND)?;
            Some(json!({"text": "", "thoughtSignature": reasoning.signature.as_ref()?}))
        }
        AssistantBlock::ToolCall(call) if call.provider_executed => None,
        AssistantBlock::ToolCall(call) => {
            let mut part = json!({"functionCall": {"name": call.name, "args": call.args}});
            if let Some(own) = metadata_of(call.metadata.as_ref(), KIND) {
                if own["thought_signature"].is_string() {
                    part["thoughtSignature"] = own["thought_signature"].clone();
                }
                if own["has_id"] == true {
                    part["functionCall"]["id"] = json!(call.call_id);
                }
            }
            Some(part)
        }
        AssistantBlock::ProviderResult { .. } => None,
    }
}

/// A response has to be an object.
fn response(result: &ToolResult) -> Value {
    let parsed = serde_json::from_str(&result.content).ok().filter(Value::is_object);
    let name = if result.is_error { "error" } else { "result" };
    let response = parsed.unwrap_or_else(|| json!({ name: result.content }));
    json!({"functionResponse": {"name": result.name, "response": response}})
}

/// Reads an answer.
#[derive(Default)]
pub(crate) struct Answer {
    calls: Calls,
    n_calls: usize,
    usage: Usage,
    reason: Option<FinishReason>,
}

impl Reader for Answer {
    fn frame(&mut self, data: &Value, out: &mut Vec<ModelEvent>) -> Result<(), Fault> {
        if !data["error"].is_null() {
            return Err(Fault::of(&data["error"]));
        }
        if data["usageMetadata"].is_object() {
            self.usage = usage(&data["usageMetadata"]);
        }
        let candidate = &data["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            self.part(part, out);
        }
        for chunk in candidate["groundingMetadata"]["groundingChunks"].as_array().into_iter().flatten() {
            source(&chunk["web"], out);
        }
        if let Some(word) = candidate["finishReason"].as_str() {
            if word == "MALFORMED_FUNCTION_CALL" {
                // The model's own slip; another attempt usually does better.
                let text = format!("server error: {word}: {}", candidate["finishMessage"]);
                return Err(Fault { status: None, text });
            }
            self.reason = Some(reason(word));
        }
        if data["promptFeedback"]["blockReason"].is_string() {
            self.reason = Some(FinishReason::Refused);
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.reason.is_some()
    }

    fn is_over(&self) -> bool {
        // Usage may come in a later frame; the connection ends the answer.
        false
    }

    fn used(&self) -> Usage {
        self.usage
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) {
        self.calls.finish(out);
        let reason = self.reason.take().unwrap_or(FinishReason::Other(None));
        let reason = with_calls(reason, !self.calls.is_empty());
        out.push(ModelEvent::End { reason, usage: self.usage });
    }
}

impl Answer {
    fn part(&mut self, part: &Value, out: &mut Vec<ModelEvent>) {
        let signature = part["thoughtSignature"].as_str();
        if part["functionCall"].is_object() {
            return self.call(&part["functionCall"], signature, out);
        }
        if let Some(text) = part["text"].as_str().filter(|text| !text.is_empty()) {
            let event = if part["thought"] == true { ModelEvent::Reasoning } else { ModelEvent::Text };
            out.push(event(text.to_owned()));
        }
        if let Some(signature) = signature {
            let metadata = Some(json!({KIND: {}}));
            out.push(ModelEvent::ReasoningSignature { signature: Some(signature.to_owned()), metadata });
        }
    }

    /// Calls come whole, and often without an id.
    fn call(&mut self, call: &Value, signature: Option<&str>, out: &mut Vec<ModelEvent>) {
        let key = self.n_calls.to_string();
        self.n_calls += 1;
        let id = call["id"].as_str().filter(|id| !id.is_empty());
        self.calls.begin(&key, id, false);
        let args = if call["args"].is_null() { String::from("{}") } else { call["args"].to_string() };
        self.calls.add(&key, call["name"].as_str().unwrap_or_default(), &args, out);
        let Some(call_id) = self.calls.id(&key) else { return };
        let mut own = Map::new();
        if let Some(signature) = signature {
            own.insert("thought_signature".into(), json!(signature));
        }
        if id == Some(call_id.as_str()) {
            own.insert("has_id".into(), json!(true));
        }
        if !own.is_empty() {
            out.push(ModelEvent::ToolCallMetadata { call_id, metadata: json!({ KIND: own }) });
        }
    }
}

fn source(web: &Value, out: &mut Vec<ModelEvent>) {
    let Some(url) = web["uri"].as_str() else { return };
    let title = web["title"].as_str().unwrap_or_default().to_owned();
    out.push(ModelEvent::Source { id: url.to_owned(), url: url.to_owned(), title });
}

fn usage(usage: &Value) -> Usage {
    let read = count(&usage["cachedContentTokenCount"]);
    let thoughts = count(&usage["thoughtsTokenCount"]);
    let said = count(&usage["candidatesTokenCount"]);
    Usage {
        input_tokens: count(&usage["promptTokenCount"]).map(|all| (all - read.unwrap_or(0)).max(0)),
        output_tokens: said.or(thoughts).map(|_| said.unwrap_or(0) + thoughts.unwrap_or(0)),
        total_tokens: count(&usage["totalTokenCount"]),
        reasoning_tokens: thoughts,
        cache_creation_tokens: None,
        cache_read_tokens: read,
    }
}

fn reason(word: &str) -> FinishReason {
    match word {
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => FinishReason::Refused,
        other => FinishReason::Other(Some(other.to_owned())),
    }
}
