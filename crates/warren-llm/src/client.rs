//! Sending a request and reading the answer, within deadlines. Which protocol is spoken is decided here.

use std::{collections::VecDeque, error::Error as _, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream, stream::BoxStream};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use warren_vocab::AiProviderType;

use crate::{
    Deadlines, Model, ModelConfig, ModelError, ModelEvent, ModelRequest, ModelStream, Usage,
    classify::{Failure, Site, classify, garbled, silence, truncated, unusable, web_page},
    config::default_base_url,
    frames::{Frame, Framing, Garbled},
    options::Options,
    protocol::{self, Call, Context, Fault, Reader, anthropic, chat, google, responses},
};

/// The most bytes of an error that are read.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// Levels of a frame; what is kept of it must be readable inside a message.
const FRAME_DEPTH_MAX: usize = 100;
/// How long usage is waited for once the answer is complete.
const AFTER_FINISH: Duration = Duration::from_secs(5);
/// How long an unused connection is kept; shorter than what providers allow, as a call on a connection that is just being
/// closed would fail.
const IDLE: Duration = Duration::from_secs(30);
/// How long the end of a connection's answer is waited for after the end mark.
const DRAIN: Duration = Duration::from_millis(50);

/// A protocol that a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Chat,
    Responses,
    Anthropic,
    Google,
}

struct Client {
    http: reqwest::Client,
    config: ModelConfig,
    base_url: String,
    options: Options,
    protocol: Protocol,
    site: Site,
}

/// Connects to providers. Clones share open connections, so that a call rarely waits for a handshake.
#[derive(Debug, Clone)]
pub struct Connector {
    http: reqwest::Client,
}

impl Connector {
    /// Opens nothing yet.
    ///
    /// # Panics
    /// Panics if the process has no TLS provider installed, which is a mistake of the program.
    pub fn new() -> Self {
        let http = reqwest::Client::builder()
            .connect_timeout(Deadlines::default().connect)
            .pool_idle_timeout(IDLE)
            // A redirect would carry the key to another address.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("warren/", env!("CARGO_PKG_VERSION")))
            .build()
            .expect("the TLS provider is installed at start");
        Self { http }
    }

    /// Makes a model from its configuration. Nothing is sent until it is asked.
    ///
    /// # Errors
    /// Fails when the configuration cannot work, with a sentence that says what to change.
    pub fn connect(&self, config: ModelConfig) -> Result<Box<dyn Model>, ModelError> {
        Ok(Box::new(Client::new(self.http.clone(), config)?))
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

/// OpenAI's own addresses speak Responses; servers that only imitate it mostly know Chat Completions.
pub(crate) fn protocol_of(config: &ModelConfig, base_url: &str) -> Protocol {
    let host = reqwest::Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let is_at = |domain: &str| {
        host.as_ref().is_some_and(|host| *host == domain || host.ends_with(&format!(".{domain}")))
    };
    let path = base_url.split('?').next().unwrap_or_default().trim_end_matches('/');
    match config.provider {
        AiProviderType::Anthropic => Protocol::Anthropic,
        AiProviderType::Bedrock if config.model.contains("anthropic.") => Protocol::Anthropic,
        AiProviderType::Google if !path.ends_with("/openai") => Protocol::Google,
        AiProviderType::Openai | AiProviderType::Azure => {
            let wanted = config.options["provider_options"]["openai"]["api"].as_str();
            let is_modern = is_at("openai.com") || (is_at("azure.com") && path.ends_with("/v1"));
            match wanted {
                Some("responses") => Protocol::Responses,
                None if is_modern => Protocol::Responses,
                Some(_) | None => Protocol::Chat,
            }
        }
        AiProviderType::Bedrock
        | AiProviderType::Copilot
        | AiProviderType::Google
        | AiProviderType::OpenaiCompat
        | AiProviderType::Openrouter
        | AiProviderType::Vercel => Protocol::Chat,
    }
}

#[async_trait]
impl Model for Client {
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError> {
        let call = self.call(&request);
        let headers = self.headers(&call, &request.headers)?;
        let begun = Instant::now();
        let first_byte = begun + self.config.deadlines.first_byte;
        let sent = self.http.post(&call.url).headers(headers).json(&call.body).send();
        let response = match timeout_at(first_byte, sent).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.broken(&error)),
            Err(_) => return Err(silence(&self.site, self.config.deadlines.first_byte)),
        };
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        if is_web_page(response.headers()) {
            return Err(web_page(&self.site));
        }
        let reader: Box<dyn Reader> = match self.protocol {
            Protocol::Chat => Box::<chat::Answer>::default(),
            Protocol::Responses => Box::<responses::Answer>::default(),
            Protocol::Anthropic => Box::<anthropic::Answer>::default(),
            Protocol::Google => Box::<google::Answer>::default(),
        };
        let listener = Listener {
            bytes: response.bytes_stream().map(|piece| piece.map(|bytes| bytes.to_vec())).boxed(),
            framing: if call.is_binary { Framing::binary() } else { Framing::events() },
            reader,
            ready: VecDeque::new(),
            site: self.site.clone(),
            deadlines: self.config.deadlines,
            first_byte: Some(first_byte),
            head: Vec::new(),
            has_frames: false,
            told: Usage::default(),
            is_done: false,
        };
        let events = stream::unfold(listener, |mut listener| async {
            listener.next().await.map(|item| (item, listener))
        });
        Ok(events.boxed())
    }

