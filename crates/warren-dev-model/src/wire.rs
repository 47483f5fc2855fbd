//! The protocols: how a piece of an answer looks on the wire of each of them.

use serde_json::{Value, json};

use crate::script::Counts;

/// A protocol that the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Chat,
    Responses,
    Anthropic,
    Google,
}

/// A piece of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(String),
    Reasoning(String),
    /// Seals the reasoning before.
    Signature(String),
    CallBegin {
        index: usize,
        id: String,
        name: String,
    },
    CallArgs {
        index: usize,
        text: String,
    },
    CallEnd {
        index: usize,
    },
}

/// What is open and what was said, as far as a protocol wants it repeated.
pub(crate) struct Wire {
    protocol: Protocol,
    /// The kind of the block that is open, and its number.
    block: Option<&'static str>,
    n_blocks: usize,
    /// The call that is being told.
    call: (String, String, String),
    signature: String,
}

impl Wire {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self { protocol, block: None, n_blocks: 0, call: Default::default(), signature: String::new() }
    }

    /// What comes before everything else.
    pub(crate) fn begin(&self, counts: &Counts) -> String {
        match self.protocol {
            Protocol::Chat | Protocol::Google => String::new(),
            Protocol::Responses => {
                event(&json!({"type": "response.created", "response": {"id": "resp_scripted"}}))
            }
            Protocol::Anthropic => {
                let usage = json!({"input_tokens": counts.input, "output_tokens": 1,
                    "cache_creation_input_tokens": counts.cache_write, "cache_read_input_tokens": counts.cache_read});
                event(&json!({"type": "message_start", "message": {"role": "assistant", "usage": usage}}))
            }
        }
    }

    pub(crate) fn piece(&mut self, piece: &Piece) -> String {
        match self.protocol {
            Protocol::Chat => chat(piece),
            Protocol::Responses => self.responses(piece),
            Protocol::Anthropic => self.anthropic(piece),
            Protocol::Google => self.google(piece),
        }
    }

    /// What ends a complete answer.
    pub(crate) fn finish(&mut self, has_calls: bool, counts: &Counts) -> String {
        match self.protocol {
            Protocol::Chat => finish_chat(has_calls, counts),
            Protocol::Responses => {
                let usage = json!({"input_tokens": counts.input + counts.cache_read,
                    "input_tokens_details": {"cached_tokens": counts.cache_read}, "output_tokens": counts.output,
                    "output_tokens_details": {"reasoning_tokens": counts.reasoning}, "total_tokens": counts.total()});
                event(
                    &json!({"type": "response.completed", "response": {"status": "completed", "usage": usage}}),
                )
            }
            Protocol::Anthropic => {
                let reason = if has_calls { "tool_use" } else { "end_turn" };
                let usage = json!({"output_tokens": counts.output});
                let delta =
                    json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage});
                format!("{}{}{}", self.close(), event(&delta), event(&json!({"type": "message_stop"})))
            }
            Protocol::Google => {
                let usage = json!({"promptTokenCount": counts.input + counts.cache_read,
                    "cachedContentTokenCount": counts.cache_read, "thoughtsTokenCount": counts.reasoning,
                    "candidatesTokenCount": counts.output.saturating_sub(counts.reasoning),
                    "totalTokenCount": counts.total()});
                data(&json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage}))
            }
        }
    }

    /// An error in the place of more.
    pub(crate) fn error(&self, kind: &str, message: &str) -> String {
        let error = json!({"type": kind, "code": kind, "message": message});
        match self.protocol {
            Protocol::Chat | Protocol::Google => data(&json!({ "error": error })),
            Protocol::Responses | Protocol::Anthropic => event(&json!({"type": "error", "error": error})),
        }
    }

    fn anthropic(&mut self, piece: &Piece) -> String {
        let (kind, start, delta) = match piece {
            Piece::Text(text) => {
                ("text", json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text}))
            }
            Piece::Reasoning(text) => (
                "thinking",
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                json!({"type": "thinking_delta", "thinking": text}),
            ),
            Piece::Signature(seal) => (
                "thinking",
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                json!({"type": "signature_delta", "signature": seal}),
            ),
            Piece::CallBegin { id, name, .. } => {
                let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                return format!("{}{}", self.close(), self.open("tool_use", &block));
            }
            Piece::CallArgs { text, .. } => {
                return self.delta(&json!({"type": "input_json_delta", "partial_json": text}));
            }
            Piece::CallEnd { .. } => return self.close(),
        };
        let opened = if self.block == Some(kind) {
            String::new()
        } else {
            format!("{}{}", self.close(), self.open(kind, &start))
        };
        format!("{opened}{}", self.delta(&delta))
    }

    fn open(&mut self, kind: &'static str, block: &Value) -> String {
        self.block = Some(kind);
        self.n_blocks += 1;
        event(&json!({"type": "content_block_start", "index": self.n_blocks - 1, "content_block": block}))
    }

    fn delta(&self, delta: &Value) -> String {
        event(
            &json!({"type": "content_block_delta", "index": self.n_blocks.saturating_sub(1), "delta": delta}),
        )
    }

    fn close(&mut self) -> String {
        let Some(_) = self.block.take() else { return String::new() };
        event(&json!({"type": "content_block_stop", "index": self.n_blocks - 1}))
    }

    fn responses(&mut self, piece: &Piece) -> String {
        match piece {
            Piece::Text(text) => {
                event(&json!({"type": "response.output_text.delta", "output_index": 100, "delta": text}))
            }
            Piece::Reasoning(text) => event(
                &json!({"type": "response.reasoning_summary_text.delta", "output_index": 99, "delta": text}),
            ),
            Piece::Signature(seal) => {
                let item = json!({"type": "reasoning", "id": "rs_scripted", "summary": [], "encrypted_content": seal});
                event(&json!({"type": "response.output_item.done", "output_index": 99, "item": item}))
            }
            Piece::CallBegin { index, id, name } => {
                self.call = (id.clone(), name.clone(), String::new());
                let item = json!({"type": "function_call", "call_id": id, "name": name, "arguments": ""});
                event(&json!({"type": "response.output_item.added", "output_index": index, "item": item}))
            }
            Piece::CallArgs { index, text } => {
                self.call.2.push_str(text);
                event(
                    &json!({"type": "response.function_call_arguments.delta", "output_index": index, "delta": text}),
                )
            }
            Piece::CallEnd { index } => {
                let (id, name, args) = std::mem::take(&mut self.call);
                let item = json!({"type": "function_call", "call_id": id, "name": name, "arguments": args});
                event(&json!({"type": "response.output_item.done", "output_index": index, "item": item}))
            }
        }
    }

    /// Calls are told whole, with the seal that precedes them.
    fn google(&mut self, piece: &Piece) -> String {
        let part = match piece {
            Piece::Text(text) => json!({ "text": text }),
            Piece::Reasoning(text) => json!({"text": text, "thought": true}),
            Piece::Signature(seal) => {
                self.signature.clone_from(seal);
                return String::new();
            }
            Piece::CallBegin { id, name, .. } => {
                self.call = (id.clone(), name.clone(), String::new());
                return String::new();
            }
            Piece::CallArgs { text, .. } => {
                self.call.2.push_str(text);
                return String::new();
            }
            Piece::CallEnd { .. } => {
                let (_, name, args) = std::mem::take(&mut self.call);
                let args = serde_json::from_str(&args).unwrap_or(Value::String(args));
                let mut part = json!({"functionCall": {"name": name, "args": args}});
                if !self.signature.is_empty() {
                    part["thoughtSignature"] = json!(std::mem::take(&mut self.signature));
                }
                part
            }
        };
        data(&json!({"candidates": [{"content": {"role": "model", "parts": [part]}}]}))
    }
}

