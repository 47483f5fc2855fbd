//! Making chats.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Resource, check};
use warren_chat_proto::Part;
use warren_db::{Tx, entity::chats, query};
use warren_vocab::{
    ClientType, MessageRole, MessageVisibility, ModelConfigId, OrganizationId, UserId, WorkspaceId,
};

use super::{
    Idempotency, check_reach, checks,
    text::{one_line, sanitised},
};
use crate::{
    crash_points::{self, Moment},
    error::{ChatResult, ChatServiceError},
    rows,
    service::{Caller, ChatService},
    store::{self, NewMessage, UserMessage},
    tools::{DynamicTool, check_dynamic_tools},
};

const SYSTEM_PROMPT_CHARS_MAX: usize = 10_000;
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
    /// Tools that the client runs.
    pub dynamic_tools: Vec<DynamicTool>,
    pub client_type: ClientType,
    pub idempotency: Option<Idempotency>,
}

impl ChatService {
    /// Makes a chat, which begins to answer at once.
    ///
    /// # Errors
    /// Names the field that is not acceptable; [`ChatServiceError::UsageLimit`] when nothing is left to spend.
    pub async fn create(&self, caller: Caller<'_>, request: CreateChat) -> ChatResult<chats::Model> {
        let owner = caller.subject.user;
        self.check_organization(caller, request.organization).await?;
        check_reach(caller.subject)?;
        let request = checked(request)?;
        if let Some(found) = self.made_before(owner, &request).await? {
            return Ok(found);
        }
        let model = self.model_for(request.model_config, None).await?;
        if let Some(workspace) = request.workspace {
            self.check_workspace(caller.subject.user, workspace, request.organization).await?;
        }
        let chat = new_row(owner, &request, model, self.db().now());
        let messages = first_messages(owner, model, &request);
        let written = self.db().write(async |tx: &Tx| {
            let key = request.idempotency.as_ref().map(|key| key.request(owner));
            if let Some(key) = key
                && let Some(found) = store::find_request(tx, key).await?
            {
                return query::chats::by_id(tx, found.chat).await?.ok_or(ChatServiceError::NotFound);
            }
            store::check_limit(tx, owner).await?;
            let outcome = store::create(tx, chat, messages).await?;
            if let Some(key) = key {
                store::remember_request(tx, key, &outcome).await?;
            }
            record(tx, caller, Entry::create(&outcome.chat)).await?;
            crash_points::reach(Moment::BeforeCommit, "create");
            Ok::<_, ChatServiceError>(outcome.chat)
        });
        let written = written.await?;
        crash_points::reach(Moment::AfterCommit, "create");
        Ok(written)
    }

    async fn check_organization(&self, caller: Caller<'_>, organization: OrganizationId) -> ChatResult<()> {
        let subject = caller.subject;
        let invalid = |message: &str| ChatServiceError::invalid("organization_id", message);
        let object = Object::owned_in(Resource::Chat, subject.user, organization);
        check(subject, Action::Create, &object).map_err(|_| {
            if subject.is_member_of(organization) {
                return ChatServiceError::Forbidden;
            }
            invalid("You are not a member of this organization.")
        })?;
        let found = query::organizations::by_id(self.db().reader(), organization).await?;
        found.map(|_| ()).ok_or_else(|| invalid("This organization does not exist."))
    }

    async fn made_before(&self, owner: UserId, request: &CreateChat) -> ChatResult<Option<chats::Model>> {
        let Some(key) = &request.idempotency else { return Ok(None) };
        let reader = self.db().reader();
        let Some(found) = store::find_request(reader, key.request(owner)).await? else { return Ok(None) };
        Ok(query::chats::by_id(reader, found.chat).await?)
    }
}

fn checked(mut request: CreateChat) -> ChatResult<CreateChat> {
    checks::content(&request.content)?;
    checks::labels(&request.labels)?;
    check_dynamic_tools(&request.dynamic_tools)?;
    request.system_prompt =
        request.system_prompt.map(|prompt| sanitised(&prompt)).filter(|prompt| !prompt.is_empty());
    let length = request.system_prompt.as_ref().map_or(0, |prompt| prompt.chars().count());
    if length > SYSTEM_PROMPT_CHARS_MAX {
        let message = format!("The system prompt must have at most {SYSTEM_PROMPT_CHARS_MAX} characters.");
        return Err(ChatServiceError::invalid("system_prompt", message));
    }
    Ok(request)
}

fn first_messages(owner: UserId, model: ModelConfigId, request: &CreateChat) -> Vec<NewMessage> {
    let system = request.system_prompt.as_ref().map(|prompt| NewMessage {
        visibility: MessageVisibility::Model,
        ..NewMessage::new(MessageRole::System, vec![Part::text(prompt)])
    });
    let message = UserMessage { created_by: owner, model_config_id: model, content: request.content.clone() };
    system.into_iter().chain([message.into()]).collect()
}

fn new_row(owner: UserId, request: &CreateChat, model: ModelConfigId, at: DateTime<Utc>) -> chats::Model {
    let (owner, organization) = (owner.as_uuid(), request.organization.as_uuid());
    let dynamic_tools = (!request.dynamic_tools.is_empty()).then(|| rows::json(&request.dynamic_tools));
    chats::Model {
        workspace_id: request.workspace.map(WorkspaceId::as_uuid),
        title: made_title(&request.content),
        client_type: request.client_type.as_str().to_owned(),
        labels: rows::json(&request.labels),
        dynamic_tools,
        ..chats::Model::idle(owner, organization, model.as_uuid(), at)
    }
}

/// The first words of the first text.
pub(crate) fn made_title(content: &[Part]) -> String {
    let text = content.iter().find_map(Part::as_text);
    let text = one_line(text.unwrap_or_default());
    let words: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return String::from("New Chat");
    }
    let title = words[..words.len().min(TITLE_WORDS)].join(" ");
    let is_cut = words.len() > TITLE_WORDS || title.chars().count() > MADE_TITLE_CHARS_MAX;
    let title: String = title.chars().take(MADE_TITLE_CHARS_MAX - 1).collect();
    if is_cut { format!("{title}…") } else { title }
}
