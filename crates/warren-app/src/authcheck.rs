//! Questions of clients about their own rights, for showing what can be done.

use std::collections::BTreeMap;

use uuid::Uuid;
use warren_authz::{Action, Object, Resource};
use warren_db::query;
use warren_vocab::{ChatId, FileId, OrganizationId, TemplateId, UserId, WorkspaceId};

use crate::{
    App,
    actor::Actor,
    error::{AppError, AppResult},
    templates, workspaces,
};

/// The most questions in one request.
pub const QUESTIONS_MAX: usize = 500;

/// One question: may the caller do this?
#[derive(Debug, Clone)]
pub struct Question {
    pub action: Action,
    pub resource: Resource,
    /// An existing object; what it belongs to is looked up.
    pub id: Option<Uuid>,
    pub owner: Option<UserId>,
    pub organization: Option<OrganizationId>,
    /// Whether any of the caller's organizations will do.
    pub any_organization: bool,
}

impl App {
    /// Answers questions; an object that does not exist or that the caller may not read gets a no.
    ///
    /// # Errors
    /// Invalid for more than [`QUESTIONS_MAX`] questions.
    pub async fn answer_questions(
        &self,
        actor: &Actor,
        questions: BTreeMap<String, Question>,
    ) -> AppResult<BTreeMap<String, bool>> {
        if questions.len() > QUESTIONS_MAX {
            return Err(AppError::field("checks", format!("may hold at most {QUESTIONS_MAX} entries")));
        }
        let mut answers = BTreeMap::new();
        for (name, question) in questions {
            let object = self.object_of(&question).await?;
            let may = object.is_some_and(|object| actor.allows(question.action, &object));
            answers.insert(name, may);
        }
        Ok(answers)
    }

    async fn object_of(&self, question: &Question) -> AppResult<Option<Object>> {
        let Some(id) = question.id else { return Ok(Some(described(question))) };
        let reader = self.db().reader();
        let resource = question.resource;
        if matches!(resource, Resource::Workspace | Resource::WorkspaceDormant) {
            let row = query::workspaces::by_id(reader, WorkspaceId::from_uuid(id)).await?;
            return Ok(row.map(|row| workspaces::object(&row)));
        }
        if resource == Resource::Template {
            let row = query::templates::by_id(reader, TemplateId::from_uuid(id)).await?;
            return Ok(row.map(|row| templates::object(&row)));
        }
        if resource == Resource::User {
            let row = query::users::by_id(reader, UserId::from_uuid(id)).await?;
            return Ok(row.map(|row| Object::user(UserId::from_uuid(row.id))));
        }
        if resource == Resource::Organization {
            let row = query::organizations::by_id(reader, OrganizationId::from_uuid(id)).await?;
            return Ok(row.map(|row| Object::organization(OrganizationId::from_uuid(row.id))));
        }
        if resource == Resource::Chat {
            let row = query::chats::by_id(reader, ChatId::from_uuid(id)).await?;
            return Ok(row.map(|row| {
                let owner = UserId::from_uuid(row.owner_id);
                let organization = OrganizationId::from_uuid(row.organization_id);
                Object::owned_in(Resource::Chat, owner, organization).with_id(id)
            }));
        }
        if resource == Resource::File {
            let owner = query::files::creator(reader, FileId::from_uuid(id)).await?;
            return Ok(owner.map(|owner| Object::owned(Resource::File, owner).with_id(id)));
        }
        // Objects without a row to look up are what the question says they are.
        Ok(Some(described(question).with_id(id)))
    }
}

fn described(question: &Question) -> Object {
    let mut object = match (question.resource, question.organization) {
        (Resource::Template, Some(organization)) => templates::in_organization(organization),
        (resource, _) => Object::site(resource),
    };
    object.owner = question.owner;
    object.organization = question.organization;
    object.any_organization = question.any_organization && question.organization.is_none();
    object
}
