//! Sending, editing, queueing and stopping.

use warren_authz::{Action, Subject};
use warren_chat_proto::{Message, Part, QueuedMessage};
use warren_db::{Tx, entity::chats, query};
use warren_vocab::{
    BusyBehavior, ChatId, MessageId, MessageRole, MessageVisibility, ModelConfigId, QueuedMessageId, UserId,
};

use super::{Idempotency, checks, last_message};
use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
    service::ChatService,
    store::{self, Answered, Command, Outcome, UserMessage},
};

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct SendMessage {
    pub content: Vec<Part>,
    /// The chat's last model when absent.
    pub model_config: Option<ModelConfigId>,
    pub busy: BusyBehavior,
    pub idempotency: Option<Idempotency>,
}

/// Where a sent message went.
#[derive(Debug, Clone)]
pub enum Sent {
    InHistory(Message),
    InQueue(QueuedMessage),
}

impl ChatService {
    /// Sends a message; while the chat is busy it is queued.
    ///
    /// # Errors
    /// [`ChatServiceError::QueueFull`], [`ChatServiceError::UsageLimit`], or invalid when the chat is archived.
    pub async fn send(&self, subject: &Subject, id: ChatId, request: SendMessage) -> ChatResult<Sent> {
        let chat = self.find_to_run(subject, id).await?;
        checks::content(&request.content)?;
        let key = request.idempotency.as_ref();
        let model = match request.model_config {
            None => ModelConfigId::from_uuid(chat.last_model_config_id),
            Some(wanted) => wanted,
        };
        let message =
            UserMessage { created_by: subject.user, model_config_id: model, content: request.content };
        if let Some(key) = key
            && let Some(found) = store::find_request(self.db().reader(), key.request(subject.user)).await?
        {
            return self.sent_before(found, message).await;
        }
        if chat.archived {
            return Err(ChatServiceError::archived());
        }
        self.model_for(request.model_config, Some(&chat)).await?;
        let command = Command::Send { message: message.clone(), busy: request.busy };
        match key {
            None => {
                store::check_limit(self.db().reader(), subject.user).await?;
                sent(self.apply(id, command).await?)
            }
            Some(key) => match self.send_once(subject.user, id, key, command).await? {
                Ok(outcome) => sent(outcome),
                Err(found) => self.sent_before(found, message).await,
            },
        }
    }

    /// Replaces a message of the user and takes away what came after it.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such message, [`ChatServiceError::UsageLimit`].
    pub async fn edit(
        &self,
        subject: &Subject,
        id: ChatId,
        message_id: MessageId,
        request: SendMessage,
    ) -> ChatResult<Message> {
        let chat = self.find_to_run(subject, id).await?;
        checks::content(&request.content)?;
        let model = self.model_for(request.model_config, Some(&chat)).await?;
        store::check_limit(self.db().reader(), subject.user).await?;
        let message =
            UserMessage { created_by: subject.user, model_config_id: model, content: request.content };
        last_message(self.apply(id, Command::Edit { message_id, message }).await?)
    }

    /// Stops the answer; what was said so far is kept.
    ///
    /// # Errors
    /// A conflict when the chat is idle.
    pub async fn interrupt(&self, subject: &Subject, id: ChatId) -> ChatResult<chats::Model> {
        self.find(subject, Action::Update, id).await?;
        Ok(self.apply(id, Command::Interrupt).await?.chat)
    }

    /// Takes a message out of the queue.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when it is not there, a conflict when the queue is empty.
    pub async fn delete_queued(
        &self,
        subject: &Subject,
        id: ChatId,
        message: QueuedMessageId,
    ) -> ChatResult<()> {
        self.find(subject, Action::Update, id).await?;
        self.apply(id, Command::DeleteQueued(message)).await?;
        Ok(())
    }

    /// Makes a queued message the next; a running answer is interrupted. Gives the message when it went into the history
    /// at once.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when it is not there, a conflict when the queue is empty.
    pub async fn promote_queued(
        &self,
        subject: &Subject,
        id: ChatId,
        message: QueuedMessageId,
    ) -> ChatResult<Option<Message>> {
        self.find_to_run(subject, id).await?;
        Ok(self.apply(id, Command::PromoteQueued(message)).await?.messages.pop())
    }

    /// Sends a message with a key. Gives what was made before when the key was used meanwhile.
    async fn send_once(
        &self,
        owner: UserId,
        id: ChatId,
        key: &Idempotency,
        command: Command,
    ) -> ChatResult<Result<Outcome, Answered>> {
        // Keys belong to the account and not to the chat, so nothing may run beside this.
        let written = self.db().write(async |tx: &Tx| {
            let request = key.request(owner);
            if let Some(found) = store::find_request(tx, request).await? {
                return Ok(Err(found));
            }
            store::check_limit(tx, owner).await?;
            let outcome = store::transition(tx, id, None, command).await?;
            store::remember_request(tx, request, &outcome).await?;
            Ok::<_, ChatServiceError>(Ok(outcome))
        });
        written.await
    }

    /// The first answer to a request that was sent again, also when the message has moved on since.
    async fn sent_before(&self, found: Answered, message: UserMessage) -> ChatResult<Sent> {
        let reader = self.db().reader();
        let chat_id = found.chat;
        if let Some(id) = found.queued {
            let queue = query::chat_queue::list(reader, chat_id).await?;
            if let Some(row) = queue.into_iter().find(|row| row.id == id.get()) {
                return Ok(Sent::InQueue(rows::queued(row)?));
            }
            let UserMessage { created_by, model_config_id, content } = message;
            let created_at = found.at;
            return Ok(Sent::InQueue(QueuedMessage {
                id,
                chat_id,
                created_by,
                model_config_id,
                content,
                created_at,
            }));
        }
        let id = found.message.ok_or(ChatServiceError::NotFound)?;
        if let Some(row) = query::chat_messages::by_id(reader, chat_id, id).await? {
            return Ok(Sent::InHistory(rows::message(row)?));
        }
        Ok(Sent::InHistory(Message {
            id,
            chat_id,
            created_by: Some(message.created_by),
            model_config_id: Some(message.model_config_id),
            created_at: found.at,
            role: MessageRole::User,
            content: message.content,
            usage: None,
            revision: 0,
            visibility: MessageVisibility::Both,
            compressed: false,
        }))
    }
}

fn sent(outcome: Outcome) -> ChatResult<Sent> {
    match outcome.queued {
        Some(queued) => Ok(Sent::InQueue(queued)),
        None => last_message(outcome).map(Sent::InHistory),
    }
}
