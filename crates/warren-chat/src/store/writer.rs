//! Writes what a step has decided: first the fields of the chat, then the rows that belong to it.

use chrono::{DateTime, TimeDelta, Utc};
use warren_chat_proto::{ChatState, Effect, Message, Part, QueuedMessage, RetryState, open_calls};
use warren_db::{
    Tx,
    entity::{chat_messages, chat_queued_messages, chat_tool_calls, chats},
    query,
};
use warren_vocab::{ChatId, MessageRole, MessageVisibility, ModelConfigId, QueuedMessageId, UserId};

use super::{
    Outcome,
    command::{Command, NewMessage, UserMessage},
    hints,
};
use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
};

pub(super) struct Writer<'a> {
    pub(super) tx: &'a Tx,
    pub(super) chat: chats::Model,
    pub(super) state: ChatState,
    pub(super) now: DateTime<Utc>,
    /// What the answers of clients and users say to the model.
    pub(super) results: Vec<Part>,
    /// The queued message that the command names.
    chosen: Option<chat_queued_messages::Model>,
    /// The queued message that goes into the history.
    promoted: Option<chat_queued_messages::Model>,
    /// Whether no call of the history can be open.
    has_answered: bool,
    messages: Vec<Message>,
    queued: Option<QueuedMessage>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(tx: &'a Tx, chat: chats::Model, state: ChatState, now: DateTime<Utc>) -> Self {
        let (chosen, promoted) = (None, None);
        let (results, messages) = (Vec::new(), Vec::new());
        Self { tx, chat, state, now, results, chosen, promoted, has_answered: false, messages, queued: None }
    }

    pub(super) fn id(&self) -> ChatId {
        ChatId::from_uuid(self.chat.id)
    }

    /// Leaves the state as it is and moves only the snapshot, so that everybody looks again.
    pub(super) fn stay(&mut self, before: &ChatState) -> Vec<Effect> {
        self.state = before.clone();
        self.state.versions.snapshot += 1;
        Vec::new()
    }

    /// Finds the rows that the command is about, before anything is written.
    pub(super) async fn choose(&mut self, effects: &[Effect], command: &Command) -> ChatResult<()> {
        let names_one = |effect: &Effect| {
            matches!(effect, Effect::PromoteChosen | Effect::MoveChosenFirst | Effect::RemoveChosen)
        };
        let promotes_head = effects.contains(&Effect::PromoteHead);
        if promotes_head || effects.iter().any(names_one) {
            let mut queue = query::chat_queue::list(self.tx, self.id()).await?.into_iter();
            if promotes_head {
                self.promoted = queue.next();
            } else if let Command::DeleteQueued(wanted) | Command::PromoteQueued(wanted) = command {
                let chosen = queue.find(|row| row.id == wanted.get()).ok_or(ChatServiceError::NotFound)?;
                self.promoted = effects.contains(&Effect::PromoteChosen).then(|| chosen.clone());
                self.chosen = Some(chosen);
            }
        }
        if let Command::Edit { message_id, .. } = command {
            let found = query::chat_messages::by_id(self.tx, self.id(), *message_id).await?;
            // What only the model sees, such as a summary, is no message that a user has.
            let is_seen = |row: &chat_messages::Model| row.visibility != MessageVisibility::Model.as_str();
            let found = found.filter(is_seen).ok_or(ChatServiceError::NotFound)?;
            if found.role != MessageRole::User.as_str() {
                return Err(ChatServiceError::invalid("message", "Only messages of users can be edited."));
            }
        }
        Ok(())
    }

    /// Sets the fields of the chat.
    pub(super) fn set_fields(&mut self, effects: &[Effect], command: &Command) {
        rows::set_state(&mut self.chat, &self.state);
        let chat = &mut self.chat;
        if let Command::Acquire { lasts, .. } = command {
            chat.lease_expires_at = Some(self.now + *lasts);
        }
        if hints::moves_the_list(command.input()) {
            chat.updated_at = self.now;
        }
        if chat.archived {
            chat.pin_order = 0;
        }
        for effect in effects {
            match effect {
                Effect::SetError => chat.last_error = command.error().map(|error| rows::stored(&error)),
                Effect::ClearError => chat.last_error = None,
                Effect::SetRetry => {
                    if let Command::RecordRetry(retry) = command {
                        let wait = TimeDelta::try_milliseconds(retry.delay_ms);
                        let retrying_at = wait.and_then(|wait| self.now.checked_add_signed(wait));
                        let retrying_at = retrying_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
                        chat.retry_state = Some(rows::stored(&RetryState { retrying_at, ..retry.clone() }));
                    }
                }
                Effect::ClearRetry => chat.retry_state = None,
                Effect::SetDeadline => {
                    if let Command::EnterRequiresAction { within, .. } = command {
                        chat.requires_action_deadline_at = Some(self.now + *within);
                    }
                }
                Effect::ClearDeadline => chat.requires_action_deadline_at = None,
                Effect::InsertMessage => {
                    if let Some(message) = command.user_message() {
                        chat.last_model_config_id = message.model_config_id.as_uuid();
                    }
                }
                Effect::PromoteHead | Effect::PromoteChosen => {
                    if let Some(promoted) = &self.promoted {
                        chat.last_model_config_id = promoted.model_config_id;
                    }
                }
                Effect::AnswerOpenCalls
                | Effect::CutHistory
                | Effect::InsertPartial
                | Effect::InsertStep
                | Effect::AppendQueued
                | Effect::MoveChosenFirst
                | Effect::RemoveChosen
                | Effect::ClearQueue
                | Effect::DropParts => {}
            }
        }
    }

    /// Writes the rows of one effect, after the fields of the chat are written.
    pub(super) async fn apply(&mut self, effect: Effect, command: &Command) -> ChatResult<()> {
        let id = self.id();
        match effect {
            Effect::AnswerOpenCalls => self.answer_open_calls(command).await?,
            Effect::CutHistory => self.cut(command).await?,
            Effect::InsertPartial | Effect::InsertStep => {
                let answers = self.take_results();
                self.insert_all(command.worker_messages().into_iter().chain(answers).collect()).await?;
            }
            Effect::InsertMessage => {
                self.answer_open_calls(command).await?;
                let message = command.user_message().map(NewMessage::from);
                self.insert_all(message.into_iter().collect()).await?;
            }
            Effect::AppendQueued => self.append_queued(command).await?,
            Effect::PromoteHead | Effect::PromoteChosen => self.promote(command).await?,
            Effect::MoveChosenFirst => {
                if let Some(chosen) = &self.chosen {
                    query::chat_queue::move_first(self.tx, id, QueuedMessageId(chosen.id)).await?;
                }
            }
            Effect::RemoveChosen => {
                if let Some(chosen) = &self.chosen {
                    query::chat_queue::remove(self.tx, id, QueuedMessageId(chosen.id)).await?;
                }
            }
            Effect::ClearQueue => query::chat_queue::clear(self.tx, id).await?,
            Effect::SetDeadline => self.ask(command).await?,
            Effect::DropParts => query::chat_parts::clear(self.tx, id).await?,
            Effect::SetError
            | Effect::ClearError
            | Effect::SetRetry
            | Effect::ClearRetry
            | Effect::ClearDeadline => {}
        }
        Ok(())
    }

    pub(super) async fn insert_all(&mut self, messages: Vec<NewMessage>) -> ChatResult<()> {
        for message in messages {
            self.insert(message).await?;
        }
        Ok(())
    }

    pub(super) async fn insert(&mut self, message: NewMessage) -> ChatResult<()> {
        if message.role == MessageRole::Assistant && !message.compressed {
            self.write_intents(&message.content).await?;
        }
        let usage = message.usage.unwrap_or_default();
        let content = rows::stored(&message.content);
        let revision = self.state.versions.snapshot;
        let row = chat_messages::Model {
            created_by: message.created_by.map(UserId::as_uuid),
            model_config_id: message.model_config_id.map(ModelConfigId::as_uuid),
            visibility: message.visibility.as_str().to_owned(),
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            cache_creation_tokens: usage.cache_creation_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            context_limit: usage.context_limit,
            total_cost_micros: usage.total_cost_micros,
            runtime_ms: message.runtime_ms,
            compressed: message.compressed,
            ..chat_messages::Model::new(self.chat.id, message.role.as_str(), content, revision, self.now)
        };
        let row = query::chat_messages::insert(self.tx, row).await?;
        self.messages.push(rows::message(row)?);
        Ok(())
    }

    /// Writes the ledger's intents of an answer, in the transaction that commits the answer.
    async fn write_intents(&self, content: &[Part]) -> ChatResult<()> {
        let calls = open_calls([(MessageRole::Assistant, content)]);
        let intents = calls.into_iter().zip(0..).map(|(call, ordinal)| chat_tool_calls::Model {
            chat_id: self.chat.id,
            history_version: self.state.versions.history,
            call_id: call.call_id,
            ordinal,
            tool_name: call.tool_name,
            state: String::from("intent"),
            run: 1,
            intent: None,
            ask: None,
            decided_by: None,
            note: None,
            result: None,
            is_error: false,
            created_at: self.now,
            asked_at: None,
            decided_at: None,
            started_at: None,
            finished_at: None,
        });
        Ok(query::chat_tool_calls::insert(self.tx, intents.collect()).await?)
    }

    /// Answers every open call: with its result where the ledger has one, else by saying that it was cancelled.
    async fn answer_open_calls(&mut self, command: &Command) -> ChatResult<()> {
        if std::mem::replace(&mut self.has_answered, true) {
            return Ok(());
        }
        let results = self.cancelled_results(command).await?;
        if results.is_empty() {
            return Ok(());
        }
        self.insert(NewMessage::new(MessageRole::Tool, results)).await
    }

    fn take_results(&mut self) -> Option<NewMessage> {
        let results = std::mem::take(&mut self.results);
        (!results.is_empty()).then(|| NewMessage::new(MessageRole::Tool, results))
    }

    async fn cut(&self, command: &Command) -> ChatResult<()> {
        let Command::Edit { message_id, .. } = command else { return Ok(()) };
        query::chat_messages::cut(self.tx, self.id(), *message_id, self.state.versions.snapshot).await?;
        self.close_ledger().await
    }

    async fn append_queued(&mut self, command: &Command) -> ChatResult<()> {
        let Some(message) = command.user_message() else { return Ok(()) };
        let row = chat_queued_messages::Model {
            id: 0,
            chat_id: self.chat.id,
            created_by: message.created_by.as_uuid(),
            model_config_id: message.model_config_id.as_uuid(),
            content: rows::stored(&message.content),
            position: 0,
            created_at: self.now,
        };
        let row = query::chat_queue::append(self.tx, row).await?;
        self.queued = Some(rows::queued(row)?);
        Ok(())
    }

    async fn promote(&mut self, command: &Command) -> ChatResult<()> {
        let Some(row) = self.promoted.take() else { return Ok(()) };
        self.answer_open_calls(command).await?;
        query::chat_queue::remove(self.tx, self.id(), QueuedMessageId(row.id)).await?;
        let message = rows::queued(row)?;
        let message = UserMessage {
            created_by: message.created_by,
            model_config_id: message.model_config_id,
            content: message.content,
        };
        self.insert(message.into()).await
    }

    /// Tells viewers, the worker and the owner's list, after the commit.
    pub(super) fn hint(&self, kind: Option<&str>) {
        for (channel, hint) in hints::of(&self.chat, &self.state, kind) {
            self.tx.notify(channel, hint);
        }
    }

    pub(super) fn into_outcome(self) -> Outcome {
        Outcome { chat: self.chat, state: self.state, messages: self.messages, queued: self.queued }
    }
}
