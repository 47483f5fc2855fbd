//! Handlers of the process routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body as ResponseBody, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use nix::sys::signal::Signal;
use serde::Deserialize;
use warren_wire::agent_http::{
    OUTPUT_WAIT_SECONDS_MAX, OutputQuery, ProcessList, ProcessOutput, ProcessSignal, SignalProcess,
    StartProcess, StartedProcess, StreamRecord,
};

use super::super::{Body, ChatId, HttpError, Shared};
use super::Process;

#[derive(Deserialize)]
pub(in crate::http) struct StreamQuery {
    #[serde(default)]
    after: u64,
}

pub(in crate::http) async fn start(
    State(shared): State<Shared>,
    ChatId(chat): ChatId,
    Body(request): Body<StartProcess>,
) -> Result<Json<StartedProcess>, HttpError> {
    shared.processes.start(&chat, request).map(Json)
}

pub(in crate::http) async fn list(State(shared): State<Shared>, ChatId(chat): ChatId) -> Json<ProcessList> {
    Json(ProcessList { processes: shared.processes.list(&chat) })
}

/// The output so far, or after the end when asked to wait; a wait that is too long answers with what there is.
pub(in crate::http) async fn output(
    State(shared): State<Shared>,
    ChatId(chat): ChatId,
    Path(id): Path<String>,
    Query(query): Query<OutputQuery>,
) -> Result<Json<ProcessOutput>, HttpError> {
    let process = shared.processes.get(&chat, &id)?;
    if query.wait {
        let mut progress = process.output.progress();
        let ended = progress.wait_for(|progress| progress.ended);
        let longest = Duration::from_secs(OUTPUT_WAIT_SECONDS_MAX);
        let wait = query.wait_ms.map_or(longest, |ms| Duration::from_millis(ms).min(longest));
        drop(tokio::time::timeout(wait, ended).await);
    }
    let exit_code = process.exit_code();
    let (output, truncated) = process.output.summary();
    Ok(Json(ProcessOutput { output, truncated, running: exit_code.is_none(), exit_code }))
}

/// Newline-delimited records until the process ends.
pub(in crate::http) async fn stream(
    State(shared): State<Shared>,
    ChatId(chat): ChatId,
    Path(id): Path<String>,
    Query(query): Query<StreamQuery>,
) -> Result<impl IntoResponse, HttpError> {
    let process = shared.processes.get(&chat, &id)?;
    let progress = process.output.progress();
    let follower = Follower { process, progress, position: query.after, done: false };
    let records = futures::stream::unfold(follower, async |mut follower| {
        let records = follower.next().await?;
        let mut lines = Vec::new();
        for record in records {
            lines.extend(serde_json::to_vec(&record).ok()?);
            lines.push(b'\n');
        }
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(lines)), follower))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], ResponseBody::from_stream(records)))
}

pub(in crate::http) async fn signal(
    State(shared): State<Shared>,
    ChatId(chat): ChatId,
    Path(id): Path<String>,
    Body(request): Body<SignalProcess>,
) -> Result<StatusCode, HttpError> {
    let process = if request.or_never {
        let Some(process) = shared.processes.never(&chat, &id) else { return Ok(StatusCode::NO_CONTENT) };
        process
    } else {
        shared.processes.get(&chat, &id)?
    };
    // What a command leaves behind in the background can be ended after it.
    if process.exit_code().is_some() && !process.has_left_some() {
        return Err(HttpError::new(StatusCode::CONFLICT, "the process has ended already"));
    }
    process.signal(match request.signal {
        ProcessSignal::Kill => Signal::SIGKILL,
        ProcessSignal::Terminate => Signal::SIGTERM,
    });
    Ok(StatusCode::NO_CONTENT)
}

/// A reader that follows one output.
struct Follower {
    process: Arc<Process>,
    progress: tokio::sync::watch::Receiver<super::output::Progress>,
    position: u64,
    done: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Vec<StreamRecord>> {
        while !self.done {
            let ended = self.progress.borrow_and_update().ended;
            let (records, position) = self.process.output.after(self.position);
            if !records.is_empty() {
                self.position = position;
                return Some(records);
            }
            if ended {
                self.done = true;
                let exit_code = self.process.exit_code().unwrap_or(super::EXIT_CODE_SIGNAL);
                return Some(vec![StreamRecord::Exit { exit_code }]);
            }
            self.progress.changed().await.ok()?;
        }
        None
    }
}
