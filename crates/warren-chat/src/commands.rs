//! What users do with chats: the parts of every use case that they share.

mod answers;
mod checks;
mod create;
mod listing;
mod messages;
mod patch;
mod text;
mod titles;

use warren_authz::{Action, Object, Resource, Subject, check};
use warren_chat_proto::Message;
use warren_db::{Guard, Tx, entity::chats, query};
use warren_vocab::{ChatId, MessageRole, ModelConfigId, OrganizationId, UserId, WorkspaceId};

pub use self::{
    answers::{Answer, Approval},
    create::CreateChat,
    listing::{ChatSearch, ListedChat, Prompt},
    messages::{SendMessage, Sent},
    patch::ChatPatch,
    text::sanitised,
};
pub(crate) use create::made_title;

use crate::{
    error::{ChatResult, ChatServiceError},
    hub::{ListViewer, Start, StreamFigures, Viewer},
    service::ChatService,
    store::{self, Command, Outcome, Request},
};

/// What the tools of a chat do, with the rights of its owner.
const TOOLS_USE: [(Action, Resource); 9] = [
    (Action::Read, Resource::Template),
    (Action::Use, Resource::Template),
    (Action::Create, Resource::Workspace),
    (Action::Read, Resource::Workspace),
    (Action::Update, Resource::Workspace),
    (Action::Start, Resource::Workspace),
    (Action::Stop, Resource::Workspace),
    (Action::Ssh, Resource::Workspace),
    (Action::ApplicationConnect, Resource::Workspace),
];

/// A request that may be sent again: the same key and digest get the first answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    /// Of the route and the body.
    pub digest: String,
}

impl Idempotency {
    fn request(&self, owner: UserId) -> Request<'_> {
        Request { owner, key: &self.key, digest: &self.digest }
    }
}

impl ChatService {
    /// Finds a chat that the subject may read.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is none.
    pub async fn get(&self, subject: &Subject, id: ChatId) -> ChatResult<chats::Model> {
        self.find(subject, Action::Read, id).await
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

    pub(crate) async fn apply(&self, id: ChatId, command: Command) -> ChatResult<Outcome> {
        store::commit(self.db(), id, None, command).await
    }

    pub(crate) async fn find(
        &self,
        subject: &Subject,
        action: Action,
        id: ChatId,
    ) -> ChatResult<chats::Model> {
        let found = query::chats::by_id(self.db().reader(), id).await?;
        let chat = found.ok_or(ChatServiceError::NotFound)?;
        check(subject, action, &object(&chat))?;
        Ok(chat)
    }

    /// A chat that the caller may make go on.
    pub(crate) async fn find_to_run(&self, subject: &Subject, id: ChatId) -> ChatResult<chats::Model> {
        let chat = self.find_own(subject, id).await?;
        check_reach(subject)?;
        Ok(chat)
    }

    /// Messages run with the rights of the chat's owner, so nobody else may write them.
    pub(crate) async fn find_own(&self, subject: &Subject, id: ChatId) -> ChatResult<chats::Model> {
        let chat = self.find(subject, Action::Update, id).await?;
        if chat.owner_id != subject.user.as_uuid() {
            return Err(ChatServiceError::Forbidden);
        }
        Ok(chat)
    }

    pub(crate) async fn model_for(
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

    async fn check_workspace(
        &self,
        owner: UserId,
        id: WorkspaceId,
        organization: OrganizationId,
    ) -> ChatResult<()> {
        let invalid = |message: &str| Err(ChatServiceError::invalid("workspace_id", message));
        let found = query::workspaces::by_id(self.db().reader(), id).await?;
        let is_own = |workspace: &warren_db::entity::workspaces::Model| {
            !workspace.deleted && workspace.owner_id == owner.as_uuid()
        };
        match found.filter(is_own) {
            None => invalid("The workspace does not exist or belongs to somebody else than the chat."),
            Some(workspace) if workspace.organization_id != organization.as_uuid() => {
                invalid("The workspace belongs to another organization than the chat.")
            }
            Some(_) => Ok(()),
        }
    }
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

/// A token must not do by way of a chat what it cannot do itself.
fn check_reach(subject: &Subject) -> ChatResult<()> {
    if subject.scope.covers_all(&TOOLS_USE) { Ok(()) } else { Err(ChatServiceError::NarrowToken) }
}
