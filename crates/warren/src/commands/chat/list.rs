//! `warren chat list`.

use warren_api::chats::Chat;
use warren_sdk::{ChatsQuery, Client};

use super::find;
use crate::{
    args::ListChatsArgs,
    output::{self, Format},
    printable, program,
    table::{self, Column},
};

const TITLE_CHARS_MAX: usize = 60;

const COLUMNS: &[Column<Chat>] = &[
    Column { name: "id", cell: |chat| chat.id.to_string() },
    Column { name: "title", cell: |chat| printable::one_line(&chat.title, TITLE_CHARS_MAX) },
    Column { name: "status", cell: |chat| chat.status.to_string() },
    Column { name: "updated", cell: |chat| table::ago(chat.updated_at) },
    Column { name: "unread", cell: |chat| chat.has_unread.to_string() },
    Column { name: "labels", cell: labels },
    Column {
        name: "summary",
        cell: |chat| printable::one_line(chat.last_turn_summary.as_deref().unwrap_or_default(), 200),
    },
    Column { name: "error", cell: error },
    Column { name: "pinned", cell: |chat| (chat.pin_order > 0).to_string() },
    Column { name: "archived", cell: |chat| chat.archived.to_string() },
    Column { name: "created at", cell: |chat| table::time(chat.created_at) },
    Column { name: "updated at", cell: |chat| table::time(chat.updated_at) },
    Column {
        name: "workspace id",
        cell: |chat| chat.workspace_id.map(|id| id.to_string()).unwrap_or_default(),
    },
];
const DEFAULTS: &[&str] = &["id", "title", "status", "updated", "unread"];

pub(super) async fn run(client: &Client, args: &ListChatsArgs) -> anyhow::Result<()> {
    let query = ChatsQuery {
        q: search(args),
        labels: args.label.iter().map(|(key, value)| format!("{key}:{value}")).collect(),
        ..ChatsQuery::default()
    };
    let chats = find::all(client, &query, args.limit.unwrap_or(usize::MAX)).await?;
    match args.output.output {
        Format::Json => output::json(&chats),
        Format::Table if chats.is_empty() => {
            output::note(&hint(args));
            Ok(())
        }
        Format::Table => {
            output::line(&table::render(&chats, COLUMNS, DEFAULTS, &args.output.column)?);
            Ok(())
        }
    }
}

/// What the server is asked for: plain words mean the title.
fn search(args: &ListChatsArgs) -> String {
    let words = args.search.trim();
    let mut terms = Vec::new();
    if words.contains(':') {
        terms.push(words.to_owned());
    } else if !words.is_empty() {
        terms.push(format!("title:\"{}\"", words.replace('"', " ").trim()));
    }
    terms.extend(args.archived.then(|| "archived:true".to_owned()));
    terms.extend(args.unread.then(|| "has_unread:true".to_owned()));
    terms.join(" ")
}

fn hint(args: &ListChatsArgs) -> String {
    if !args.search.trim().is_empty() || args.unread || !args.label.is_empty() || args.limit == Some(0) {
        "No chat fits.".into()
    } else if args.archived {
        "No chat is archived.".into()
    } else {
        format!("There are no chats. Start one with `{} chat new <message>`.", program::name())
    }
}

fn labels(chat: &Chat) -> String {
    let pairs = chat.labels.iter().map(|(key, value)| format!("{key}={value}"));
    printable::one_line(&pairs.collect::<Vec<_>>().join(","), 200)
}

fn error(chat: &Chat) -> String {
    printable::one_line(chat.last_error.as_ref().map(|error| error.message.as_str()).unwrap_or_default(), 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::OutputArgs;

    fn args(search: &str, archived: bool, unread: bool) -> ListChatsArgs {
        let output = OutputArgs { output: Format::Table, column: Vec::new() };
        ListChatsArgs { search: search.into(), archived, unread, label: Vec::new(), limit: None, output }
    }

    #[test]
    fn plain_words_are_looked_for_in_titles() {
        assert_eq!(search(&args("", false, false)), "");
        assert_eq!(search(&args("fix the \"build\"", false, false)), "title:\"fix the  build\"");
        assert_eq!(search(&args("title:fix", true, true)), "title:fix archived:true has_unread:true");
    }
}
