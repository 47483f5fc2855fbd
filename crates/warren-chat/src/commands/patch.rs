//! Changes of a chat's settings, all of a request or nothing.

use std::collections::BTreeMap;

use warren_audit::{Entry, record};
use warren_authz::Action;
use warren_db::{Tx, channels, entity::chats, query};
use warren_vocab::{ChatId, OrganizationId, UserId, WorkspaceId};

use super::{checks, text::one_line};
use crate::{
    crash_points::{self, Moment},
    error::{ChatResult, ChatServiceError},
    rows,
    service::{Caller, ChatService},
    store::{self, Command},
};

const TITLE_CHARS_MAX: usize = 200;

/// Changes to a chat; an absent field stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatPatch {
    pub title: Option<String>,
    /// The workspace that the tools work in, or none.
    pub workspace: Option<Option<WorkspaceId>>,
    /// Replaces all labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// The place in the list, counted from 1; 0 takes the pin away.
    pub pin_order: Option<i32>,
    pub archived: Option<bool>,
}

impl ChatService {
    /// Changes a chat; all of the patch or nothing.
    ///
    /// # Errors
    /// Names the field that is not acceptable; a conflict when a busy chat is to be archived.
    pub async fn update(&self, caller: Caller<'_>, id: ChatId, mut patch: ChatPatch) -> ChatResult<()> {
        patch.title = patch.title.map(|title| one_line(&title));
        let chat = self.find(caller.subject, Action::Update, id).await?;
        check_values(&patch)?;
        check_fits(&chat, &patch)?;
        if let Some(Some(workspace)) = patch.workspace {
            let organization = OrganizationId::from_uuid(chat.organization_id);
            self.check_workspace(UserId::from_uuid(chat.owner_id), workspace, organization).await?;
        }
        if patch == ChatPatch::default() {
            return Ok(());
        }
        let moves_archive = patch.archived.is_some();
        let written = self.db().write(async |tx: &Tx| {
            let old = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
            check_fits(&old, &patch)?;
            apply(tx, &old, patch).await?;
            let new = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
            Ok::<_, ChatServiceError>(record(tx, caller, Entry::write(&old, &new)).await?)
        });
        written.await?;
        if moves_archive {
            crash_points::reach(Moment::AfterCommit, "set_archived");
        }
        Ok(())
    }
}

fn check_values(patch: &ChatPatch) -> ChatResult<()> {
    if let Some(title) = patch.title.as_deref()
        && (title.is_empty() || title.chars().count() > TITLE_CHARS_MAX)
    {
        let message = format!("The title must have 1 to {TITLE_CHARS_MAX} characters.");
        return Err(ChatServiceError::invalid("title", message));
    }
    if let Some(labels) = &patch.labels {
        checks::labels(labels)?;
    }
    if patch.pin_order.is_some_and(|place| place < 0) {
        return Err(ChatServiceError::invalid("pin_order", "The place must be 0 or more."));
    }
    Ok(())
}

/// Whether the patch fits the chat as it is.
fn check_fits(chat: &chats::Model, patch: &ChatPatch) -> ChatResult<()> {
    let is_child = chat.parent_chat_id.is_some();
    let invalid = |field, message: &str| Err(ChatServiceError::invalid(field, message));
    if patch.archived.is_some() && is_child {
        return invalid(
            "archived",
            "Only the chat that made this one can be archived; this one goes with it.",
        );
    }
    if patch.archived == Some(chat.archived) {
        let message =
            if chat.archived { "The chat is archived already." } else { "The chat is not archived." };
        return invalid("archived", message);
    }
    let is_archived = patch.archived.unwrap_or(chat.archived);
    let changes_settings = patch.title.is_some() || patch.workspace.is_some() || patch.labels.is_some();
    if chat.archived && is_archived && changes_settings {
        return Err(ChatServiceError::archived());
    }
    if patch.pin_order.is_some_and(|place| place > 0) {
        if is_child {
            return invalid("pin_order", "A chat that another chat made cannot be pinned.");
        }
        if is_archived {
            return invalid("pin_order", "An archived chat cannot be pinned. Unarchive it first.");
        }
    }
    Ok(())
}

async fn apply(tx: &Tx, chat: &chats::Model, patch: ChatPatch) -> ChatResult<()> {
    let id = ChatId::from_uuid(chat.id);
    let hint = |kind: &str| {
        let hint = serde_json::json!({ "kind": kind, "chat_id": id });
        tx.notify(channels::chats_of(UserId::from_uuid(chat.owner_id)), hint);
    };
    let title = patch.title.as_deref().filter(|title| *title != chat.title);
    if let Some(title) = title {
        query::chats::set_title(tx, id, title).await?;
        hint("title_change");
    }
    if let Some(workspace) = patch.workspace
        && workspace.map(WorkspaceId::as_uuid) != chat.workspace_id
    {
        query::chats::set_workspace(tx, id, workspace).await?;
        hint("status_change");
    }
    if let Some(labels) = patch.labels {
        query::chats::set_labels(tx, id, rows::json(&labels)).await?;
        hint("status_change");
    }
    if let Some(archived) = patch.archived {
        set_archived(tx, chat, archived).await?;
    }
    let place = if patch.archived == Some(true) { Some(0) } else { patch.pin_order };
    if let Some(place) = place.filter(|place| *place != chat.pin_order) {
        pin(tx, chat, place).await?;
        hint("status_change");
    }
    Ok(())
}

/// Archives or brings back a chat with those that it made, all of them or none.
async fn set_archived(tx: &Tx, chat: &chats::Model, archived: bool) -> ChatResult<()> {
    let root = ChatId::from_uuid(chat.id);
    for child in query::chats::children(tx, &[root]).await? {
        if child.archived != archived {
            let child = ChatId::from_uuid(child.id);
            store::transition(tx, child, None, Command::SetArchived(archived)).await?;
        }
    }
    store::transition(tx, root, None, Command::SetArchived(archived)).await?;
    Ok(())
}

/// Puts the chat in a place among the owner's pinned ones, which move up or down; places have no gaps.
async fn pin(tx: &Tx, chat: &chats::Model, place: i32) -> ChatResult<()> {
    let pinned = query::chats::pinned(tx, UserId::from_uuid(chat.owner_id)).await?;
    let before: BTreeMap<_, _> = pinned.iter().copied().collect();
    let id = ChatId::from_uuid(chat.id);
    let mut order: Vec<_> = pinned.into_iter().map(|(other, _)| other).filter(|other| *other != id).collect();
    match usize::try_from(place - 1) {
        Ok(index) => order.insert(index.min(order.len()), id),
        Err(_) => query::chats::set_pin_order(tx, id, 0).await?,
    }
    for (other, place) in order.into_iter().zip(1..) {
        if before.get(&other) != Some(&place) {
            query::chats::set_pin_order(tx, other, place).await?;
        }
    }
    Ok(())
}
