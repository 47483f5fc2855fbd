//! What users do with chats.

use std::collections::BTreeMap;

use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Resource, Subject, check, list_filter};
use warren_chat_proto::{Message, Part, QueuedMessage};
use warren_db::{
    Guard, Tx, channels,
    entity::chats,
    query::{self, Page, chat_messages::Slice},
};
use warren_vocab::{
    BusyBehavior, ChatId, ClientType, MessageId, MessageRole, MessageVisibility, ModelConfigId,
    OrganizationId, QueuedMessageId, UserId, WorkspaceId,
};

use crate::{
    error::{ChatResult, ChatServiceError},
    hub::{ListViewer, Start, StreamFigures, Viewer},
    rows,
    service::{Caller, ChatService},
    store::{self, Command, NewMessage, Outcome, UserMessage},
};

const TITLE_CHARS_MAX: usize = 200;
const SYSTEM_PROMPT_CHARS_MAX: usize = 10_000;
const LABELS_MAX: usize = 50;
/// A title made from the first message: words and characters at most.
const TITLE_WORDS: usize = 6;
const MADE_TITLE_CHARS_MAX: usize = 80;

/// A chat to be made.
#[derive(Debug, Clone)]
pub struct CreateChat {
    pub organization: OrganizationId,
    pub content: Vec<Part>,
    pub system_prompt: Option<String>,
    pub workspace: Option<WorkspaceId>,
    /// The default model when absent.
    pub model_config: Option<ModelConfigId>,
    pub labels: BTreeMap<String, String>,
    pub client_type: ClientType,
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct SendMessage {
    pub content: Vec<Part>,
    /// The chat's last model when absent.
    pub model_config: Option<ModelConfigId>,
    pub busy: BusyBehavior,
}

/// Where a sent message went.
#[derive(Debug, Clone)]
pub enum Sent {
    InHistory(Message),
    InQueue(QueuedMessage),
}

/// Changes to a chat; an absent field stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatPatch {
    pub title: Option<String>,
    /// The workspace that the tools work in, or none.
    pub workspace: Option<Option<WorkspaceId>>,
    /// Replaces all labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// The place in the list; 0 takes the pin away.
    pub pin_order: Option<i32>,
    pub archived: Option<bool>,
}

