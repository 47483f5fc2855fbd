//! Calls that wait for a user or a client: asking, answering, giving up. What was said is kept in the ledger until the chat
//! goes on.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warren_chat_proto::{Message, OpenCall, Part, open_calls};
use warren_db::{
    ConnectionTrait, DbError,
    entity::chat_tool_calls,
    query::{
        self,
        chat_tool_calls::{Decision as Decided, Key},
    },
};
use warren_vocab::{ChatId, UserId};

use super::{
    command::{Ask, AskReason, ClientResult, Command, Decision},
    writer::Writer,
};
use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
};

const CANCELLED: &str = "The tool call was cancelled before it produced a result.";
const CUT_OFF: &str = "The tool call was cancelled while it was running. What it did until then stays.";
const DENIED: &str = "The user did not allow this tool call.";
const NOT_REPEATED: &str = "The outcome of this tool call is unknown: it was started, and its answer was lost. The user did not want it to run again.";
const NOT_FOUND_OUT: &str = "The outcome of this tool call is unknown: it was started, and its answer was lost. It was not run again.";

/// A call that waits for a user or a client.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingCall {
    /// The revision of the message that committed the call.
    pub history_version: i64,
    pub call_id: String,
    pub tool_name: String,
    pub args: Value,
    pub reason: AskReason,
    /// A sentence for the user.
    pub message: String,
    pub requested_at: DateTime<Utc>,
}

/// What the ledger keeps of a question.
#[derive(Serialize, Deserialize)]
struct Question {
    reason: AskReason,
    #[serde(default)]
    message: String,
}

/// Lists the calls of a chat that wait, in the order of the history.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn pending(connection: &impl ConnectionTrait, chat: ChatId) -> ChatResult<Vec<PendingCall>> {
    let waiting = query::chat_tool_calls::pending(connection, chat).await?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let open = open_in(connection, chat).await?;
    let shown = waiting.into_iter().filter_map(|row| {
        let call = open.iter().find(|call| is_same(&row, call))?;
        Some(pending_call(row, call.args.clone()))
    });
    shown.collect()
}

