//! `warren chat approve`.

use anyhow::bail;
use warren_api::chats::{ChatApproval, ChatApprovalDecision, DecideChatApprovalsRequest};
use warren_sdk::Client;
use warren_vocab::{ChatId, ChatStatus};

use super::find;
use crate::{
    args::ApproveArgs,
    chat_tool, chat_view,
    output::{self, Format},
    printable, program,
    table::{self, Column},
};

const COLUMNS: &[Column<ChatApproval>] = &[
    Column { name: "call", cell: |approval| printable::one_line(&approval.tool_call_id, 200) },
    Column { name: "what", cell: what },
    Column { name: "reason", cell: |approval| printable::one_line(&approval.message, 400) },
    Column { name: "tool", cell: |approval| printable::one_line(&approval.tool_name, 100) },
    Column { name: "asked at", cell: |approval| table::time(approval.requested_at) },
    Column { name: "refused at", cell: |approval| table::time(approval.expires_at) },
];
const DEFAULTS: &[&str] = &["call", "what", "refused at"];

pub(super) async fn run(client: &Client, args: &ApproveArgs) -> anyhow::Result<()> {
    let chat = find::id(client, &args.chat).await?;
    let waiting = client.chat_approvals(chat).await?.approvals;
    if args.call.is_empty() && !args.all {
        if args.deny || args.remember {
            bail!("name the calls that you mean, or give --all");
        }
        return list(client, chat, &waiting, args).await;
    }
    if waiting.is_empty() {
        bail!("nothing waits for your approval in this chat{}", elsewhere(client, chat).await?);
    }
    let picked = pick(&waiting, args)?;
    let decisions = picked.iter().map(|approval| ChatApprovalDecision {
        tool_call_id: approval.tool_call_id.clone(),
        approve: !args.deny,
        note: args.note.clone(),
        remember: args.remember,
    });
    client
        .decide_chat_approvals(chat, &DecideChatApprovalsRequest { decisions: decisions.collect() })
        .await?;
    let (done, always) = (
        if args.deny { "Denied" } else { "Approved" },
        if args.remember { ", now and later in this chat" } else { "" },
    );
    for approval in &picked {
        output::line(&format!("{done}{always}: {}", what(approval)));
    }
    let n_left = waiting.len() - picked.len();
    if n_left > 0 {
        output::note(&format!("The chat goes on when the other {n_left} are answered too."));
    }
    Ok(())
}

async fn list(
    client: &Client,
    chat: ChatId,
    waiting: &[ChatApproval],
    args: &ApproveArgs,
) -> anyhow::Result<()> {
    match args.output.output {
        Format::Json => output::json(&waiting),
        Format::Table if waiting.is_empty() => {
            output::note(&format!(
                "Nothing waits for your approval in this chat{}.",
                elsewhere(client, chat).await?
            ));
            Ok(())
        }
        Format::Table => {
            output::line(&table::render(waiting, COLUMNS, DEFAULTS, &args.output.column)?);
            let call = waiting.first().map(|approval| chat_view::command_word(&approval.tool_call_id));
            output::note(&format!(
                "Approve with `{program} chat approve {chat} {}`, deny with --deny, look at all of it with -o json.",
                call.unwrap_or_default(),
                program = program::name(),
            ));
            Ok(())
        }
    }
}

/// What the chat waits for instead.
async fn elsewhere(client: &Client, chat: ChatId) -> anyhow::Result<String> {
    Ok(match client.chat(chat).await?.status {
        ChatStatus::RequiresAction => {
            format!("; it waits for an answer: `{} chat answer {chat}`", program::name())
        }
        status => format!("; it is {status}"),
    })
}

/// Finds the calls that are meant, by their ids or the beginnings of them.
fn pick<'a>(waiting: &'a [ChatApproval], args: &ApproveArgs) -> anyhow::Result<Vec<&'a ChatApproval>> {
    if args.all {
        return Ok(waiting.iter().collect());
    }
    let mut picked: Vec<&ChatApproval> = Vec::new();
    for named in &args.call {
        let exact = waiting.iter().find(|approval| approval.tool_call_id == *named);
        let fitting: Vec<_> =
            waiting.iter().filter(|approval| approval.tool_call_id.starts_with(named.as_str())).collect();
        let found = match (exact, fitting.as_slice()) {
            (Some(found), _) => found,
            (None, [found]) => *found,
            (None, _) => {
                let ids = waiting.iter().map(|approval| printable::one_line(&approval.tool_call_id, 100));
                let how = if fitting.is_empty() { "no call" } else { "more than one call" };
                bail!("{how} {named:?} waits; these do: {}", ids.collect::<Vec<_>>().join(", "))
            }
        };
        if picked.iter().all(|one| one.tool_call_id != found.tool_call_id) {
            picked.push(found);
        }
    }
    Ok(picked)
}

/// What the call would do, whole: who approves must see all of a command.
fn what(approval: &ChatApproval) -> String {
    let args = serde_json::from_str(&approval.args).unwrap_or_default();
    let (verb, object) = chat_tool::title(&approval.tool_name, &args);
    printable::one_line(&format!("{verb} {object}"), usize::MAX)
}
