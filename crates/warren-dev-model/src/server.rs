//! The HTTP side: the completions route, the list of models, and the controls for tests.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    answer::play,
    facts::Facts,
    script::{Script, Step},
    wire::Protocol,
};

/// Says what a request is for when it does not continue a conversation.
const PURPOSE_HEADER: &str = "X-Warren-Purpose";

/// What the routes and the owner share.
#[derive(Clone)]
pub(crate) struct Shared {
    script: Arc<Script>,
    record: Arc<Mutex<Record>>,
    barriers: Arc<watch::Sender<Barriers>>,
    /// Answers of conversations that are under way.
    open: Arc<watch::Sender<usize>>,
}

/// An answer that is under way, until this is dropped: it has ended, or the client is gone.
pub(crate) struct Open(Arc<watch::Sender<usize>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

#[derive(Default)]
struct Record {
    requests: Vec<Value>,
    /// Requests that say what they are for, such as a title: they come beside the conversation, at any time.
    asides: Vec<Value>,
    /// How often each turn would have matched, for `nth` and `every`.
    matches: HashMap<usize, usize>,
    n_calls: u64,
    /// What answers with a number said.
    answers: BTreeMap<u64, Answer>,
}

/// An answer with a number, as far as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Its text, with the number and without thoughts and calls.
    pub text: String,
    /// Whether it was said to its end.
    pub is_complete: bool,
}

#[derive(Debug, Clone, Default)]
struct Barriers {
    released: BTreeSet<String>,
    waiting: BTreeMap<String, usize>,
}

impl Shared {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            script: Arc::new(script),
            record: Arc::default(),
            barriers: Arc::new(watch::Sender::new(Barriers::default())),
            open: Arc::new(watch::Sender::new(0)),
        }
    }

    pub(crate) fn release(&self, barrier: &str) {
        self.barriers.send_modify(|barriers| {
            barriers.released.insert(barrier.to_owned());
        });
    }

    pub(crate) async fn reached(&self, barrier: &str, deadline: Duration) -> bool {
        let mut barriers = self.barriers.subscribe();
        let reached = barriers.wait_for(|barriers| barriers.waiting.contains_key(barrier));
        tokio::time::timeout(deadline, reached).await.is_ok_and(|seen| seen.is_ok())
    }

    pub(crate) async fn wait_at(&self, barrier: &str) {
        self.barriers.send_modify(|barriers| {
            *barriers.waiting.entry(barrier.to_owned()).or_default() += 1;
        });
        // The sender lives as long as `self`, so the wait ends only by a release.
        let _ = self.barriers.subscribe().wait_for(|barriers| barriers.released.contains(barrier)).await;
    }

    pub(crate) fn open(&self) -> Open {
        self.open.send_modify(|open| *open += 1);
        Open(self.open.clone())
    }

    pub(crate) async fn until_open(&self, number: usize, deadline: Duration) -> bool {
        let mut open = self.open.subscribe();
        let reached = open.wait_for(|open| *open == number);
        tokio::time::timeout(deadline, reached).await.is_ok_and(|seen| seen.is_ok())
    }

    pub(crate) fn take_requests(&self) -> Vec<Value> {
        let mut record = self.record();
        record.asides.clear();
        std::mem::take(&mut record.requests)
    }

    pub(crate) fn requests(&self) -> Vec<Value> {
        self.record().requests.clone()
    }

    /// Numbers tool calls, so that their ids differ within one server.
    pub(crate) fn next_number(&self) -> u64 {
        let mut record = self.record();
        record.n_calls += 1;
        record.n_calls
    }

    /// Numbers an answer.
    pub(crate) fn next_answer(&self) -> u64 {
        let mut record = self.record();
        let serial = record.answers.last_key_value().map_or(1, |(last, _)| last + 1);
        record.answers.insert(serial, Answer::default());
        serial
    }

    /// Changes what is known of an answer with a number.
    pub(crate) fn change_answer(&self, serial: u64, change: impl FnOnce(&mut Answer)) {
        if let Some(answer) = self.record().answers.get_mut(&serial) {
            change(answer);
        }
    }

    pub(crate) fn answer(&self, serial: u64) -> Option<Answer> {
        self.record().answers.get(&serial).cloned()
    }

    pub(crate) fn asides(&self) -> Vec<Value> {
        self.record().asides.clone()
    }

    /// Records the request and finds the steps that answer it. A request with a purpose that the script does not know gets
    /// an empty answer.
    fn answer_for(&self, request: &Value, facts: &Facts, purpose: Option<&str>) -> Option<Vec<Step>> {
        let candidates = self.script.candidates(facts, purpose);
        let mut record = self.record();
        let kept = if purpose.is_some() { &mut record.asides } else { &mut record.requests };
        kept.push(request.clone());
        let found = candidates.into_iter().find_map(|(index, turn)| {
            let count = record.matches.entry(index).or_default();
            *count += 1;
            let fits = turn.when.nth.is_none_or(|nth| nth == *count)
                && turn.when.every.is_none_or(|every| count.is_multiple_of(every));
            fits.then(|| turn.steps.clone())
        });
        found.or_else(|| purpose.map(|_| Vec::new()))
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/responses", post(responses))
        .route("/v1/messages", post(anthropic))
        .route("/v1beta/models/{call}", post(google))
        .route("/v1/models", get(models))
        .route("/control/requests", get(requests))
        .route("/control/barriers", get(barriers))
        .route("/control/barriers/{name}/release", post(release))
        .with_state(shared)
}

async fn chat(state: State<Shared>, headers: HeaderMap, request: Json<Value>) -> Response {
    answer(state.0, Protocol::Chat, &headers, &request.0)
}

async fn responses(state: State<Shared>, headers: HeaderMap, request: Json<Value>) -> Response {
    answer(state.0, Protocol::Responses, &headers, &request.0)
}

async fn anthropic(state: State<Shared>, headers: HeaderMap, request: Json<Value>) -> Response {
    answer(state.0, Protocol::Anthropic, &headers, &request.0)
}

async fn google(state: State<Shared>, headers: HeaderMap, request: Json<Value>) -> Response {
    answer(state.0, Protocol::Google, &headers, &request.0)
}

fn answer(shared: Shared, protocol: Protocol, headers: &HeaderMap, request: &Value) -> Response {
    let purpose = headers.get(PURPOSE_HEADER).and_then(|value| value.to_str().ok());
    let facts = Facts::of(request, protocol);
    let Some(steps) = shared.answer_for(request, &facts, purpose) else {
        return refusal(400, "no turn of the script matches this request");
    };
    if let Some(Step::Fail { status, message, headers }) = steps.first() {
        let mut response = refusal(*status, message);
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                response.headers_mut().insert(name, value);
            }
        }
        return response;
    }
    let open = purpose.is_none().then(|| shared.open());
    let stream = play(&steps, &facts.last_result(), protocol, shared);
    let stream = stream.inspect(move |_| {
        let _ = &open;
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
}

async fn models() -> Json<Value> {
    Json(json!({"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "warren"}]}))
}

async fn requests(State(shared): State<Shared>) -> Json<Vec<Value>> {
    Json(shared.requests())
}

async fn barriers(State(shared): State<Shared>) -> Json<Value> {
    let barriers = shared.barriers.borrow().clone();
    Json(json!({"waiting": barriers.waiting, "released": barriers.released}))
}

async fn release(State(shared): State<Shared>, Path(name): Path<String>) -> StatusCode {
    shared.release(&name);
    StatusCode::NO_CONTENT
}

fn refusal(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({"error": {"message": message, "type": "scripted"}}))).into_response()
}
