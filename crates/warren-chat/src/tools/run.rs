//! Runs the tool calls of one answer under the ledger: what a call does is started at most once unless a user says so.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures::{FutureExt, future::join_all};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use warren_chat_proto::{
    ChatState, Episode, Fence, OpenCall, Part,
    approval::{Places, Rules},
    check_fence,
};
use warren_db::{
    DbError, Guard, Tx,
    entity::{chat_tool_calls, chats},
    query::{self, chat_tool_calls::Key},
};
use warren_vocab::{BuildId, ChatId, ChatStatus, MessageRole, OrganizationId, UserId, WorkspaceId};

use super::{
    Binding, ToolContext, ToolError, ToolOutcome, ToolOutput,
    approvals::{self, Ruling},
    call::{self, Repeat, Tool},
    cap, dynamic,
};
use crate::{
    crash_points::{self, Moment},
    error::{ChatResult, ChatServiceError},
    metrics::ModelLabels,
    models::ReadyModel,
    parts::EpisodeWriter,
    rows,
    service::Shared,
    store::{Ask, AskReason, fence},
};

/// Calls of one answer that run at a time.
const AT_A_TIME: usize = 16;
/// How often a workspace is noted to be in use while tools run.
const USE_INTERVAL: Duration = Duration::from_secs(60);

/// How long the workspace may take to say where paths lead.
const PLACES_TIME: Duration = Duration::from_secs(60);
const NO_PLACES: &str =
    "The workspace did not say in time where the paths of this call lead, so it was not run.";
const NO_INTENT: &str = "The server has no record of this tool call, so it was not run. Ask for it again.";
const PANICKED: &str = "The server failed while it ran this tool. What it did until then stays.";
const CUT_OFF: &str = "The server that sent this signal ended before it was told whether it arrived, and a signal is not sent \
     twice. See with process_list what became of the process, and send it again if it goes on.";

/// What running the calls of an answer gave.
#[derive(Debug, Default)]
pub(crate) struct ToolStep {
    /// Results in the order of the calls; those that wait for somebody have none.
    pub(crate) results: Vec<Part>,
    /// Calls that cannot go on without a user or the client, in the order of the calls.
    pub(crate) pending: Vec<Ask>,
}

/// Runs all calls that may run, at once, and shows their output on the way. `state` is the one after the attempt was
/// recorded. Nothing of the chat is committed here: that is for the caller, results first, then what is pending.
///
/// # Errors
/// Stale when the chat has moved on; otherwise only on errors of the database. What a tool does wrong is a result.
pub(crate) async fn run_step(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    model: Option<&ReadyModel>,
    calls: &[OpenCall],
) -> ChatResult<ToolStep> {
    let runner = Runner::new(shared, chat, state, model, calls).await?;
    let (done, finished) = watch::channel(BTreeSet::new());
    let places = Semaphore::new(AT_A_TIME);
    let running = calls.iter().enumerate().map(async |(place, call)| {
        runner.wait_for_turn(calls, place, finished.clone()).await;
        // Nobody waits for another call with a place in hand, and the semaphore is never closed.
        let occupied = places.acquire().await;
        let settled = runner.settle(call).await;
        drop(occupied);
        done.send_modify(|done| {
            done.insert(place);
        });
        let settled = settled?;
        if let Settled::Result(part) = &settled {
            runner.episode.push(MessageRole::Tool, part.clone()).await;
        }
        Ok::<_, ChatServiceError>(settled)
    });
    let settled = tokio::select! {
        settled = join_all(running) => settled,
        () = runner.note_use() => unreachable!("it does not end"),
    };
    runner.episode.flush().await;
    let mut step = ToolStep::default();
    for settled in settled {
        match settled? {
            Settled::Result(part) => step.results.push(part),
            Settled::Pending(ask) => step.pending.push(ask),
        }
    }
    Ok(step)
}

/// What became of a call.
enum Settled {
    Result(Part),
    Pending(Ask),
}

struct Runner<'a> {
    shared: &'a Shared,
    chat: &'a chats::Model,
    fence: Fence,
    episode: EpisodeWriter,
    binding: Binding,
    ledger: Vec<chat_tool_calls::Model>,
    dynamic: BTreeSet<String>,
    rules: Rules,
    result_bytes_max: usize,
    /// Whose call it is, for the metrics.
    labels: ModelLabels,
    now: DateTime<Utc>,
    started: Instant,
}