    fn output_bound(&self, request: &ModelRequest) -> u64 {
        // The conversation takes no part in it and is long.
        let bare = ModelRequest {
            max_output_tokens: request.max_output_tokens,
            tool_choice: request.tool_choice,
            ..ModelRequest::default()
        };
        protocol::output_bound(&self.call(&bare).body)
    }
}

impl Client {
    fn new(http: reqwest::Client, config: ModelConfig) -> Result<Self, ModelError> {
        let given = Some(config.base_url.trim()).filter(|url| !url.is_empty()).map(str::to_owned);
        let base_url = given.or_else(|| default_base_url(config.provider, &config.settings));
        let Some(base_url) = base_url else {
            return Err(unusable("The model provider has no base URL; set one in its settings.".into()));
        };
        if config.provider == AiProviderType::Copilot {
            return Err(unusable(
                "Chats cannot use providers of the type copilot. Choose another model.".into(),
            ));
        }
        let secret = config.api_key.as_ref().map(|key| key.expose().clone());
        Ok(Self {
            http,
            options: Options::new(config.provider, &config.options),
            protocol: protocol_of(&config, &base_url),
            site: Site { base_url: base_url.clone(), secret },
            base_url: base_url.trim_end_matches('/').to_owned(),
            config,
        })
    }

    fn call(&self, request: &ModelRequest) -> Call {
        let context =
            Context { config: &self.config, base_url: &self.base_url, options: &self.options, request };
        match self.protocol {
            Protocol::Chat => chat::call(&context),
            Protocol::Responses => responses::call(&context),
            Protocol::Anthropic => anthropic::call(&context),
            Protocol::Google => google::call(&context),
        }
    }

    fn headers(&self, call: &Call, own: &[(String, String)]) -> Result<HeaderMap, ModelError> {
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                headers.insert(name, value);
            }
        }
        for (name, value) in &call.headers {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        if let Some(key) = &self.config.api_key {
            let (name, before) = call.key_header;
            let value = HeaderValue::from_str(&format!("{before}{}", key.expose()));
            let mut value = value.map_err(|_| {
                unusable("The provider's API key has characters that cannot be sent; enter it again.".into())
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    fn broken(&self, error: &reqwest::Error) -> ModelError {
        broken(error, &self.site, error.is_connect() || error.is_builder())
    }

    async fn refused(&self, response: reqwest::Response) -> ModelError {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), Utc::now());
        let text = timeout(self.config.deadlines.connect, error_text(response)).await.unwrap_or_default();
        classify(
            &Failure { status: Some(status), text: &text, retry_after, ..Failure::default() },
            &self.site,
        )
    }
}

fn is_web_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("text/html")
}

fn broken(error: &reqwest::Error, site: &Site, is_unreachable: bool) -> ModelError {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    classify(&Failure { text: &text, is_transport: true, is_unreachable, ..Failure::default() }, site)
}

