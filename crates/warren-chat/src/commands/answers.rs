//! Answers to a chat that waits: approvals of tool calls, results of the client's tools; and the repair of a chat.

use chrono::{DateTime, Utc};
use serde_json::Value;
use warren_audit::{Entry, record};
use warren_authz::{Action, Subject};
use warren_chat_proto::{
    approval::{Rule, Verdict},
    nests_deeper,
};
use warren_db::{Tx, entity::chats, query};
use warren_vocab::ChatId;

use crate::{
    crash_points::{self, Moment},
    error::{ChatResult, ChatServiceError},
    rows,
    service::{Caller, ChatService},
    store::{self, AskReason, ClientResult, Command, Decision, PendingCall},
};

/// The most rules that a chat remembers.
const RULES_MAX: usize = 200;
const NOTE_CHARS_MAX: usize = 2000;
/// Levels of a result; a message that holds deeper ones could not be read again.
const OUTPUT_DEPTH_MAX: usize = 64;

/// A tool call that waits for the owner's approval.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    pub call: PendingCall,
    /// After this time the call is refused.
    pub expires_at: DateTime<Utc>,
}

/// What the owner says about a tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub call_id: String,
    pub approve: bool,
    pub note: Option<String>,
    /// Answers the same call of the same tool alike, later in this chat.
    pub remember: bool,
}

impl ChatService {
    /// Lists the calls that wait for the owner's approval.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such chat.
    pub async fn approvals(&self, subject: &Subject, id: ChatId) -> ChatResult<Vec<Approval>> {
        let chat = self.find(subject, Action::Read, id).await?;
        let Some(expires_at) = chat.requires_action_deadline_at else { return Ok(Vec::new()) };
        let pending = store::pending(self.db().reader(), id).await?;
        let asked = pending.into_iter().filter(|call| call.reason != AskReason::Client);
        Ok(asked.map(|call| Approval { call, expires_at }).collect())
    }

    /// Answers calls that wait for approval. The chat goes on when nothing waits any more.
    ///
    /// # Errors
    /// Invalid for a call that does not wait, a conflict when the chat waits for nothing.
    pub async fn answer(&self, caller: Caller<'_>, id: ChatId, answers: Vec<Answer>) -> ChatResult<()> {
        self.find_to_run(caller.subject, id).await?;
        if answers.is_empty() {
            return Err(ChatServiceError::invalid("decisions", "Decide about at least one tool call."));
        }
        let is_long =
            |answer: &Answer| answer.note.as_ref().is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX);
        if answers.iter().any(is_long) {
            let message = format!("A note must have at most {NOTE_CHARS_MAX} characters.");
            return Err(ChatServiceError::invalid("decisions", message));
        }
        let decided_by = caller.subject.user;
        let written = self.db().write(async |tx: &Tx| {
            let old = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
            remember(tx, &old, &answers).await?;
            let decisions = answers.into_iter().map(|answer| Decision {
                call_id: answer.call_id,
                approve: answer.approve,
                note: answer.note.filter(|note| !note.trim().is_empty()),
                decided_by,
            });
            let command =
                Command::CompleteRequiresAction { results: Vec::new(), decisions: decisions.collect() };
            let new = store::transition(tx, id, None, command).await?.chat;
            Ok::<_, ChatServiceError>(record(tx, caller, Entry::write(&old, &new)).await?)
        });
        written.await?;
        crash_points::reach(Moment::AfterCommit, "complete_requires_action");
        Ok(())
    }

    /// Takes the results of the client's tools, all that wait at once.
    ///
    /// # Errors
    /// Invalid when a result is missing, named twice or not asked for; a conflict when the chat waits for none.
    pub async fn take_results(
        &self,
        subject: &Subject,
        id: ChatId,
        results: Vec<ClientResult>,
    ) -> ChatResult<()> {
        self.find_to_run(subject, id).await?;
        if results.is_empty() {
            let message = "Give a result for every tool call that waits.";
            return Err(ChatServiceError::invalid("results", message));
        }
        if results.iter().any(|result| nests_deeper(&result.output, OUTPUT_DEPTH_MAX)) {
            let message =
                format!("An output must have at most {OUTPUT_DEPTH_MAX} levels of arrays and objects.");
            return Err(ChatServiceError::invalid("results", message));
        }
        self.apply(id, Command::CompleteRequiresAction { results, decisions: Vec::new() }).await?;
        Ok(())
    }

    /// Repairs a chat that is in a state that should not occur.
    ///
    /// # Errors
    /// A conflict when its state is a valid one.
    pub async fn reconcile(&self, subject: &Subject, id: ChatId) -> ChatResult<chats::Model> {
        self.find(subject, Action::Update, id).await?;
        Ok(self.apply(id, Command::Reconcile).await?.chat)
    }
}

