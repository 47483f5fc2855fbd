//! Providers that speak the OpenAI chat completions protocol, at any base URL.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use genai::{
    Client, ModelIden, ServiceTarget,
    adapter::AdapterKind,
    chat::{
        ChatMessage, ChatOptions, ChatRequest, ChatStream, ChatStreamEvent, StreamEnd, Tool, ToolResponse,
    },
    resolver::{AuthData, Endpoint},
};
use warren_rt::Secret;
use warren_vocab::ChatErrorKind;

use crate::{
    AssistantBlock, FinishReason, Message, Model, ModelError, ModelEvent, ModelRequest, ModelStream, Usage,
    classify::{Failure, classify, truncated},
};

/// How long a provider may take to begin its answer.
const HEADER_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a stream may be silent before it counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a model is and how it is addressed.
#[derive(Debug, Clone)]
pub struct OpenAiConfig {
    /// For example `https://host/v1`; the completions path is appended.
    pub base_url: String,
    /// Providers on one's own machine often need none.
    pub api_key: Option<Secret<String>>,
    /// The provider's name for the model.
    pub model: String,
}

/// A model at an OpenAI-compatible provider.
pub struct OpenAiCompatible {
    client: Client,
    config: OpenAiConfig,
}

impl OpenAiCompatible {
    /// Makes a model from its address. Nothing is sent until it is asked.
    ///
    /// # Panics
    /// Panics if the process has no TLS provider installed, which is a mistake of the program.
    pub fn new(config: OpenAiConfig) -> Self {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .expect("the TLS provider is installed at start");
        let client =
            Client::builder().with_reqwest(http).build().expect("a client without resolvers is complete");
        Self { client, config }
    }

    fn target(&self) -> ServiceTarget {
        let key = self.config.api_key.as_ref().map_or("none", |key| key.expose().as_str());
        ServiceTarget {
            endpoint: Endpoint::from_owned(format!("{}/", self.config.base_url.trim_end_matches('/'))),
            auth: AuthData::from_single(key),
            model: ModelIden::new(AdapterKind::OpenAI, self.config.model.as_str()),
        }
    }
}

#[async_trait]
impl Model for OpenAiCompatible {
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError> {
        let options = options(&request);
        let answer = self.client.exec_chat_stream(self.target(), chat_request(request), Some(&options)).await;
        let answer = answer.map_err(|error| model_error(&error, &self.config.base_url))?;
        let reader = Reader {
            stream: answer.stream,
            base_url: self.config.base_url.clone(),
            args_seen: HashMap::new(),
            is_done: false,
        };
        Ok(stream::unfold(reader, |mut reader| async { reader.next().await.map(|item| (item, reader)) })
            .boxed())
    }
}

/// Turns the crate's events into ours and makes sure that a stream ends with an end mark or an error.
struct Reader {
    stream: ChatStream,
    base_url: String,
    /// Bytes of arguments already handed on, by call.
    args_seen: HashMap<String, usize>,
    is_done: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<ModelEvent, ModelError>> {
        while !self.is_done {
            let item = match tokio::time::timeout(SILENCE_MAX, self.stream.next()).await {
                Ok(item) => item,
                Err(_) => return self.fail(silence(&self.base_url)),
            };
            match item {
                None => return self.fail(truncated(&self.base_url)),
                Some(Err(error)) => return self.fail(model_error(&error, &self.base_url)),
                Some(Ok(event)) => {
                    if let Some(event) = self.translate(event) {
                        return Some(Ok(event));
                    }
                }
            }
        }
        None
    }

    fn fail(&mut self, error: ModelError) -> Option<Result<ModelEvent, ModelError>> {
        self.is_done = true;
        Some(Err(error))
    }

    fn translate(&mut self, event: ChatStreamEvent) -> Option<ModelEvent> {
        match event {
            ChatStreamEvent::Chunk(chunk) => Some(ModelEvent::Text(chunk.content)),
            ChatStreamEvent::ReasoningChunk(chunk) => Some(ModelEvent::Reasoning(chunk.content)),
            ChatStreamEvent::ToolCallChunk(chunk) => {
                // The crate hands out everything it has of the call so far; viewers want what is new.
                let call = chunk.tool_call;
                let args = call.fn_arguments.as_str().unwrap_or_default();
                let is_first = !self.args_seen.contains_key(&call.call_id);
                let seen = self.args_seen.entry(call.call_id.clone()).or_default();
                let args_delta = args.get(*seen..).unwrap_or_default().to_owned();
                *seen = args.len();
                (is_first || !args_delta.is_empty()).then_some(ModelEvent::ToolCall {
                    call_id: call.call_id,
                    name: call.fn_name,
                    args_delta,
                    provider_executed: false,
                })
            }
            ChatStreamEvent::End(end) => {
                self.is_done = true;
                Some(ended(end))
            }
            ChatStreamEvent::Start
            | ChatStreamEvent::ThoughtSignatureChunk(_)
            | ChatStreamEvent::Heartbeat => None,
        }
    }
}