impl ChatService {
    /// Makes a chat, which begins to answer at once.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub async fn create(&self, caller: Caller<'_>, request: CreateChat) -> ChatResult<chats::Model> {
        let subject = caller.subject;
        let object = Object::owned_in(Resource::Chat, subject.user, request.organization);
        check(subject, Action::Create, &object).map_err(|_| {
            if subject.is_member_of(request.organization) {
                return ChatServiceError::Forbidden;
            }
            ChatServiceError::invalid("organization_id", "You are not a member of this organization.")
        })?;
        check_create(&request)?;
        let model = self.model_for(request.model_config, None).await?;
        if let Some(workspace) = request.workspace {
            self.check_workspace(subject, workspace).await?;
        }
        let chat = new_row(subject.user, &request, model);
        let system =
            request.system_prompt.filter(|prompt| !prompt.trim().is_empty()).map(|prompt| NewMessage {
                visibility: MessageVisibility::Model,
                ..NewMessage::new(MessageRole::System, vec![Part::text(prompt)])
            });
        let message =
            UserMessage { created_by: subject.user, model_config_id: model, content: request.content };
        let messages = system.into_iter().chain([message.into()]).collect();
        let written = self.db().write(async |tx| {
            let outcome = store::create(tx, chat, messages).await?;
            record(tx, caller, Entry::create(&outcome.chat)).await?;
            Ok::<_, ChatServiceError>(outcome.chat)
        });
        written.await
    }

    /// Finds a chat that the subject may read.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is none.
    pub async fn get(&self, subject: &Subject, id: ChatId) -> ChatResult<chats::Model> {
        self.find(subject, Action::Read, id).await
    }

    /// Lists the subject's own chats.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn list(&self, subject: &Subject, archived: bool, page: Page) -> ChatResult<Vec<chats::Model>> {
        let readable = list_filter(subject, Resource::Chat);
        Ok(query::chats::list(self.db().reader(), subject.user, &readable, archived, page).await?)
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

    /// Lists the queue in the order in which it is worked off.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such chat.
    pub async fn queue(&self, subject: &Subject, id: ChatId) -> ChatResult<Vec<QueuedMessage>> {
        self.find(subject, Action::Read, id).await?;
        let found = query::chat_queue::list(self.db().reader(), id).await?;
        found.into_iter().map(rows::queued).collect()
    }

    /// Sends a message; while the chat is busy it is queued.
    ///
    /// # Errors
    /// [`ChatServiceError::QueueFull`], or a conflict when the chat is archived.
    pub async fn send(&self, subject: &Subject, id: ChatId, request: SendMessage) -> ChatResult<Sent> {
        let chat = self.find_own(subject, id).await?;
        check_content(&request.content)?;
        let model = self.model_for(request.model_config, Some(&chat)).await?;
        let message =
            UserMessage { created_by: subject.user, model_config_id: model, content: request.content };
        let outcome = self.apply(id, Command::Send { message, busy: request.busy }).await?;
        if let Some(queued) = outcome.queued {
            return Ok(Sent::InQueue(queued));
        }
        last_message(outcome).map(Sent::InHistory)
    }

    /// Replaces a message of the user and takes away what came after it.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such message.
    pub async fn edit(
        &self,
        subject: &Subject,
        id: ChatId,
        message_id: MessageId,
        request: SendMessage,
    ) -> ChatResult<Message> {
        let chat = self.find_own(subject, id).await?;
        check_content(&request.content)?;
        let model = self.model_for(request.model_config, Some(&chat)).await?;
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
        self.find_own(subject, id).await?;
        Ok(self.apply(id, Command::PromoteQueued(message)).await?.messages.pop())
    }

    /// Changes a chat; all of the patch or nothing.
    ///
    /// # Errors
    /// Names the field that is not acceptable; a conflict when a busy chat is to be archived.
    pub async fn update(&self, caller: Caller<'_>, id: ChatId, patch: ChatPatch) -> ChatResult<()> {
        let chat = self.find(caller.subject, Action::Update, id).await?;
        check_patch(&chat, &patch)?;
        if let Some(Some(workspace)) = patch.workspace {
            self.check_workspace(caller.subject, workspace).await?;
        }
        if patch == ChatPatch::default() {
            return Ok(());
        }
        let written = self.db().write(async |tx| {
            let old = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
            apply_patch(tx, &old, patch).await?;
            let new = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
            Ok(record(tx, caller, Entry::write(&old, &new)).await?)
        });
        written.await
    }

    /// Starts to watch a chat.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such chat.
    pub async fn watch(&self, subject: &Subject, id: ChatId, start: Start) -> ChatResult<Viewer> {
        let chat = self.find(subject, Action::Read, id).await?;
        Ok(self.shared.hub.watch(id, start, object(&chat)))
    }

    /// Starts to watch the subject's list of chats.
    pub fn watch_list(&self, subject: &Subject) -> ListViewer {
        self.shared.hub.watch_list(subject)
    }

    /// What the streams of this server do.
    pub fn stream_figures(&self) -> StreamFigures {
        self.shared.hub.figures()
    }

    /// Notes that the owner has read everything.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn mark_read(&self, subject: &Subject, id: ChatId) -> ChatResult<()> {
        let newest = query::chat_messages::newest_ids(self.db().reader(), &[id]).await?;
        let chat = self.get(subject, id).await?;
        let Some((_, newest)) = newest.into_iter().next() else { return Ok(()) };
        if chat.owner_id != subject.user.as_uuid() || newest.get() <= chat.last_read_message_id {
            return Ok(());
        }
        let write = async |tx: &Tx| query::chats::set_read(tx, id, newest).await;
        Ok(self.db().write_guarded(Guard::chat(id), write).await?)
    }

    async fn apply(&self, id: ChatId, command: Command) -> ChatResult<Outcome> {
        store::commit(self.db(), id, None, command).await
    }

    async fn find(&self, subject: &Subject, action: Action, id: ChatId) -> ChatResult<chats::Model> {
        let found = query::chats::by_id(self.db().reader(), id).await?;
        let chat = found.ok_or(ChatServiceError::NotFound)?;
        check(subject, action, &object(&chat))?;
        Ok(chat)
    }

    /// Messages run with the rights of the chat's owner, so nobody else may write them.
    async fn find_own(&self, subject: &Subject, id: ChatId) -> ChatResult<chats::Model> {
        let chat = self.find(subject, Action::Update, id).await?;
        if chat.owner_id != subject.user.as_uuid() {
            return Err(ChatServiceError::Forbidden);
        }
        Ok(chat)
    }

    async fn model_for(
        &self,
        wanted: Option<ModelConfigId>,
        chat: Option<&chats::Model>,
    ) -> ChatResult<ModelConfigId> {
        let models = query::chat_model_configs::list(self.db().reader()).await?;
        if let Some(wanted) = wanted {
            let known = models.iter().any(|model| model.id == wanted.as_uuid() && model.enabled);
            return known.then_some(wanted).ok_or_else(|| {
                ChatServiceError::invalid("model_config_id", "This model does not exist or is turned off.")
            });
        }
        if let Some(chat) = chat {
            return Ok(ModelConfigId::from_uuid(chat.last_model_config_id));
        }
        let default = models.iter().find(|model| model.is_default && model.enabled);
        default.map(|model| ModelConfigId::from_uuid(model.id)).ok_or_else(|| {
            ChatServiceError::invalid(
                "model_config_id",
                "No default model is configured. Ask an administrator to add a model provider and a model.",
            )
        })
    }

    async fn check_workspace(&self, subject: &Subject, id: WorkspaceId) -> ChatResult<()> {
        let found = query::workspaces::by_id(self.db().reader(), id).await?;
        let is_own =
            found.is_some_and(|workspace| !workspace.deleted && workspace.owner_id == subject.user.as_uuid());
        if is_own {
            return Ok(());
        }
        let message = "The workspace does not exist or is not yours.";
        Err(ChatServiceError::invalid("workspace_id", message))
    }
}