fn chat(piece: &Piece) -> String {
    let delta = match piece {
        Piece::Text(text) => json!({ "content": text }),
        Piece::Reasoning(text) => json!({ "reasoning_content": text }),
        Piece::Signature(_) | Piece::CallEnd { .. } => return String::new(),
        Piece::CallBegin { index, id, name } => json!({"tool_calls": [
            {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}]}),
        Piece::CallArgs { index, text } => {
            json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]})
        }
    };
    chat_chunk(&delta, None)
}

fn finish_chat(has_calls: bool, counts: &Counts) -> String {
    let reason = if has_calls { "tool_calls" } else { "stop" };
    let usage = json!({"choices": [], "usage": {
        "prompt_tokens": counts.input + counts.cache_read,
        "prompt_tokens_details": {"cached_tokens": counts.cache_read},
        "completion_tokens": counts.output,
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.total()}});
    format!("{}{}data: [DONE]\n\n", chat_chunk(&json!({}), Some(reason)), data(&usage))
}

fn chat_chunk(delta: &Value, finish_reason: Option<&str>) -> String {
    data(&json!({
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }))
}

fn data(body: &Value) -> String {
    format!("data: {body}\n\n")
}

/// A frame that is named by its type.
fn event(body: &Value) -> String {
    format!("event: {}\ndata: {body}\n\n", body["type"].as_str().unwrap_or_default())
}