fn ended(end: StreamEnd) -> ModelEvent {
    let usage = end.captured_usage.unwrap_or_default();
    let details = usage.completion_tokens_details;
    ModelEvent::End {
        reason: FinishReason::Other(end.captured_stop_reason.map(|reason| format!("{reason:?}"))),
        usage: Usage {
            input_tokens: usage.prompt_tokens.map(i64::from),
            output_tokens: usage.completion_tokens.map(i64::from),
            total_tokens: usage.total_tokens.map(i64::from),
            reasoning_tokens: details.and_then(|details| details.reasoning_tokens).map(i64::from),
            ..Usage::default()
        },
    }
}

fn options(request: &ModelRequest) -> ChatOptions {
    let options = ChatOptions::default()
        .with_capture_usage(true)
        .with_capture_tool_calls(true)
        .with_stream_header_timeout(HEADER_TIMEOUT)
        .with_stream_read_timeout(SILENCE_MAX)
        .with_extra_headers(request.headers.clone());
    let options = match request.max_output_tokens {
        Some(tokens) => options.with_max_tokens(tokens),
        None => options,
    };
    match request.temperature {
        Some(temperature) => options.with_temperature(temperature),
        None => options,
    }
}

fn chat_request(request: ModelRequest) -> ChatRequest {
    let messages = request.messages.into_iter().flat_map(chat_messages).collect();
    let tools: Vec<Tool> = request
        .tools
        .into_iter()
        .map(|tool| Tool::new(tool.name).with_description(tool.description).with_schema(tool.schema))
        .collect();
    let chat = ChatRequest::from_messages(messages);
    let chat = if request.system.is_empty() { chat } else { chat.with_system(request.system.join("\n\n")) };
    if tools.is_empty() { chat } else { chat.with_tools(tools) }
}

fn chat_messages(message: Message) -> Vec<ChatMessage> {
    match message {
        Message::User(texts) => vec![ChatMessage::user(texts.join("\n"))],
        Message::Assistant(blocks) => vec![assistant(blocks)],
        Message::Tool(results) => {
            let answer = |result: crate::ToolResult| {
                ChatMessage::from(ToolResponse::new(result.call_id, result.content).with_fn_name(result.name))
            };
            results.into_iter().map(answer).collect()
        }
    }
}

fn assistant(blocks: Vec<AssistantBlock>) -> ChatMessage {
    let (mut text, mut calls) = (String::new(), Vec::new());
    for block in blocks {
        match block {
            AssistantBlock::Text(more) => text.push_str(&more),
            AssistantBlock::ToolCall(call) => calls.push(genai::chat::ToolCall {
                call_id: call.call_id,
                fn_name: call.name,
                fn_arguments: call.args,
                thought_signatures: None,
            }),
            AssistantBlock::Reasoning(_) | AssistantBlock::ProviderResult { .. } => {}
        }
    }
    if calls.is_empty() {
        return ChatMessage::assistant(text);
    }
    let mut message = ChatMessage::from(calls);
    if !text.is_empty() {
        message.content.prepend(text);
    }
    message
}

fn silence(base_url: &str) -> ModelError {
    ModelError {
        kind: ChatErrorKind::StreamSilenceTimeout,
        message: format!(
            "The model provider at {base_url} sent nothing for {} minutes.",
            SILENCE_MAX.as_secs() / 60
        ),
        detail: None,
        retryable: true,
        status: None,
        retry_after: None,
        is_unreachable: false,
    }
}

fn model_error(error: &genai::Error, base_url: &str) -> ModelError {
    if let genai::Error::WebStream { error: inner, cause, .. } = error {
        if let Some(inner) = inner.downcast_ref::<genai::Error>() {
            return model_error(inner, base_url);
        }
        let failure = Failure { text: cause, is_transport: true, base_url, ..Failure::default() };
        return classify(&failure);
    }
    let text = match error {
        genai::Error::HttpError { body, .. } => body.clone(),
        genai::Error::ChatResponse { body, .. } => body.to_string(),
        other => other.to_string(),
    };
    classify(&Failure {
        status: error.status().map(|status| status.as_u16()),
        text: &text,
        is_transport: matches!(
            error,
            genai::Error::WebModelCall { webc_error: genai::webc::Error::Reqwest(_), .. }
        ) && error.status().is_none(),
        retry_after: error.headers().and_then(retry_after),
        base_url,
    })
}

/// Reads `retry-after-ms` before `retry-after`, which counts seconds. A date form is left to the usual backoff.
fn retry_after(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    number("retry-after-ms")
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))
}