fn check_create(request: &CreateChat) -> ChatResult<()> {
    check_content(&request.content)?;
    check_labels(&request.labels)?;
    let too_long =
        request.system_prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > SYSTEM_PROMPT_CHARS_MAX);
    if too_long {
        let message = format!("The system prompt must have at most {SYSTEM_PROMPT_CHARS_MAX} characters.");
        return Err(ChatServiceError::invalid("system_prompt", message));
    }
    Ok(())
}

fn check_patch(chat: &chats::Model, patch: &ChatPatch) -> ChatResult<()> {
    if let Some(title) = patch.title.as_deref().map(str::trim)
        && (title.is_empty() || title.chars().count() > TITLE_CHARS_MAX)
    {
        let message = format!("The title must have 1 to {TITLE_CHARS_MAX} characters.");
        return Err(ChatServiceError::invalid("title", message));
    }
    if let Some(labels) = &patch.labels {
        check_labels(labels)?;
    }
    if patch.pin_order.is_some_and(|place| place < 0) {
        return Err(ChatServiceError::invalid("pin_order", "The place must be 0 or more."));
    }
    if patch.archived == Some(chat.archived) {
        let message =
            if chat.archived { "The chat is archived already." } else { "The chat is not archived." };
        return Err(ChatServiceError::invalid("archived", message));
    }
    Ok(())
}

async fn apply_patch(tx: &Tx, chat: &chats::Model, patch: ChatPatch) -> ChatResult<()> {
    let id = ChatId::from_uuid(chat.id);
    if let Some(title) = patch.title {
        query::chats::set_title(tx, id, title.trim()).await?;
        let hint = serde_json::json!({ "kind": "title_change", "chat_id": id });
        tx.notify(channels::chats_of(UserId::from_uuid(chat.owner_id)), hint);
    }
    if let Some(workspace) = patch.workspace {
        query::chats::set_workspace(tx, id, workspace).await?;
    }
    if let Some(labels) = patch.labels {
        query::chats::set_labels(tx, id, rows::json(&labels)).await?;
    }
    if let Some(pin_order) = patch.pin_order {
        query::chats::set_pin_order(tx, id, pin_order).await?;
    }
    if let Some(archived) = patch.archived {
        store::transition(tx, id, None, Command::SetArchived(archived)).await?;
    }
    Ok(())
}

fn check_content(content: &[Part]) -> ChatResult<()> {
    let is_blank = |part: &Part| matches!(part, Part::Text { text } if text.trim().is_empty());
    if content.is_empty() || content.iter().any(is_blank) {
        return Err(ChatServiceError::invalid("content", "The message must not be empty."));
    }
    Ok(())
}

fn check_labels(labels: &BTreeMap<String, String>) -> ChatResult<()> {
    let is_key = |key: &str| {
        !key.is_empty()
            && key.len() <= 64
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
    };
    if labels.len() > LABELS_MAX || labels.iter().any(|(key, value)| !is_key(key) || value.len() > 256) {
        let message = "Use at most 50 labels, with keys of letters, digits, '-', '_', '.' or '/' and values of at most 256 bytes.";
        return Err(ChatServiceError::invalid("labels", message));
    }
    Ok(())
}

fn object(chat: &chats::Model) -> Object {
    let owner = UserId::from_uuid(chat.owner_id);
    let organization = OrganizationId::from_uuid(chat.organization_id);
    Object::owned_in(Resource::Chat, owner, organization).with_id(chat.id)
}

fn last_message(outcome: Outcome) -> ChatResult<Message> {
    let last = outcome.messages.into_iter().rfind(|message| message.role == MessageRole::User);
    last.ok_or(ChatServiceError::NotFound)
}

fn new_row(owner: UserId, request: &CreateChat, model: ModelConfigId) -> chats::Model {
    let (owner, organization) = (owner.as_uuid(), request.organization.as_uuid());
    chats::Model {
        workspace_id: request.workspace.map(WorkspaceId::as_uuid),
        title: made_title(&request.content),
        client_type: request.client_type.as_str().to_owned(),
        labels: rows::json(&request.labels),
        ..chats::Model::idle(owner, organization, model.as_uuid(), rows::now())
    }
}

/// The first words of the first text.
fn made_title(content: &[Part]) -> String {
    let text = content.iter().find_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        Part::Reasoning { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => None,
    });
    let words: Vec<_> = text.unwrap_or_default().split_whitespace().collect();
    if words.is_empty() {
        return String::from("New Chat");
    }
    let title = words[..words.len().min(TITLE_WORDS)].join(" ");
    let is_cut = words.len() > TITLE_WORDS || title.chars().count() > MADE_TITLE_CHARS_MAX;
    let title: String = title.chars().take(MADE_TITLE_CHARS_MAX - 1).collect();
    if is_cut { format!("{title}…") } else { title }
}
