//! Organizations and who belongs to them.

use warren_authz::{Action, Object, Resource};
use warren_db::{
    entity::{organization_members, organizations, users},
    query,
};
use warren_vocab::{OrganizationId, UserId};

use crate::{
    App,
    actor::Actor,
    error::{AppError, AppResult},
};

impl App {
    /// Lists the organizations that the caller may read.
    pub async fn list_organizations(&self, actor: &Actor) -> AppResult<Vec<organizations::Model>> {
        let readable = warren_authz::list_filter(&actor.subject, Resource::Organization);
        Ok(query::organizations::list_readable(self.db().reader(), &readable).await?)
    }

    /// Lists the organizations of an account, as far as the caller may read them.
    pub async fn organizations_of(
        &self,
        actor: &Actor,
        user: UserId,
    ) -> AppResult<Vec<organizations::Model>> {
        let memberships = query::organizations::memberships(self.db().reader(), &[user]).await?;
        let belongs =
            |row: &organizations::Model| memberships.iter().any(|one| one.organization_id == row.id);
        Ok(self.list_organizations(actor).await?.into_iter().filter(belongs).collect())
    }

    /// Finds an organization by `default`, id or name.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_organization(&self, actor: &Actor, which: &str) -> AppResult<organizations::Model> {
        let reader = self.db().reader();
        let found = match which.parse::<OrganizationId>() {
            _ if which == "default" => query::organizations::default(reader).await?,
            Ok(id) => query::organizations::by_id(reader, id).await?,
            Err(_) => query::organizations::by_name(reader, which).await?,
        };
        let organization = found.ok_or(AppError::NotFound)?;
        let id = OrganizationId::from_uuid(organization.id);
        actor.check(Action::Read, &Object::organization(id))?;
        Ok(organization)
    }

    /// Finds a member of an organization.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        which: &str,
    ) -> AppResult<(organization_members::Model, users::Model)> {
        let user = self.find_user(actor, which).await?;
        let id = UserId::from_uuid(user.id);
        actor.check(Action::Read, &Object::member(organization, id))?;
        let member = query::organizations::membership(self.db().reader(), organization, id).await?;
        Ok((member.ok_or(AppError::NotFound)?, user))
    }
}
