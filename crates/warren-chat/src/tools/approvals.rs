//! Which calls need somebody's approval.

use serde_json::Value;
use warren_chat_proto::approval::{Places, Rule, Rules, Verdict};
use warren_db::{entity::chats, query};
use warren_vocab::UserId;

use crate::{error::ChatResult, rows, service::Shared, store::settings};

/// The rules of the deployment, and, under the same name, those of an account.
pub(crate) const TOOL_APPROVALS: &str = "agents_tool_approvals";
/// Text of a command or path in a question, in characters.
const SHOWN_CHARS_MAX: usize = 200;

/// What the rules say about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    Allow,
    /// The text says what is asked, as a sentence for the user.
    Ask(String),
    /// The text says who forbids it, as a sentence for the model.
    Deny(String),
}

/// Reads the rules that hold for a chat. Rules of one source that cannot be read ask about every call.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn load(shared: &Shared, chat: &chats::Model) -> ChatResult<Rules> {
    let reader = shared.db.reader();
    let owner = UserId::from_uuid(chat.owner_id);
    let deployment = settings::get::<Value>(reader, TOOL_APPROVALS).await?;
    let of_user = query::user_settings::of_user(reader, owner).await?.remove(TOOL_APPROVALS);
    Ok(Rules {
        chat: read("the chat", chat.approval_rules.clone()),
        user: read("the user", of_user.map(|text| serde_json::from_str(&text).unwrap_or(Value::Bool(false)))),
        deployment: read("the deployment", deployment),
    })
}

/// Decides about a call.
pub(crate) fn decide(rules: &Rules, tool_name: &str, args: &Value, places: &Places) -> Ruling {
    match rules.decide(tool_name, args, places) {
        Verdict::Allow => Ruling::Allow,
        Verdict::Ask => Ruling::Ask(question(tool_name, args)),
        Verdict::Deny => Ruling::Deny(format!(
            "A rule of the user or the administrator forbids this call of {tool_name}. Do not try to reach the same in another way; tell the user."
        )),
    }
}

fn read(whose: &str, stored: Option<Value>) -> Vec<Rule> {
    let Some(stored) = stored.filter(|stored| !stored.is_null()) else { return Vec::new() };
    let list = stored.get("rules").cloned().unwrap_or(stored);
    rows::parse("approval rules", list).unwrap_or_else(|error| {
        tracing::warn!(%error, whose, "approval rules cannot be read, so every call is asked about");
        vec![Rule::of("*", Verdict::Ask)]
    })
}

fn question(tool_name: &str, args: &Value) -> String {
    let files = args["files"].as_array().into_iter().flatten();
    let paths = args["path"].as_str().into_iter().chain(files.filter_map(|file| file["path"].as_str()));
    let paths = paths.collect::<Vec<_>>().join(", ");
    let what = match args["command"].as_str() {
        Some(command) => format!("run the command {:?}", clipped(command)),
        None if paths.is_empty() => format!("use {tool_name}"),
        None => format!("use {tool_name} on {}", clipped(&paths)),
    };
    format!("The agent wants to {what}. A rule asks for your approval.")
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_question_says_what_the_agent_wants() {
        let asks = |tool, args| question(tool, &args);
        assert!(asks("execute", json!({ "command": "git push" })).contains("run the command \"git push\""));
        assert!(asks("write_file", json!({ "path": "/etc/hosts" })).contains("use write_file on /etc/hosts"));
        let edit = json!({ "files": [{ "path": "/a" }, { "path": "/b" }] });
        assert!(asks("edit_files", edit).contains("on /a, /b"));
        assert!(asks("stop_workspace", json!({})).contains("use stop_workspace"));
        assert!(asks("execute", json!({ "command": "x".repeat(5000) })).len() < 400);
    }

    #[test]
    fn rules_that_cannot_be_read_ask_about_everything() {
        assert_eq!(read("the chat", None), []);
        let rule = json!({ "tool": "execute", "action": "deny" });
        assert_eq!(read("the chat", Some(json!([rule]))).len(), 1);
        assert_eq!(read("the chat", Some(json!({ "rules": [rule, rule] }))).len(), 2);
        for broken in [json!(false), json!([{ "tool": 1 }]), json!({ "rules": "x" })] {
            let rules = read("the chat", Some(broken));
            assert_eq!(rules[0].action, Verdict::Ask);
            assert_eq!(rules[0].tool, "*");
        }
    }
}