impl<'a> Runner<'a> {
    async fn new(
        shared: &'a Shared,
        chat: &'a chats::Model,
        state: &ChatState,
        model: Option<&ReadyModel>,
        calls: &[OpenCall],
    ) -> ChatResult<Self> {
        let (id, reader) = (ChatId::from_uuid(chat.id), shared.db.reader());
        let ids = calls.iter().map(|call| call.call_id.clone()).collect();
        let ledger = query::chat_tool_calls::newest(reader, id, ids).await?;
        // An earlier call may have bound a workspace since the row was read.
        let row = query::chats::by_id(reader, id).await?.ok_or(ChatServiceError::NotFound)?;
        let episode = Episode { history_version: state.versions.history, attempt: state.versions.attempt };
        let fence = fence(state, ChatStatus::Running, Some(state.versions.attempt))?;
        Ok(Self {
            shared,
            chat,
            fence,
            episode: shared.parts.open(id, fence.lease, episode),
            binding: Binding::new(row.workspace_id.map(WorkspaceId::from_uuid)),
            ledger,
            dynamic: dynamic::of_chat(chat).into_iter().map(|tool| tool.name).collect(),
            rules: approvals::load(shared, chat).await?,
            result_bytes_max: cap::bytes_max(model.map(|model| model.context_limit)),
            labels: model.map_or_else(ModelLabels::none, ModelLabels::of),
            now: query::clock::now(reader).await?,
            started: Instant::now(),
        })
    }

    /// Calls that need a workspace wait for those before them that make, start or stop it.
    async fn wait_for_turn(
        &self,
        calls: &[OpenCall],
        place: usize,
        mut finished: watch::Receiver<BTreeSet<usize>>,
    ) {
        let before = (0..place).filter(|earlier| call::is_lifecycle(&calls[*earlier].tool_name));
        let before: BTreeSet<_> = before.collect();
        // The sender lives as long as this waits.
        drop(finished.wait_for(|done| done.is_superset(&before)).await);
    }

    async fn settle(&self, call: &OpenCall) -> ChatResult<Settled> {
        let Some(entry) = self.ledger.iter().find(|entry| entry.call_id == call.call_id) else {
            return Ok(self.result(call, json!({ "error": NO_INTENT }), true));
        };
        match entry.state.as_str() {
            "finished" | "denied" => {
                let result = rows::parse("tool result", entry.result.clone().unwrap_or_default())?;
                Ok(settled(call, result, entry.is_error))
            }
            "asked" | "unknown" => Ok(Settled::Pending(again(entry))),
            "intent" if self.dynamic.contains(&call.tool_name) => {
                Ok(Settled::Pending(ask(entry, AskReason::Client, String::new())))
            }
            "intent" => match self.ruling(call, entry).await {
                Ok(Ruling::Allow) => self.start(call, entry).await,
                Ok(Ruling::Ask(message)) => Ok(Settled::Pending(ask(entry, AskReason::Rule, message))),
                Ok(Ruling::Deny(why)) => {
                    let error = ToolError::new(why).code("denied_by_rule");
                    Ok(self.result(call, error.into_result(), true))
                }
                Err(error) => Ok(self.result(call, error.into_result(), true)),
            },
            "approved" => self.start(call, entry).await,
            "started" => self.resume(call, entry).await,
            _ => Err(DbError::Corrupt { what: "state of a tool call" }.into()),
        }
    }

    /// What the rules say about a call. Where its paths lead is asked before: a call whose paths nobody can look up would
    /// fail anyway.
    async fn ruling(&self, call: &OpenCall, entry: &chat_tool_calls::Model) -> Result<Ruling, ToolError> {
        let paths: Vec<_> = self.rules.paths(&call.tool_name, &call.args).into_iter().collect();
        let places = if paths.is_empty() {
            Places::default()
        } else {
            let context = self.context(entry);
            let finding = tokio::time::timeout(PLACES_TIME, self.shared.tools.places(&context, paths));
            finding.await.unwrap_or_else(|_| Err(ToolError::new(NO_PLACES).code("timeout")))?
        };
        Ok(approvals::decide(&self.rules, &call.tool_name, &call.args, &places))
    }