async fn error_text(response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        let room = ERROR_BYTES_MAX - bytes.len();
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        if bytes.len() == ERROR_BYTES_MAX {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads `retry-after-ms` before `retry-after`, which counts seconds or names a time. What is neither is ignored.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str, unit: f64| {
        let seconds = text(name)?.parse::<f64>().ok()? * unit;
        Duration::try_from_secs_f64(seconds).ok()
    };
    let date = || {
        let at = DateTime::parse_from_rfc2822(text("retry-after")?).ok()?;
        (at.with_timezone(&Utc) - now).to_std().ok()
    };
    number("retry-after-ms", 0.001).or_else(|| number("retry-after", 1.0)).or_else(date)
}

/// Turns bytes into events and makes sure that a stream ends with an end mark or an error.
struct Listener {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    framing: Framing,
    reader: Box<dyn Reader>,
    ready: VecDeque<Result<ModelEvent, ModelError>>,
    site: Site,
    deadlines: Deadlines,
    /// Until when the answer must have begun; `None` once it has.
    first_byte: Option<Instant>,
    /// What came before the first frame: a body that is no stream may be an error.
    head: Vec<u8>,
    has_frames: bool,
    /// What was told of what the answer uses.
    told: Usage,
    is_done: bool,
}

impl Listener {
    async fn next(&mut self) -> Option<Result<ModelEvent, ModelError>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            if self.is_done {
                return None;
            }
            let (deadline, allowed) = self.deadline();
            match timeout_at(deadline, self.bytes.next()).await {
                Ok(Some(Ok(piece))) => {
                    self.take(&piece);
                    if self.is_done {
                        self.drain().await;
                    }
                }
                // Once the answer is complete, nothing that happens to the connection makes it less so.
                Err(_) | Ok(Some(Err(_)) | None) if self.reader.is_finished() => self.end(),
                Err(_) => self.fail(silence(&self.site, allowed)),
                Ok(Some(Err(error))) => self.fail(broken(&error, &self.site, false)),
                Ok(None) => self.bytes_end(),
            }
        }
    }

    fn deadline(&self) -> (Instant, Duration) {
        if let Some(first_byte) = self.first_byte {
            return (first_byte, self.deadlines.first_byte);
        }
        let allowed = if self.reader.is_finished() {
            AFTER_FINISH.min(self.deadlines.silence)
        } else {
            self.deadlines.silence
        };
        (Instant::now() + allowed, allowed)
    }

    fn take(&mut self, piece: &[u8]) {
        self.first_byte = None;
        let mut frames = Vec::new();
        let pushed = self.framing.push(piece, &mut frames);
        self.has_frames |= !frames.is_empty();
        if !self.has_frames {
            let room = ERROR_BYTES_MAX.saturating_sub(self.head.len());
            self.head.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        self.read(frames);
        match pushed {
            Ok(()) => {}
            Err(_) if self.is_done => {}
            Err(Garbled::TooLarge) => self.fail(garbled(&self.site, "a frame is too large", "")),
            Err(Garbled::NotFrames) => self.fail(garbled(&self.site, "what it sent is no event stream", "")),
        }
    }

    /// Reads what may follow the end mark, as only a connection whose answer was read to its end is used again.
    async fn drain(&mut self) {
        let draining = async { while let Some(Ok(_)) = self.bytes.next().await {} };
        // One that does not end is closed instead.
        let _ = timeout(DRAIN, draining).await;
    }

    /// The last frame may lack the empty line after it.
    fn bytes_end(&mut self) {
        let mut frames = Vec::new();
        self.framing.finish(&mut frames);
        // A frame that was cut off is no frame.
        frames.retain(|frame| is_end_mark(frame) || serde_json::from_str::<Value>(&frame.data).is_ok());
        self.read(frames);
        match (self.is_done, self.reader.is_finished()) {
            (true, _) => {}
            (false, true) => self.end(),
            (false, false) => self.fail(self.no_answer()),
        }
    }

    /// Why a stream without an end is none.
    fn no_answer(&self) -> ModelError {
        let body = serde_json::from_slice::<Value>(&self.head).ok().filter(|_| !self.has_frames);
        match body.as_ref().map(|body| &body["error"]).filter(|error| !error.is_null()) {
            Some(error) => Fault::of(error).into_error(&self.site),
            None => truncated(&self.site),
        }
    }

    fn read(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            if self.is_done {
                return;
            }
            if is_end_mark(&frame) {
                return self.end();
            }
            self.read_one(&frame);
        }
    }

    fn read_one(&mut self, frame: &Frame) {
        if frame.data.trim().is_empty() {
            return;
        }
        let Ok(data) = serde_json::from_str::<Value>(&frame.data) else {
            let is_error = frame.name.as_deref() == Some("error");
            let error = if is_error {
                classify(&Failure { text: &frame.data, ..Failure::default() }, &self.site)
            } else {
                garbled(&self.site, "a frame is not JSON", &frame.data)
            };
            return self.fail(error);
        };
        if nests_deeper(&data, FRAME_DEPTH_MAX) {
            return self.fail(garbled(&self.site, "a frame nests too deeply", ""));
        }
        let mut out = Vec::new();
        let read = self.reader.frame(&data, &mut out);
        self.ready.extend(out.into_iter().map(Ok));
        match read {
            Err(mut fault) => {
                if let Some(name) = frame.name.as_deref().filter(|name| name.ends_with("Exception")) {
                    fault.text = format!("{name}: {}", fault.text);
                }
                self.fail(fault.into_error(&self.site));
            }
            Ok(()) if self.reader.is_over() => self.end(),
            // The end tells the rest.
            Ok(()) if self.reader.is_finished() => {}
            Ok(()) => self.tell_usage(),
        }
    }

    fn tell_usage(&mut self) {
        let used = self.reader.used();
        if std::mem::replace(&mut self.told, used) != used {
            self.ready.push_back(Ok(ModelEvent::UsedSoFar(used)));
        }
    }

    fn end(&mut self) {
        let mut out = Vec::new();
        self.reader.end(&mut out);
        self.ready.extend(out.into_iter().map(Ok));
        self.is_done = true;
    }

    fn fail(&mut self, error: ModelError) {
        self.ready.push_back(Err(error));
        self.is_done = true;
    }
}

/// Whether a value has more than so many levels of arrays and objects.
fn nests_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| nests_deeper(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| nests_deeper(field, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_end_mark(frame: &Frame) -> bool {
    frame.data.trim() == "[DONE]"
}

#[cfg(test)]
mod tests;
