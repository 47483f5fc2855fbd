//! What conditions look at, read from a request of any protocol.

use serde_json::Value;

use crate::{script::When, wire::Protocol};

/// The end of a conversation.
pub(crate) struct Facts {
    last_user: String,
    /// What tools answered since.
    results: Vec<String>,
}

impl Facts {
    pub(crate) fn of(request: &Value, protocol: Protocol) -> Self {
        let name = match protocol {
            Protocol::Chat | Protocol::Anthropic => "messages",
            Protocol::Responses => "input",
            Protocol::Google => "contents",
        };
        let mut facts = Self { last_user: String::new(), results: Vec::new() };
        // A plain text is the shortest input of the Responses protocol.
        if let Some(text) = request[name].as_str() {
            text.clone_into(&mut facts.last_user);
        }
        for message in request[name].as_array().into_iter().flatten() {
            facts.read(message);
        }
        facts
    }

    fn read(&mut self, message: &Value) {
        if message["role"] == "tool" {
            return self.results.push(text_of(&message["content"]));
        }
        if message["type"] == "function_call_output" {
            return self.results.push(text_of(&message["output"]));
        }
        if message["role"] != "user" {
            return;
        }
        let mut said = message["content"].as_str().map(str::to_owned);
        let content = message["content"].as_array().or(message["parts"].as_array());
        for block in content.into_iter().flatten() {
            if block["type"] == "tool_result" {
                self.results.push(text_of(&block["content"]));
            } else if block["functionResponse"].is_object() {
                self.results.push(block["functionResponse"]["response"].to_string());
            } else if let Some(text) = block["text"].as_str() {
                said.get_or_insert_default().push_str(text);
            }
        }
        if let Some(said) = said {
            self.last_user = said;
            self.results.clear();
        }
    }

    pub(crate) fn hold(&self, when: &When) -> bool {
        when.user.as_ref().is_none_or(|text| self.last_user.contains(text.as_str()))
            && when.tool_results.is_none_or(|count| self.results.len() == count)
            && when
                .last_result
                .as_ref()
                .is_none_or(|text| self.results.last().is_some_and(|result| result.contains(text.as_str())))
    }

    /// The last tool result, as JSON where it is JSON.
    pub(crate) fn last_result(&self) -> Value {
        let text = self.results.last().cloned().unwrap_or_default();
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }
}

/// A text, or the texts of a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