    /// Runs a call that has not been started in this run.
    async fn start(&self, call: &OpenCall, entry: &chat_tool_calls::Model) -> ChatResult<Settled> {
        let tool = match Tool::parse(&call.tool_name, &call.args) {
            Ok(tool) => tool,
            Err(error) => return Ok(self.result(call, error.into_result(), true)),
        };
        let mut context = self.context(entry);
        // What an interrupt or a later life must look for, wherever the chat works by then.
        let intent = json!({
            "workspace_id": context.new_workspace,
            "build_id": context.new_build,
            "bound_id": context.binding.get(),
        });
        if !self.write_start(entry, intent).await? {
            // Only this worker can have started it since the ledger was read, and it has not.
            return Err(DbError::Corrupt { what: "state of a tool call" }.into());
        }
        let started = Instant::now();
        let outcome = self.run(call, &context, tool.clone()).await;
        let outcome = match (outcome, tool.repeat()) {
            (ToolOutcome::Unknown(_), Repeat::AskByKey) => {
                context.age = started.elapsed();
                self.find(call, &context, tool).await
            }
            (outcome, _) => outcome,
        };
        self.conclude(call, entry, outcome).await
    }

    /// Takes up a call that an earlier life of a server has started.
    async fn resume(&self, call: &OpenCall, entry: &chat_tool_calls::Model) -> ChatResult<Settled> {
        let tool = match Tool::parse(&call.tool_name, &call.args) {
            Ok(tool) => tool,
            Err(error) => return Ok(self.result(call, error.into_result(), true)),
        };
        let context = self.context(entry);
        let outcome = match tool.repeat() {
            Repeat::Harmless => self.run(call, &context, tool).await,
            Repeat::AskByKey => self.find(call, &context, tool).await,
            Repeat::Never => Err(ToolError::new(CUT_OFF).code("outcome_unknown")).into(),
        };
        self.conclude(call, entry, outcome).await
    }

    /// Keeps the result, or asks the user when nobody knows it.
    async fn conclude(
        &self,
        call: &OpenCall,
        entry: &chat_tool_calls::Model,
        outcome: ToolOutcome,
    ) -> ChatResult<Settled> {
        let (result, is_error) = match outcome {
            ToolOutcome::Result(Ok(value)) => (value, false),
            ToolOutcome::Result(Err(error)) => (error.into_result(), true),
            ToolOutcome::Unknown(why) => {
                return Ok(Settled::Pending(ask(entry, AskReason::OutcomeUnknown, why)));
            }
        };
        self.finish(call, entry, result, is_error).await
    }

    async fn run(&self, call: &OpenCall, context: &ToolContext, tool: Tool) -> ToolOutcome {
        if let Tool::AskUserQuestion(asked) = tool {
            let checked = call::check_questions(&asked);
            return checked.map(|()| json!({ "questions": asked.questions })).into();
        }
        let (deadline, repeat, output) = (tool.deadline(), tool.repeat(), self.output(call));
        let running = AssertUnwindSafe(self.shared.tools.run(context, tool, &output)).catch_unwind();
        match (tokio::time::timeout(deadline, running).await, repeat) {
            (Ok(Ok(outcome)), _) => outcome,
            (Ok(Err(_)), _) => Err(ToolError::new(PANICKED).code("internal")).into(),
            (Err(_), Repeat::AskByKey) => ToolOutcome::Unknown(no_answer(deadline)),
            (Err(_), Repeat::Harmless | Repeat::Never) => {
                let text = format!("The tool did not finish within {} s.", deadline.as_secs());
                Err(ToolError::new(text).code("timeout")).into()
            }
        }
    }