impl Writer<'_> {
    /// Takes the answers of a user or a client into the ledger. Gives `false` while others are still open.
    pub(super) async fn take_answers(&mut self, command: &Command) -> ChatResult<bool> {
        let Command::CompleteRequiresAction { results, decisions } = command else { return Ok(true) };
        let waiting = query::chat_tool_calls::pending(self.tx, self.id()).await?;
        let answers = answers(&waiting, results, decisions)?;
        let n_answers = answers.len();
        for (row, decided) in answers {
            query::chat_tool_calls::decide(self.tx, &key(row), decided, self.now).await?;
        }
        if n_answers < waiting.len() {
            return Ok(false);
        }
        self.results = self.results_of_open_calls().await?;
        Ok(true)
    }

    /// Writes down who is asked about which open call.
    pub(super) async fn ask(&mut self, command: &Command) -> ChatResult<()> {
        let Command::EnterRequiresAction { asks, .. } = command else { return Ok(()) };
        for call in open_in(self.tx, self.id()).await? {
            let history_version = call.committed_at;
            let asked = |ask: &&Ask| ask.history_version == history_version && ask.call_id == call.call_id;
            let (reason, message) = asks
                .iter()
                .find(asked)
                .map_or_else(|| (AskReason::Client, String::new()), |ask| (ask.reason, ask.message.clone()));
            let state = match reason {
                AskReason::Client | AskReason::Rule => "asked",
                AskReason::OutcomeUnknown => "unknown",
            };
            let key = Key { chat: self.id(), history_version, call_id: call.call_id };
            let question = rows::stored(&Question { reason, message });
            query::chat_tool_calls::ask(self.tx, &key, state, question, self.now).await?;
        }
        Ok(())
    }

    /// Gives a result for every open call that nobody waits for any more, and ends it in the ledger. When time is over, what
    /// was approved still runs, and a user's time is not that of a client.
    pub(super) async fn cancelled_results(&mut self, command: &Command) -> ChatResult<Vec<Part>> {
        let (why, is_late) = match command {
            Command::CancelRequiresAction { why } => (why.as_str(), true),
            _ => (CANCELLED, false),
        };
        let open = self.open_with_ledger().await?;
        let client_is_late = open.iter().filter_map(|(_, row)| row.as_ref()).any(waits_for_client);
        let mut results = Vec::new();
        for (call, row) in open {
            let goes_on = |row: &chat_tool_calls::Model| {
                row.state == "approved" || (client_is_late && waits(row) && !waits_for_client(row))
            };
            if is_late && row.as_ref().is_some_and(goes_on) {
                continue;
            }
            let known = row.as_ref().and_then(known_result);
            let (result, is_error) = known.unwrap_or_else(|| (ended_early(row.as_ref(), why), true));
            if let Some(row) = row.as_ref().filter(|_| is_late) {
                query::chat_tool_calls::close(self.tx, &key(row), rows::stored(&result), self.now).await?;
            }
            results.push(Part::tool_result(&call.call_id, &call.tool_name, result, is_error));
        }
        if !is_late && !results.is_empty() {
            self.close_ledger().await?;
        }
        Ok(results)
    }

    /// Ends the calls in the ledger that have not started.
    pub(super) async fn close_ledger(&self) -> ChatResult<()> {
        for row in query::chat_tool_calls::unstarted(self.tx, self.id()).await? {
            let result = ended_early(Some(&row), CANCELLED);
            query::chat_tool_calls::close(self.tx, &key(&row), result, self.now).await?;
        }
        Ok(())
    }

    async fn results_of_open_calls(&self) -> ChatResult<Vec<Part>> {
        let open = self.open_with_ledger().await?;
        let with_result = open.into_iter().filter_map(|(call, row)| {
            let (result, is_error) = known_result(&row?)?;
            Some(Part::tool_result(&call.call_id, &call.tool_name, result, is_error))
        });
        Ok(with_result.collect())
    }

    async fn open_with_ledger(&self) -> ChatResult<Vec<(OpenCall, Option<chat_tool_calls::Model>)>> {
        let open = open_in(self.tx, self.id()).await?;
        let mut ledger = Vec::new();
        for revision in open.iter().map(|call| call.committed_at).collect::<BTreeSet<_>>() {
            ledger.extend(query::chat_tool_calls::list(self.tx, self.id(), revision).await?);
        }
        let with_row = open.into_iter().map(|call| {
            let row = ledger.iter().find(|row| is_same(row, &call)).cloned();
            (call, row)
        });
        Ok(with_row.collect())
    }
}

/// The open calls of a chat.
async fn open_in(connection: &impl ConnectionTrait, chat: ChatId) -> ChatResult<Vec<OpenCall>> {
    let turn = query::chat_messages::of_turn(connection, chat).await?;
    let turn: Vec<Message> = turn.into_iter().map(rows::message).collect::<ChatResult<_>>()?;
    Ok(open_calls(&turn))
}

/// Matches answers with the calls that wait.
fn answers<'a>(
    waiting: &'a [chat_tool_calls::Model],
    results: &[ClientResult],
    decisions: &[Decision],
) -> ChatResult<Vec<(&'a chat_tool_calls::Model, Decided)>> {
    let (of_client, of_user): (Vec<_>, Vec<_>) =
        waiting.iter().partition(|row| question(row).reason == AskReason::Client);
    let mut answers = Vec::new();
    let mut seen = BTreeSet::new();
    for result in results {
        let row = of_client.iter().find(|row| row.call_id == result.call_id);
        let (Some(row), true) = (row, seen.insert(&result.call_id)) else {
            return Err(unexpected("results", &result.call_id));
        };
        answers.push((*row, client_answer(result)));
    }
    if !results.is_empty()
        && let Some(missing) = of_client.iter().find(|row| !seen.contains(&row.call_id))
    {
        let message = format!("The result of the tool call {:?} is missing.", missing.call_id);
        return Err(ChatServiceError::invalid("results", message));
    }
    for decision in decisions {
        let row = of_user.iter().find(|row| row.call_id == decision.call_id);
        let (Some(row), true) = (row, seen.insert(&decision.call_id)) else {
            return Err(unexpected("decisions", &decision.call_id));
        };
        answers.push((*row, user_answer(question(row).reason, decision)));
    }
    Ok(answers)
}

