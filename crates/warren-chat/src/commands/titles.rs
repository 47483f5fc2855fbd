//! New titles that a model makes when their owner asks for them.

use warren_audit::{Entry, record};
use warren_db::{Tx, channels, entity::chats, query};
use warren_vocab::{ChatId, MessageRole, UserId};

use super::listing::text_of;
use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
    service::{Caller, ChatService},
    store, turn,
};

/// Messages of the user that a title is made from.
const SOURCES_MAX: u64 = 5;

impl ChatService {
    /// Asks a model for a title and changes nothing.
    ///
    /// # Errors
    /// [`ChatServiceError::UsageLimit`] when nothing may be spent, [`ChatServiceError::NoTitle`] when the model gives none in time.
    pub async fn propose_title(&self, caller: Caller<'_>, id: ChatId) -> ChatResult<String> {
        let chat = self.find_own(caller.subject, id).await?;
        self.new_title(&chat).await
    }

    /// Asks a model for a title and keeps it, unless the title was changed meanwhile.
    ///
    /// # Errors
    /// [`ChatServiceError::UsageLimit`] when nothing may be spent, [`ChatServiceError::NoTitle`] when the model gives none in time.
    pub async fn regenerate_title(&self, caller: Caller<'_>, id: ChatId) -> ChatResult<chats::Model> {
        let chat = self.find_own(caller.subject, id).await?;
        let title = self.new_title(&chat).await?;
        let written = self.db().write(async |tx: &Tx| {
            let old = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
            if old.title == chat.title && old.title != title {
                query::chats::set_title(tx, id, &title).await?;
                let hint = serde_json::json!({ "kind": "title_change", "chat_id": id });
                tx.notify(channels::chats_of(caller.subject.user), hint);
            }
            let new = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
            record(tx, caller, Entry::write(&old, &new)).await?;
            Ok::<_, ChatServiceError>(new)
        });
        written.await
    }

    async fn new_title(&self, chat: &chats::Model) -> ChatResult<String> {
        if chat.archived {
            return Err(ChatServiceError::archived());
        }
        store::check_limit(self.db().reader(), UserId::from_uuid(chat.owner_id)).await?;
        let id = ChatId::from_uuid(chat.id);
        let role = MessageRole::User;
        let found = query::chat_messages::newest_of_role(self.db().reader(), id, role, SOURCES_MAX).await?;
        let mut texts = Vec::new();
        for row in found.into_iter().rev() {
            texts.push(text_of(&rows::message(row)?.content));
        }
        let text = texts.join("\n\n");
        if text.trim().is_empty() {
            return Err(ChatServiceError::conflict("The chat has no text that a title could be made from."));
        }
        turn::title(&self.shared, chat, &text).await?.ok_or(ChatServiceError::NoTitle)
    }
}