    /// Asks whoever carried a call out what became of it.
    async fn find(&self, call: &OpenCall, context: &ToolContext, tool: Tool) -> ToolOutcome {
        let (deadline, output) = (tool.deadline(), self.output(call));
        let finding = AssertUnwindSafe(self.shared.tools.resume(context, tool, &output)).catch_unwind();
        match tokio::time::timeout(deadline, finding).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => ToolOutcome::Unknown(PANICKED.into()),
            Err(_) => ToolOutcome::Unknown(no_answer(deadline)),
        }
    }

    async fn write_start(&self, entry: &chat_tool_calls::Model, intent: Value) -> ChatResult<bool> {
        let (key, fence) = (key(entry), self.fence);
        let write = async |tx: &Tx| {
            let row = query::chats::by_id(tx, key.chat).await?.ok_or(ChatServiceError::NotFound)?;
            check_fence(&rows::state(&row, 0)?, &fence)?;
            let now = query::clock::now(tx).await?;
            let started = query::chat_tool_calls::start(tx, &key, fence.lease, Some(intent), now).await?;
            crash_points::reach(Moment::BeforeCommit, "tool_start");
            Ok(started)
        };
        let started = self.shared.db.write_guarded(Guard::chat(key.chat), write).await;
        crash_points::reach(Moment::AfterCommit, "tool_start");
        started
    }

    /// Writes the result down before anybody sees it.
    async fn finish(
        &self,
        call: &OpenCall,
        entry: &chat_tool_calls::Model,
        mut result: Value,
        is_error: bool,
    ) -> ChatResult<Settled> {
        cap::clean_value(&mut result);
        if cap::cap(&mut result, self.result_bytes_max) {
            self.shared.metrics.tool_result_cut(&self.labels, &call.tool_name);
            tracing::info!(chat.id = %self.chat.id, tool = call.tool_name, "the result of a tool was cut");
        }
        let (key, lease, kept) = (key(entry), self.fence.lease, rows::stored(&result));
        let write = async |tx: &Tx| {
            let now = query::clock::now(tx).await?;
            let is_kept = query::chat_tool_calls::finish(tx, &key, lease, kept, is_error, now).await?;
            crash_points::reach(Moment::BeforeCommit, "tool_finish");
            Ok::<_, DbError>(is_kept)
        };
        if !self.shared.db.write_guarded(Guard::chat(key.chat), write).await? {
            return Err(warren_chat_proto::Stale::Lease.into());
        }
        crash_points::reach(Moment::AfterCommit, "tool_finish");
        Ok(self.result(call, result, is_error))
    }

    /// A result that nobody has counted yet.
    fn result(&self, call: &OpenCall, result: Value, is_error: bool) -> Settled {
        let n_bytes = cap::size(&result);
        self.shared.metrics.tool_result(&self.labels, &call.tool_name, n_bytes, is_error);
        settled(call, result, is_error)
    }

    fn output(&self, call: &OpenCall) -> ToolOutput {
        let owner = (ChatId::from_uuid(self.chat.id), self.fence.lease);
        ToolOutput::new(self.shared.db.clone(), owner, self.binding.clone(), self.episode.clone(), call)
    }

    fn context(&self, entry: &chat_tool_calls::Model) -> ToolContext {
        let age = entry.started_at.and_then(|at| (self.now - at).to_std().ok());
        let mut context = context(self.chat, entry, self.binding.clone());
        context.age = age.map_or(Duration::ZERO, |age| age + self.started.elapsed());
        context
    }

    /// Keeps the workspace from being stopped for lack of use.
    async fn note_use(&self) {
        let owner = UserId::from_uuid(self.chat.owner_id);
        let mut interval = tokio::time::interval(USE_INTERVAL);
        loop {
            interval.tick().await;
            if let Some(workspace) = self.binding.get() {
                self.shared.tools.note_use(owner, workspace).await;
            }
        }
    }
}

/// The context of a call, as it was when it was started.
pub(super) fn context(chat: &chats::Model, entry: &chat_tool_calls::Model, binding: Binding) -> ToolContext {
    let named = |field: &str| entry.intent.as_ref()?[field].as_str();
    let workspace = |field: &str| -> Option<WorkspaceId> { named(field)?.parse().ok() };
    let build = named("build_id").and_then(|id| id.parse().ok());
    let bound = workspace("bound_id").filter(|_| entry.state == "started");
    ToolContext {
        chat: ChatId::from_uuid(chat.id),
        owner: UserId::from_uuid(chat.owner_id),
        organization: OrganizationId::from_uuid(chat.organization_id),
        binding: bound.map_or(binding, |bound| Binding::new(Some(bound))),
        key: format!("{}-{}-{}-{}", chat.id, entry.history_version, entry.ordinal, entry.run),
        new_workspace: workspace("workspace_id").unwrap_or_else(WorkspaceId::new),
        new_build: build.unwrap_or_else(BuildId::new),
        age: Duration::ZERO,
    }
}

pub(super) fn key(entry: &chat_tool_calls::Model) -> Key {
    Key {
        chat: ChatId::from_uuid(entry.chat_id),
        history_version: entry.history_version,
        call_id: entry.call_id.clone(),
    }
}

fn settled(call: &OpenCall, result: Value, is_error: bool) -> Settled {
    Settled::Result(Part::tool_result(&call.call_id, &call.tool_name, result, is_error))
}

fn ask(entry: &chat_tool_calls::Model, reason: AskReason, message: String) -> Ask {
    Ask { history_version: entry.history_version, call_id: entry.call_id.clone(), reason, message }
}

/// A question that was asked before and has no answer.
fn again(entry: &chat_tool_calls::Model) -> Ask {
    let asked = entry.ask.clone().unwrap_or_default();
    let reason = serde_json::from_value(asked["reason"].clone()).unwrap_or(AskReason::Client);
    ask(entry, reason, asked["message"].as_str().unwrap_or_default().to_owned())
}

fn no_answer(deadline: Duration) -> String {
    format!("The workspace did not answer within {} s.", deadline.as_secs())
}
