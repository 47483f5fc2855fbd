//! Who belongs to an organization and with which roles.

use serde_json::json;
use warren_audit::{Entry, record};
use warren_authz::{Action, ListFilter, Object, Resource};
use warren_db::{
    Tx,
    entity::{organization_members, users},
    query::{self, Page, members::Filter},
};
use warren_vocab::{OrganizationId, UserId, UserStatus};

use crate::{
    App,
    actor::{Actor, names},
    error::{AppError, AppResult},
    roles,
    search::Terms,
};

/// A member with the account.
pub type Member = (organization_members::Model, users::Model);

/// Which members a list holds; absent criteria do not restrict.
#[derive(Debug, Clone, Default)]
pub struct MemberSearch {
    pub user: Option<UserId>,
    pub github_user: Option<i64>,
    pub text: Option<String>,
}

impl MemberSearch {
    /// Reads a search; bare words are a part of the user name, e-mail address or display name.
    ///
    /// # Errors
    /// Invalid, with every key or value that is not understood.
    pub fn parse(query: &str) -> AppResult<Self> {
        let mut terms = Terms::parse("organization member", query, "search");
        let search = Self {
            user: terms.value("user_id"),
            github_user: terms.value("github_user_id"),
            text: terms.text("search"),
        };
        // There are no accounts of the system itself to leave out.
        let _ = terms.flag("include_system");
        terms.finish()?;
        Ok(search)
    }
}

impl App {
    /// Finds a member of an organization by `me`, id or user name.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        which: &str,
    ) -> AppResult<Member> {
        let user = self.named_account(actor, which).await?;
        let id = UserId::from_uuid(user.id);
        actor.check(Action::Read, &Object::member(organization, id))?;
        let member = query::organizations::membership(self.db().reader(), organization, id).await?;
        Ok((member.ok_or(AppError::NotFound)?, user))
    }

    /// Lists the members that the caller may read, with their number.
    pub async fn list_members(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        search: MemberSearch,
        page: Page,
    ) -> AppResult<(Vec<Member>, u64)> {
        let readable = warren_authz::list_filter(&actor.subject, Resource::OrganizationMember);
        let filter = Filter {
            user: search.user,
            github_user: search.github_user,
            text: search.text,
            ..Filter::of(organization, readable)
        };
        let reader = self.db().reader();
        let members = query::members::list(reader, &filter, page).await?;
        Ok((members, query::members::count(reader, &filter).await?))
    }

    /// Lists the active members for whom the caller may create a workspace.
    ///
    /// # Errors
    /// Forbidden for whoever may create workspaces for nobody else.
    pub async fn workspace_owners(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        text: Option<String>,
        page: Page,
    ) -> AppResult<Vec<users::Model>> {
        let somebody = Object::owned_in(Resource::Workspace, UserId::nil(), organization);
        actor.check(Action::Create, &somebody)?;
        let filter = Filter {
            text,
            status: Some(UserStatus::Active.to_string()),
            ..Filter::of(organization, ListFilter::everything(actor.id()))
        };
        let members = query::members::list(self.db().reader(), &filter, page).await?;
        Ok(members.into_iter().map(|(_, user)| user).collect())
    }

    /// Adds an account to an organization.
    ///
    /// # Errors
    /// Forbidden by right, not found for an account that the caller may not read, conflict for a member.
    pub async fn add_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        which: &str,
    ) -> AppResult<organization_members::Model> {
        let object = Object::of_organization(Resource::OrganizationMember, organization);
        actor.check(Action::Create, &object)?;
        let user = self.find_user(actor, which).await?;
        self.db()
            .write(async |tx| {
                let id = UserId::from_uuid(user.id);
                query::organizations::by_id(tx, organization).await?.ok_or(AppError::NotFound)?;
                if query::organizations::membership(tx, organization, id).await?.is_some() {
                    let text = format!("{} is a member of this organization already.", user.username);
                    return Err(AppError::conflict(text));
                }
                insert(tx, actor, organization, &user).await
            })
            .await
    }

    /// Takes an account out of an organization.
    ///
    /// # Errors
    /// Not found or forbidden by right; invalid for the caller's own account.
    pub async fn remove_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        which: &str,
    ) -> AppResult<()> {
        let (_, user) = self.find_member(actor, organization, which).await?;
        let id = UserId::from_uuid(user.id);
        actor.check(Action::Delete, &Object::member(organization, id))?;
        if id == actor.id() {
            return Err(AppError::invalid("You cannot remove yourself; ask another administrator."));
        }
        self.db()
            .write(async |tx| {
                let old = query::organizations::membership(tx, organization, id).await?;
                let old = old.ok_or(AppError::NotFound)?;
                // Whoever may not give a role may not take it away by removing its holder either.
                let held: Vec<_> = names(&old.roles).map(str::to_owned).collect();
                roles::check_removal(actor, organization, &held)?;
                query::members::delete(tx, organization, id).await?;
                Ok(record(tx, actor, Entry::delete(&old).target(&user.username)).await?)
            })
            .await
    }

    /// Replaces the roles of a member.
    ///
    /// # Errors
    /// Not found or forbidden by right, forbidden for roles that the caller may not hand out, invalid for unknown roles
    /// and for the caller's own.
    pub async fn set_member_roles(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        which: &str,
        wanted: Vec<String>,
    ) -> AppResult<organization_members::Model> {
        let (_, user) = self.find_member(actor, organization, which).await?;
        let id = UserId::from_uuid(user.id);
        roles::check_may_assign(actor, organization)?;
        if id == actor.id() {
            return Err(AppError::invalid("You cannot change your own organization roles."));
        }
        let wanted = roles::without_implied(wanted);
        self.db()
            .write(async |tx| {
                let old = query::organizations::membership(tx, organization, id).await?;
                let old = old.ok_or(AppError::NotFound)?;
                let held: Vec<_> = names(&old.roles).map(str::to_owned).collect();
                roles::check_organization_change(tx, actor, organization, &held, &wanted).await?;
                let new = organization_members::Model {
                    roles: json!(wanted),
                    updated_at: self.now(),
                    ..old.clone()
                };
                query::members::set_roles(tx, organization, id, new.roles.clone(), new.updated_at).await?;
                record(tx, actor, Entry::write(&old, &new).target(&user.username)).await?;
                Ok(new)
            })
            .await
    }

    /// Finds an account without asking whether the caller may read it; the caller checks the membership.
    async fn named_account(&self, actor: &Actor, which: &str) -> AppResult<users::Model> {
        let reader = self.db().reader();
        let found = match which.parse::<UserId>() {
            _ if which == "me" => Some(actor.user.clone()),
            Ok(id) => query::users::by_id(reader, id).await?,
            Err(_) => query::users::by_username(reader, which).await?,
        };
        found.ok_or(AppError::NotFound)
    }
}

/// Adds a membership without roles of its own.
pub(crate) async fn insert(
    tx: &Tx,
    actor: &Actor,
    organization: OrganizationId,
    user: &users::Model,
) -> AppResult<organization_members::Model> {
    let at = tx.now();
    let row = organization_members::Model {
        organization_id: organization.as_uuid(),
        user_id: user.id,
        roles: json!([]),
        created_at: at,
        updated_at: at,
    };
    query::organizations::insert_member(tx, row.clone()).await?;
    record(tx, actor, Entry::create(&row).target(&user.username)).await?;
    Ok(row)
}