fn unexpected(field: &'static str, call_id: &str) -> ChatServiceError {
    ChatServiceError::invalid(
        field,
        format!("The tool call {call_id:?} does not wait for this answer, or is named twice."),
    )
}

fn client_answer(result: &ClientResult) -> Decided {
    let mut output = result.output.clone();
    rows::escape_nul(&mut output);
    Decided {
        state: "finished",
        decided_by: None,
        note: None,
        result: Some((output, result.is_error)),
        is_new_run: false,
    }
}

fn user_answer(reason: AskReason, decision: &Decision) -> Decided {
    let is_unknown = reason == AskReason::OutcomeUnknown;
    let denial = || {
        let mut result = if is_unknown {
            json!({ "error": NOT_REPEATED, "error_code": "not_repeated", "outcome": "unknown" })
        } else {
            json!({ "error": DENIED, "error_code": "denied_by_user" })
        };
        if let Some(note) = &decision.note {
            result["note"] = json!(note);
        }
        rows::escape_nul(&mut result);
        (result, true)
    };
    Decided {
        state: if decision.approve { "approved" } else { "denied" },
        decided_by: Some(UserId::as_uuid(decision.decided_by)),
        note: decision.note.clone(),
        result: (!decision.approve).then(denial),
        is_new_run: decision.approve && is_unknown,
    }
}

/// The result of a call that has ended, if the ledger has it.
fn known_result(row: &chat_tool_calls::Model) -> Option<(Value, bool)> {
    let has_ended = matches!(row.state.as_str(), "finished" | "denied");
    let mut result = row.result.clone().filter(|_| has_ended)?;
    rows::unescape_nul(&mut result);
    Some((result, row.is_error))
}

/// The result of a call that has none and will have none. What may have run is not called something that did not.
fn ended_early(row: Option<&chat_tool_calls::Model>, why: &str) -> Value {
    match row {
        Some(row) if row.state == "started" => json!({ "error": CUT_OFF, "outcome": "unknown" }),
        Some(row) if row.state == "unknown" || row.run > 1 => {
            json!({ "error": NOT_FOUND_OUT, "outcome": "unknown" })
        }
        Some(_) | None => json!({ "error": why }),
    }
}

fn pending_call(row: chat_tool_calls::Model, args: Value) -> ChatResult<PendingCall> {
    let Question { reason, message } = question(&row);
    let requested_at = row.asked_at.ok_or(DbError::Corrupt { what: "time of a question" })?;
    Ok(PendingCall {
        history_version: row.history_version,
        call_id: row.call_id,
        tool_name: row.tool_name,
        args,
        reason,
        message,
        requested_at,
    })
}

/// A row without a question is one of the client's.
fn question(row: &chat_tool_calls::Model) -> Question {
    let kept = row.ask.clone().and_then(|ask| rows::parse("question", ask).ok());
    kept.unwrap_or(Question { reason: AskReason::Client, message: String::new() })
}

fn waits(row: &chat_tool_calls::Model) -> bool {
    matches!(row.state.as_str(), "asked" | "unknown")
}

fn waits_for_client(row: &chat_tool_calls::Model) -> bool {
    waits(row) && question(row).reason == AskReason::Client
}

fn is_same(row: &chat_tool_calls::Model, call: &OpenCall) -> bool {
    row.history_version == call.committed_at && row.call_id == call.call_id
}

fn key(row: &chat_tool_calls::Model) -> Key {
    Key {
        chat: ChatId::from_uuid(row.chat_id),
        history_version: row.history_version,
        call_id: row.call_id.clone(),
    }
}
