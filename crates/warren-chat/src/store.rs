//! Executes transitions: the row is read, the pure step decides, its effects are written, all in one transaction.
//!
//! The only place that writes the rows of chats, histories and queues.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use warren_chat_proto::{
    ChatError, ChatState, Effect, Fence, Input, Lease, Message, Part, QueuedMessage, RetryState, Usage,
    check_fence, open_calls, step,
};
use warren_db::{
    Tx, channels,
    entity::{chat_messages, chat_queued_messages, chat_tool_calls, chats},
    query,
};
use warren_vocab::{
    BusyBehavior, ChatId, ChatStatus, MessageId, MessageRole, MessageVisibility, ModelConfigId,
    QueuedMessageId, UserId,
};

use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
};

/// The most messages that may wait in a queue.
const QUEUE_LEN_MAX: usize = 20;
/// How long a client may take to answer its own tools.
const ACTION_TIME: TimeDelta = TimeDelta::minutes(5);
const CANCELLED: &str = "The tool call was cancelled before it produced a result.";

/// A message of a user before it has an id.
#[derive(Debug, Clone)]
pub(crate) struct UserMessage {
    pub(crate) created_by: UserId,
    pub(crate) model_config_id: ModelConfigId,
    pub(crate) content: Vec<Part>,
}

/// A message before it has an id.
#[derive(Debug, Clone)]
pub(crate) struct NewMessage {
    pub(crate) role: MessageRole,
    pub(crate) visibility: MessageVisibility,
    pub(crate) content: Vec<Part>,
    pub(crate) created_by: Option<UserId>,
    pub(crate) model_config_id: Option<ModelConfigId>,
    pub(crate) usage: Option<Usage>,
    pub(crate) runtime_ms: Option<i64>,
}

impl NewMessage {
    /// A message that everybody sees, without costs.
    pub(crate) const fn new(role: MessageRole, content: Vec<Part>) -> Self {
        Self {
            role,
            visibility: MessageVisibility::Both,
            content,
            created_by: None,
            model_config_id: None,
            usage: None,
            runtime_ms: None,
        }
    }
}

impl From<UserMessage> for NewMessage {
    fn from(message: UserMessage) -> Self {
        Self {
            created_by: Some(message.created_by),
            model_config_id: Some(message.model_config_id),
            ..Self::new(MessageRole::User, message.content)
        }
    }
}

/// A transition with what it needs to be written.
#[derive(Debug)]
pub(crate) enum Command {
    Send { message: UserMessage, busy: BusyBehavior },
    Edit { message_id: MessageId, message: UserMessage },
    DeleteQueued(QueuedMessageId),
    PromoteQueued(QueuedMessageId),
    Interrupt,
    SetArchived(bool),
    RecordAttempt,
    RecordRetry(RetryState),
    CommitStep(Vec<NewMessage>),
    FinishTurn,
    FinishError { error: ChatError, partial: Vec<NewMessage> },
    FinishInterruption { partial: Vec<NewMessage> },
    Acquire { lease: Lease, expires_at: DateTime<Utc> },
    Abandon,
}

impl Command {
    fn input(&self) -> Input {
        match self {
            Self::Send { busy, .. } => Input::Send(*busy),
            Self::Edit { .. } => Input::Edit,
            Self::DeleteQueued(_) => Input::DeleteQueued,
            Self::PromoteQueued(_) => Input::PromoteQueued,
            Self::Interrupt => Input::Interrupt,
            Self::SetArchived(archived) => Input::SetArchived(*archived),
            Self::RecordAttempt => Input::RecordAttempt,
            Self::RecordRetry(_) => Input::RecordRetry,
            Self::CommitStep(_) => Input::CommitStep,
            Self::FinishTurn => Input::FinishTurn,
            Self::FinishError { .. } => Input::FinishError,
            Self::FinishInterruption { .. } => Input::FinishInterruption,
            Self::Acquire { lease, .. } => Input::Acquire(*lease),
            Self::Abandon => Input::Abandon,
        }
    }
}

