//! Answers to a chat that waits: approvals of tool calls, results of the client's tools; and the repair of a chat.

use chrono::{DateTime, Utc};
use serde_json::Value;
use warren_audit::{Entry, record};
use warren_authz::{Action, Subject};
use warren_chat_proto::{
    approval::{self, Rule, Verdict, literal},
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
/// The most that a rule keeps of the arguments of a call.
const ARGS_BYTES_MAX: usize = 4096;

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

    /// Lists the rules that the owner has asked to be remembered, the newest first.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such chat.
    pub async fn remembered_rules(&self, subject: &Subject, id: ChatId) -> ChatResult<Vec<Rule>> {
        Ok(remembered(&self.find(subject, Action::Read, id).await?))
    }

    /// Forgets the rules that were remembered, so that the user is asked again.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such chat.
    pub async fn forget_rules(&self, caller: Caller<'_>, id: ChatId) -> ChatResult<()> {
        self.find_own(caller.subject, id).await?;
        let written = self.db().write(async |tx: &Tx| {
            let old = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
            query::chats::set_approval_rules(tx, id, Value::Array(Vec::new())).await?;
            let new = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
            Ok::<_, ChatServiceError>(record(tx, caller, Entry::write(&old, &new)).await?)
        });
        written.await
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

/// Reads what a chat remembers; what cannot be read is gone.
fn remembered(chat: &chats::Model) -> Vec<Rule> {
    let rules = chat.approval_rules.clone().and_then(|rules| rows::parse("approval rules", rules).ok());
    rules.unwrap_or_default()
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
        // The transition refuses an answer to a call that does not wait. That a call may run a second time after a crash
        // says nothing about later ones.
        let call = call.filter(|call| call.reason == AskReason::Rule);
        rules.extend(call.into_iter().flat_map(|call| rules_for(call, answer.approve)));
    }
    for rule in remembered(chat) {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules.truncate(RULES_MAX);
    Ok(query::chats::set_approval_rules(tx, id, rows::stored(&rules)).await?)
}

/// Rules for this very command in this directory, for these very files, or for a call with these very arguments. A refused
/// command is refused in every directory.
fn rules_for(call: &PendingCall, approve: bool) -> Vec<Rule> {
    let action = if approve { Verdict::Allow } else { Verdict::Deny };
    let rule = Rule::of(literal(&call.tool_name), action);
    if let Some(command) = call.args["command"].as_str() {
        let workdir = approve.then(|| call.args["workdir"].as_str().unwrap_or_default().to_owned());
        return vec![Rule { command: Some(literal(command.trim())), workdir, ..rule }];
    }
    let paths = approval::named(&call.tool_name, &call.args);
    if paths.is_empty() {
        let args = approval::compared(&call.args);
        // What nobody can read again is not worth keeping.
        return if args.to_string().len() <= ARGS_BYTES_MAX {
            vec![Rule { args: Some(args), ..rule }]
        } else {
            Vec::new()
        };
    }
    let of_path = |path: String| {
        let place = approval::absolute(&path, approval::HOME)?;
        Some(Rule { path: Some(literal(&place)), ..rule.clone() })
    };
    paths.into_iter().filter_map(of_path).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use warren_chat_proto::approval::{Places, Rules};

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

    fn decide(rules: &[Rule], tool: &str, args: &Value) -> Verdict {
        let places = Places { home: "/home/coder".into(), ..Places::default() };
        Rules { chat: rules.to_vec(), user: vec![Rule::of("*", Verdict::Ask)], ..Rules::default() }
            .decide(tool, args, &places)
    }

    #[test]
    fn what_is_remembered_fits_the_same_call_and_no_other() {
        for command in ["rm -rf *", r"grep 'a\.b' {x,y} [z]?", "  ls  "] {
            let rules = rules_for(&call("execute", json!({ "command": command })), false);
            let of = |command: &str| decide(&rules, "execute", &json!({ "command": command }));
            assert_eq!(of(command), Verdict::Deny, "{command}");
            assert_eq!(of(&format!("{command}; echo")), Verdict::Deny, "a refused command joined: {command}");
            assert_eq!(of(&format!("echo {command}")), Verdict::Ask, "{command}");
        }
        let edit = json!({ "files": [{ "path": "/a" }, { "path": "/b*" }] });
        let rules = rules_for(&call("edit_files", edit), false);
        assert_eq!(rules.len(), 2);
        assert_eq!(decide(&rules, "edit_files", &json!({ "path": "/b*" })), Verdict::Deny);
        assert_eq!(decide(&rules, "edit_files", &json!({ "path": "/bc" })), Verdict::Ask);
        let rules = rules_for(&call("stop_workspace", json!({})), false);
        assert_eq!(decide(&rules, "stop_workspace", &json!({})), Verdict::Deny);
        assert_eq!(decide(&rules, "start_workspace", &json!({})), Verdict::Ask);
    }

    #[test]
    fn an_approved_call_is_the_one_that_was_shown() {
        let command = json!({ "command": "rm -rf build", "workdir": "/tmp/x" });
        let rules = rules_for(&call("execute", command.clone()), true);
        assert_eq!(decide(&rules, "execute", &command), Verdict::Allow);
        for workdir in [json!("/srv/prod"), Value::Null] {
            let other = json!({ "command": "rm -rf build", "workdir": workdir });
            assert_eq!(decide(&rules, "execute", &other), Verdict::Ask, "{other}");
        }
        let small = json!({ "template_id": "small", "model_intent": "one" });
        let rules = rules_for(&call("create_workspace", small), true);
        let of = |template: &str| {
            decide(&rules, "create_workspace", &json!({ "template_id": template, "model_intent": "two" }))
        };
        assert_eq!((of("small"), of("large")), (Verdict::Allow, Verdict::Ask));
        let rules = rules_for(&call("search_files", json!({ "content": "x" })), true);
        assert_eq!(decide(&rules, "search_files", &json!({ "content": "y" })), Verdict::Allow);
        assert_eq!(decide(&rules, "search_files", &json!({ "path": "/etc", "content": "y" })), Verdict::Ask);
        let rules = rules_for(&call("write_file", json!({ "path": "/etc//./hosts" })), false);
        assert_eq!(decide(&rules, "write_file", &json!({ "path": "/etc/hosts" })), Verdict::Deny);
    }
}