/// Keeps what the owner wants to be remembered as rules of the chat; the newest counts first.
async fn remember(tx: &Tx, chat: &chats::Model, answers: &[Answer]) -> ChatResult<()> {
    if !answers.iter().any(|answer| answer.remember) {
        return Ok(());
    }
    let id = ChatId::from_uuid(chat.id);
    let pending = store::pending(tx, id).await?;
    let mut rules = Vec::new();
    for answer in answers.iter().filter(|answer| answer.remember) {
        let call = pending.iter().find(|call| call.call_id == answer.call_id);
        // The transition refuses an answer to a call that does not wait.
        rules.extend(call.into_iter().flat_map(|call| rules_for(call, answer.approve)));
    }
    let known: Option<Vec<Rule>> =
        chat.approval_rules.clone().and_then(|rules| rows::parse("approval rules", rules).ok());
    for rule in known.unwrap_or_default() {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules.truncate(RULES_MAX);
    Ok(query::chats::set_approval_rules(tx, id, rows::stored(&rules)).await?)
}

/// Rules for this very command or these very files; for the tool where a call names neither.
fn rules_for(call: &PendingCall, approve: bool) -> Vec<Rule> {
    let action = if approve { Verdict::Allow } else { Verdict::Deny };
    let rule = |path: Option<&str>, command: Option<&str>| Rule {
        tool: literal(&call.tool_name),
        path: path.map(literal),
        command: command.map(|command| literal(command.trim())),
        action,
    };
    if let Some(command) = call.args["command"].as_str() {
        return vec![rule(None, Some(command))];
    }
    let path = |value: &Value| value["path"].as_str().map(str::to_owned);
    let files = call.args["files"].as_array().into_iter().flatten();
    let paths: Vec<_> = path(&call.args).into_iter().chain(files.filter_map(path)).collect();
    if paths.is_empty() {
        vec![rule(None, None)]
    } else {
        paths.iter().map(|path| rule(Some(path), None)).collect()
    }
}

/// A pattern that fits this text and no other.
fn literal(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if ['*', '?', '[', ']', '{', '}', '\\'].contains(&c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use warren_chat_proto::approval::decide;

    use super::*;

    fn call(tool: &str, args: Value) -> PendingCall {
        PendingCall {
            history_version: 1,
            call_id: "c".into(),
            tool_name: tool.into(),
            args,
            reason: AskReason::Rule,
            message: String::new(),
            requested_at: Utc::now(),
        }
    }

    #[test]
    fn what_is_remembered_fits_the_same_call_and_no_other() {
        for command in ["rm -rf *", r"grep 'a\.b' {x,y} [z]?", "  ls  "] {
            let rules = rules_for(&call("execute", json!({ "command": command })), false);
            let of = |command: &str| decide(&rules, "execute", &json!({ "command": command }));
            assert_eq!(of(command), Verdict::Deny, "{command}");
            assert_eq!(of(&format!("{command}; echo")), Verdict::Deny, "a refused command joined: {command}");
            assert_eq!(of(&format!("echo {command}")), Verdict::Allow, "{command}");
        }
        let edit = json!({ "files": [{ "path": "/a" }, { "path": "/b*" }] });
        let rules = rules_for(&call("edit_files", edit), false);
        assert_eq!(rules.len(), 2);
        assert_eq!(decide(&rules, "edit_files", &json!({ "path": "/b*" })), Verdict::Deny);
        assert_eq!(decide(&rules, "edit_files", &json!({ "path": "/bc" })), Verdict::Allow);
        let rules = rules_for(&call("stop_workspace", json!({})), false);
        assert_eq!(decide(&rules, "stop_workspace", &json!({})), Verdict::Deny);
        assert_eq!(decide(&rules, "start_workspace", &json!({})), Verdict::Allow);
    }
}