/// What a transition has written.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) chat: chats::Model,
    pub(crate) state: ChatState,
    pub(crate) messages: Vec<Message>,
    pub(crate) queued: Option<QueuedMessage>,
}

/// Adds a chat with its first messages.
pub(crate) async fn create(
    tx: &Tx,
    mut chat: chats::Model,
    messages: Vec<NewMessage>,
) -> ChatResult<Outcome> {
    let (state, _) = warren_chat_proto::step::create();
    rows::set_state(&mut chat, &state);
    query::chats::insert(tx, chat.clone()).await?;
    let mut writer = Writer { tx, chat, state, messages: Vec::new(), queued: None };
    writer.insert_all(messages).await?;
    writer.hint(Some("created"));
    Ok(writer.into_outcome())
}

/// Applies a command. A worker gives its fence.
pub(crate) async fn transition(
    tx: &Tx,
    id: ChatId,
    fence: Option<&Fence>,
    command: Command,
) -> ChatResult<Outcome> {
    let chat = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
    let queue_len = usize::try_from(query::chat_queue::count(tx, id).await?).unwrap_or(usize::MAX);
    let before = rows::state(&chat, queue_len)?;
    if let Some(fence) = fence {
        check_fence(&before, fence)?;
    }
    let input = command.input();
    let (state, effects) = step(&before, input)?;
    if state.queue_len > QUEUE_LEN_MAX && effects.contains(&Effect::AppendQueued) {
        return Err(ChatServiceError::QueueFull);
    }
    let mut writer = Writer { tx, chat, state, messages: Vec::new(), queued: None };
    rows::set_state(&mut writer.chat, &writer.state);
    if let Command::Acquire { expires_at, .. } = &command {
        writer.chat.lease_expires_at = Some(*expires_at);
    }
    if moves_the_list(input) {
        writer.chat.updated_at = rows::now();
    }
    for effect in effects {
        writer.apply(effect, &command).await?;
    }
    query::chats::update(tx, writer.chat.clone(), before.versions.snapshot).await?;
    writer.hint(kind(input));
    Ok(writer.into_outcome())
}

struct Writer<'a> {
    tx: &'a Tx,
    chat: chats::Model,
    state: ChatState,
    messages: Vec<Message>,
    queued: Option<QueuedMessage>,
}

