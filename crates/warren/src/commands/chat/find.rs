//! Which chat a person means.

use anyhow::bail;
use warren_api::chats::Chat;
use warren_sdk::{ChatsQuery, Client, SdkError};
use warren_vocab::ChatId;

use crate::{printable, program};

/// The server gives no more on a page.
const PAGE: u64 = 200;
/// Chats that are named when several fit.
const NAMED_MAX: usize = 5;

/// Finds a chat by its id, the beginning of its id, or its title.
///
/// # Errors
/// When none fits, or several do.
pub(super) async fn id(client: &Client, named: &str) -> anyhow::Result<ChatId> {
    if let Ok(id) = named.trim().parse() {
        return Ok(id);
    }
    let mut chats = all(client, &ChatsQuery::default(), usize::MAX).await?;
    let archived = ChatsQuery { q: "archived:true".into(), ..ChatsQuery::default() };
    chats.extend(all(client, &archived, usize::MAX).await?);
    pick(&chats, named.trim())
}

/// Reads as many pages of the list as there are, or as it takes for so many chats.
pub(super) async fn all(client: &Client, query: &ChatsQuery, n_max: usize) -> Result<Vec<Chat>, SdkError> {
    let mut chats: Vec<Chat> = Vec::new();
    while chats.len() < n_max {
        let left = u64::try_from(n_max - chats.len()).unwrap_or(PAGE);
        let limit = left.min(PAGE);
        let after = chats.last().map(|chat| chat.id);
        let page = client.chats_page(&ChatsQuery { after, limit, ..query.clone() }).await?;
        let is_last = u64::try_from(page.len()).unwrap_or(PAGE) < limit;
        // A chat that moves while the pages are read may come twice.
        chats.extend(
            page.into_iter().filter(|new| chats.iter().all(|chat| chat.id != new.id)).collect::<Vec<_>>(),
        );
        if is_last {
            break;
        }
    }
    Ok(chats)
}

/// By the beginning of the id; else by the whole title, where archived chats stand back.
fn pick(chats: &[Chat], named: &str) -> anyhow::Result<ChatId> {
    let is_beginning = !named.is_empty() && named.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let beginning = named.to_ascii_lowercase();
    let mut fitting: Vec<&Chat> =
        chats.iter().filter(|chat| is_beginning && chat.id.to_string().starts_with(&beginning)).collect();
    let title = named.to_lowercase();
    let titled: Vec<&Chat> = chats.iter().filter(|chat| chat.title.trim().to_lowercase() == title).collect();
    let has_active = titled.iter().any(|chat| !chat.archived);
    fitting.extend(titled.into_iter().filter(|chat| !(has_active && chat.archived)));
    fitting.dedup_by_key(|chat| chat.id);
    match fitting.as_slice() {
        [only] => Ok(only.id),
        [] => bail!(
            "there is no chat {named:?}; name one by its id, the beginning of its id, or its title (`{} chat list` shows them)",
            program::name()
        ),
        several => {
            let shown = several.iter().take(NAMED_MAX);
            let shown = shown.map(|chat| format!("{} ({})", chat.id, printable::one_line(&chat.title, 40)));
            let more = several.len().saturating_sub(NAMED_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            bail!(
                "{named:?} fits several chats: {}{more}; give more of the id",
                shown.collect::<Vec<_>>().join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat(id: &str, title: &str, archived: bool) -> Chat {
        serde_json::from_value(json!({
            "id": id, "organization_id": "10000000-0000-4000-8000-000000000000",
            "owner_id": "10000000-0000-4000-8000-000000000000",
            "last_model_config_id": "10000000-0000-4000-8000-000000000000",
            "title": title, "status": "waiting", "last_turn_summary": null,
            "created_at": "2026-11-26T10:00:00Z", "updated_at": "2026-11-26T10:00:00Z",
            "archived": archived, "shared": false, "pin_order": 0, "mcp_server_ids": [], "labels": {},
            "has_unread": false, "client_type": "api", "children": [],
        }))
        .unwrap()
    }

    #[test]
    fn a_chat_is_found_by_the_beginning_of_its_id_or_by_its_title() {
        let chats = [
            chat("3f2a0000-0000-4000-8000-000000000001", "Fix the build", false),
            chat("3f2b0000-0000-4000-8000-000000000002", "Write docs", false),
            chat("40000000-0000-4000-8000-000000000003", "Write docs", true),
            chat("50000000-0000-4000-8000-000000000004", "beef", false),
            chat("beef0000-0000-4000-8000-000000000005", "Twice", true),
            chat("60000000-0000-4000-8000-000000000006", "twice", true),
        ];
        for (named, found) in
            [("3f2a", 0), ("3F2B0000-0000", 1), ("fix the BUILD", 0), ("Write docs", 1), ("4", 2)]
        {
            assert_eq!(pick(&chats, named).unwrap(), chats[found].id, "{named}");
        }
        for (named, said) in [
            ("3f2", "fits several chats: 3f2a0000-0000-4000-8000-000000000001 (Fix the build), 3f2b"),
            ("beef", "fits several"),
            ("Twice", "fits several"),
            ("", "there is no chat"),
            ("9", "there is no chat \"9\""),
            ("Fix", "there is no chat \"Fix\""),
        ] {
            let error = pick(&chats, named).unwrap_err().to_string();
            assert!(error.contains(said), "{named}: {error}");
        }
    }
}
