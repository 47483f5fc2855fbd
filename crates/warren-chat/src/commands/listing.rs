//! Finding chats, and what was said in them.

use std::collections::{BTreeMap, BTreeSet};

use warren_authz::{Action, Resource, Subject, list_filter};
use warren_chat_proto::{Message, Part, QueuedMessage};
use warren_db::{
    entity::chats,
    query::{
        self, Page,
        chat_messages::Slice,
        chats::{Cursor, Search},
    },
};
use warren_vocab::{ChatId, MessageRole, WorkspaceId};

use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
    service::ChatService,
};

/// Workspaces that one request may ask about.
const WORKSPACES_MAX: usize = 25;

/// Which chats to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatSearch {
    /// A part of the title.
    pub title: Option<String>,
    pub archived: bool,
    /// Whether there is an answer that the owner has not read.
    pub has_unread: Option<bool>,
    pub labels: BTreeMap<String, String>,
    /// The last chat that the caller has.
    pub after: Option<ChatId>,
}

/// A chat with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedChat {
    pub chat: chats::Model,
    pub has_unread: bool,
    /// The chats that it made.
    pub children: Vec<ListedChat>,
}

/// What a user wrote earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub id: warren_vocab::MessageId,
    pub text: String,
}

impl ChatService {
    /// Lists the subject's own chats: pinned ones first, then the newest change first. Chats that others made are within
    /// these.
    ///
    /// # Errors
    /// Names the chat to go on after when there is none.
    pub async fn list(
        &self,
        subject: &Subject,
        search: ChatSearch,
        page: Page,
    ) -> ChatResult<Vec<ListedChat>> {
        let readable = list_filter(subject, Resource::Chat);
        let after = match search.after {
            None => None,
            Some(id) => Some(self.cursor(subject, id).await?),
        };
        let search = Search {
            owner: subject.user,
            archived: search.archived,
            title: search.title,
            has_unread: search.has_unread,
            labels: search.labels.into_iter().collect(),
            after,
        };
        let found = query::chats::list(self.db().reader(), &readable, &search, page).await?;
        self.listed(found).await
    }

    /// Adds to chats what a list shows of them.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn listed(&self, roots: Vec<chats::Model>) -> ChatResult<Vec<ListedChat>> {
        let ids: Vec<_> = roots.iter().map(|chat| ChatId::from_uuid(chat.id)).collect();
        let children = query::chats::children(self.db().reader(), &ids).await?;
        let unread_roots = self.unread(&roots).await?;
        let unread_children = self.unread(&children).await?;
        let mut children: Vec<_> = children.into_iter().zip(unread_children).collect();
        let with_children = |(chat, has_unread): (chats::Model, bool)| {
            // Archived children of a living chat are not shown.
            let is_shown = |child: &chats::Model| {
                child.root_chat_id == Some(chat.id) && (chat.archived || !child.archived)
            };
            let own = children.extract_if(.., |(child, _)| is_shown(child));
            let child = |(chat, has_unread)| ListedChat { chat, has_unread, children: Vec::new() };
            ListedChat { children: own.map(child).collect(), chat, has_unread }
        };
        Ok(roots.into_iter().zip(unread_roots).map(with_children).collect())
    }

    /// Finds the newest chat of each workspace that is not archived.
    ///
    /// # Errors
    /// Refuses too many workspaces.
    pub async fn by_workspace(
        &self,
        subject: &Subject,
        workspaces: BTreeSet<WorkspaceId>,
    ) -> ChatResult<BTreeMap<WorkspaceId, ListedChat>> {
        if workspaces.len() > WORKSPACES_MAX {
            let message = format!("Ask about at most {WORKSPACES_MAX} workspaces at once.");
            return Err(ChatServiceError::invalid("workspace_ids", message));
        }
        let readable = list_filter(subject, Resource::Chat);
        let workspaces: Vec<_> = workspaces.into_iter().collect();
        let found = query::chats::of_workspaces(self.db().reader(), &readable, &workspaces).await?;
        let mut newest = BTreeMap::new();
        for chat in found {
            let Some(workspace) = chat.workspace_id.map(WorkspaceId::from_uuid) else { continue };
            newest.entry(workspace).or_insert(chat);
        }
        let (workspaces, chats): (Vec<_>, Vec<_>) = newest.into_iter().unzip();
        Ok(workspaces.into_iter().zip(self.listed(chats).await?).collect())
    }

    /// Says which chats have an answer that their owner has not read.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn unread(&self, chats: &[chats::Model]) -> ChatResult<Vec<bool>> {
        let ids: Vec<_> = chats.iter().map(|chat| ChatId::from_uuid(chat.id)).collect();
        let newest = query::chat_messages::newest_ids(self.db().reader(), &ids).await?;
        let newest: BTreeMap<_, _> = newest.into_iter().collect();
        let is_unread = |chat: &chats::Model| {
            newest
                .get(&ChatId::from_uuid(chat.id))
                .is_some_and(|message| message.get() > chat.last_read_message_id)
        };
        Ok(chats.iter().map(is_unread).collect())
    }

    /// Lists messages that users see, and whether there are more.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such chat.
    pub async fn messages(
        &self,
        subject: &Subject,
        id: ChatId,
        slice: Slice,
    ) -> ChatResult<(Vec<Message>, bool)> {
        self.find(subject, Action::Read, id).await?;
        let one_more = Slice { limit: slice.limit + 1, ..slice };
        let mut found = query::chat_messages::visible(self.db().reader(), id, one_more).await?;
        let limit = usize::try_from(slice.limit).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        Ok((found.into_iter().map(rows::message).collect::<ChatResult<_>>()?, has_more))
    }

    /// Lists what users wrote in a chat, the newest first.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such chat.
    pub async fn prompts(&self, subject: &Subject, id: ChatId, limit: u64) -> ChatResult<Vec<Prompt>> {
        self.find(subject, Action::Read, id).await?;
        let role = MessageRole::User;
        let found = query::chat_messages::newest_of_role(self.db().reader(), id, role, limit).await?;
        let mut prompts = Vec::new();
        for row in found {
            let message = rows::message(row)?;
            let text = text_of(&message.content);
            if !text.is_empty() {
                prompts.push(Prompt { id: message.id, text });
            }
        }
        Ok(prompts)
    }

    /// Lists the queue in the order in which it is worked off.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such chat.
    pub async fn queue(&self, subject: &Subject, id: ChatId) -> ChatResult<Vec<QueuedMessage>> {
        self.find(subject, Action::Read, id).await?;
        let found = query::chat_queue::list(self.db().reader(), id).await?;
        found.into_iter().map(rows::queued).collect()
    }

    async fn cursor(&self, subject: &Subject, id: ChatId) -> ChatResult<Cursor> {
        let unknown = || ChatServiceError::invalid("after_id", "There is no such chat to go on after.");
        let chat = self.find(subject, Action::Read, id).await.map_err(|error| match error {
            ChatServiceError::NotFound | ChatServiceError::Forbidden => unknown(),
            other => other,
        })?;
        Ok(Cursor { id, pin_order: chat.pin_order, updated_at: chat.updated_at })
    }
}

pub(super) fn text_of(content: &[Part]) -> String {
    content.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("\n")
}