impl Writer<'_> {
    async fn apply(&mut self, effect: Effect, command: &Command) -> ChatResult<()> {
        let id = self.id();
        match effect {
            Effect::AnswerOpenCalls => self.answer_open_calls().await?,
            Effect::CutHistory => self.cut(command).await?,
            Effect::InsertPartial | Effect::InsertStep => self.insert_all(worker_messages(command)).await?,
            Effect::InsertMessage => {
                let message = user_message(command).map(NewMessage::from);
                self.insert_all(message.into_iter().collect()).await?;
            }
            Effect::AppendQueued => self.append_queued(command).await?,
            Effect::PromoteHead => {
                let head = query::chat_queue::list(self.tx, id).await?.into_iter().next();
                self.promote(head).await?;
            }
            Effect::PromoteChosen => {
                let chosen = self.chosen(command).await?;
                self.promote(Some(chosen)).await?;
            }
            Effect::MoveChosenFirst => {
                let chosen = self.chosen(command).await?;
                query::chat_queue::move_first(self.tx, id, QueuedMessageId(chosen.id)).await?;
            }
            Effect::RemoveChosen => {
                let chosen = self.chosen(command).await?;
                query::chat_queue::remove(self.tx, id, QueuedMessageId(chosen.id)).await?;
            }
            Effect::ClearQueue => query::chat_queue::clear(self.tx, id).await?,
            Effect::SetError => self.chat.last_error = error_of(command).map(|error| rows::json(&error)),
            Effect::ClearError => self.chat.last_error = None,
            Effect::SetRetry => {
                if let Command::RecordRetry(retry) = command {
                    self.chat.retry_state = Some(rows::json(retry));
                }
            }
            Effect::ClearRetry => self.chat.retry_state = None,
            Effect::SetDeadline => self.chat.requires_action_deadline_at = Some(rows::now() + ACTION_TIME),
            Effect::ClearDeadline => self.chat.requires_action_deadline_at = None,
            Effect::DropParts => query::chat_parts::clear(self.tx, id).await?,
        }
        Ok(())
    }

    fn id(&self) -> ChatId {
        ChatId::from_uuid(self.chat.id)
    }

    async fn insert_all(&mut self, messages: Vec<NewMessage>) -> ChatResult<()> {
        for message in messages {
            self.insert(message).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, message: NewMessage) -> ChatResult<()> {
        if message.role == MessageRole::Assistant {
            self.write_intents(&message.content).await?;
        }
        if message.role == MessageRole::User
            && let Some(model) = message.model_config_id
        {
            self.chat.last_model_config_id = model.as_uuid();
        }
        let usage = message.usage.unwrap_or_default();
        let content = rows::parts(&message.content);
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
            ..chat_messages::Model::new(self.chat.id, message.role.as_str(), content, revision, rows::now())
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
            created_at: rows::now(),
            asked_at: None,
            decided_at: None,
            started_at: None,
            finished_at: None,
        });
        Ok(query::chat_tool_calls::insert(self.tx, intents.collect()).await?)
    }

    async fn answer_open_calls(&mut self) -> ChatResult<()> {
        let live = query::chat_messages::live(self.tx, self.id()).await?;
        let live: Vec<_> = live.into_iter().map(rows::message).collect::<ChatResult<_>>()?;
        let open = open_calls(live.iter().map(|message| (message.role, message.content.as_slice())));
        if open.is_empty() {
            return Ok(());
        }
        let results = open.iter().map(|call| {
            Part::tool_result(&call.call_id, &call.tool_name, json!({ "error": CANCELLED }), true)
        });
        self.insert(NewMessage::new(MessageRole::Tool, results.collect())).await
    }

    async fn cut(&self, command: &Command) -> ChatResult<()> {
        let Command::Edit { message_id, .. } = command else { return Ok(()) };
        let found = query::chat_messages::by_id(self.tx, self.id(), *message_id).await?;
        let found = found.ok_or(ChatServiceError::NotFound)?;
        if found.role != MessageRole::User.as_str() {
            return Err(ChatServiceError::invalid("message", "Only messages of users can be edited."));
        }
        Ok(query::chat_messages::cut(self.tx, self.id(), *message_id, self.state.versions.snapshot).await?)
    }

    async fn append_queued(&mut self, command: &Command) -> ChatResult<()> {
        let Some(message) = user_message(command) else { return Ok(()) };
        let row = chat_queued_messages::Model {
            id: 0,
            chat_id: self.chat.id,
            created_by: message.created_by.as_uuid(),
            model_config_id: message.model_config_id.as_uuid(),
            content: rows::parts(&message.content),
            position: 0,
            created_at: rows::now(),
        };
        let row = query::chat_queue::append(self.tx, row).await?;
        self.queued = Some(rows::queued(row)?);
        Ok(())
    }

    async fn promote(&mut self, row: Option<chat_queued_messages::Model>) -> ChatResult<()> {
        let Some(row) = row else { return Ok(()) };
        query::chat_queue::remove(self.tx, self.id(), QueuedMessageId(row.id)).await?;
        if self.queued.as_ref().is_some_and(|queued| queued.id.get() == row.id) {
            self.queued = None;
        }
        let message = rows::queued(row)?;
        let message = UserMessage {
            created_by: message.created_by,
            model_config_id: message.model_config_id,
            content: message.content,
        };
        self.insert(message.into()).await
    }

    async fn chosen(&self, command: &Command) -> ChatResult<chat_queued_messages::Model> {
        let (Command::DeleteQueued(wanted) | Command::PromoteQueued(wanted)) = command else {
            return Err(ChatServiceError::NotFound);
        };
        let queue = query::chat_queue::list(self.tx, self.id()).await?;
        queue.into_iter().find(|row| row.id == wanted.get()).ok_or(ChatServiceError::NotFound)
    }

    /// Tells viewers, the worker and the owner's list, after the commit.
    fn hint(&self, kind: Option<&str>) {
        let id = self.id();
        let versions = self.state.versions;
        let hint = json!({
            "snapshot_version": versions.snapshot,
            "history_version": versions.history,
            "status": self.state.status,
            "lease_epoch": self.state.epoch,
        });
        self.tx.notify(channels::chat(id), hint);
        if self.state.execution().needs_worker() && self.state.lease.is_none() {
            self.tx.notify(channels::CHAT_WORK, json!(id));
        }
        if let Some(kind) = kind {
            let owner = UserId::from_uuid(self.chat.owner_id);
            self.tx.notify(channels::chats_of(owner), json!({ "kind": kind, "chat_id": id }));
        }
    }

    fn into_outcome(self) -> Outcome {
        Outcome { chat: self.chat, state: self.state, messages: self.messages, queued: self.queued }
    }
}

/// The kind of event for the owner's list, if the list shows the change.
fn kind(input: Input) -> Option<&'static str> {
    match input {
        Input::SetArchived(true) => Some("deleted"),
        Input::Create | Input::SetArchived(false) => Some("created"),
        Input::Send(_)
        | Input::Edit
        | Input::PromoteQueued
        | Input::Interrupt
        | Input::CompleteRequiresAction
        | Input::CommitStep
        | Input::EnterRequiresAction
        | Input::FinishTurn
        | Input::FinishError
        | Input::FinishInterruption
        | Input::CancelRequiresAction
        | Input::Reconcile => Some("status_change"),
        Input::DeleteQueued
        | Input::RecordAttempt
        | Input::RecordRetry
        | Input::Acquire(_)
        | Input::Abandon => None,
    }
}

fn moves_the_list(input: Input) -> bool {
    kind(input) == Some("status_change")
}

fn user_message(command: &Command) -> Option<UserMessage> {
    match command {
        Command::Send { message, .. } | Command::Edit { message, .. } => Some(message.clone()),
        Command::DeleteQueued(_)
        | Command::PromoteQueued(_)
        | Command::Interrupt
        | Command::SetArchived(_)
        | Command::RecordAttempt
        | Command::RecordRetry(_)
        | Command::CommitStep(_)
        | Command::FinishTurn
        | Command::FinishError { .. }
        | Command::FinishInterruption { .. }
        | Command::Acquire { .. }
        | Command::Abandon => None,
    }
}

fn worker_messages(command: &Command) -> Vec<NewMessage> {
    match command {
        Command::CommitStep(messages)
        | Command::FinishError { partial: messages, .. }
        | Command::FinishInterruption { partial: messages } => messages.clone(),
        Command::Send { .. }
        | Command::Edit { .. }
        | Command::DeleteQueued(_)
        | Command::PromoteQueued(_)
        | Command::Interrupt
        | Command::SetArchived(_)
        | Command::RecordAttempt
        | Command::RecordRetry(_)
        | Command::FinishTurn
        | Command::Acquire { .. }
        | Command::Abandon => Vec::new(),
    }
}

fn error_of(command: &Command) -> Option<ChatError> {
    match command {
        Command::FinishError { error, .. } => Some(error.clone()),
        _ => None,
    }
}

/// The fence of a worker for the row that it has read.
pub(crate) fn fence(state: &ChatState, status: ChatStatus, attempt: Option<i64>) -> Fence {
    Fence { epoch: state.epoch, status, history_version: state.versions.history, attempt }
}
