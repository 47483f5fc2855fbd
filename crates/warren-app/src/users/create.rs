//! New accounts.

use serde_json::json;
use warren_authz::{Action, Object, Resource, SiteRole, role::may_assign_site_role};
use warren_db::{Tx, entity::users, query};
use warren_vocab::{LoginType, OrganizationId, UserId, UserStatus};

use super::{UserDetail, taken};
use crate::{
    App,
    actor::Actor,
    audit::{self, Entry},
    error::{AppError, AppResult, Explanation},
    identity::{account_fields, check_strength, password},
};

/// An account as somebody asks for it.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// Empty for service accounts.
    pub email: String,
    pub username: String,
    pub name: String,
    /// Only for accounts that sign in with a password.
    pub password: String,
    /// By default a password, for service accounts none.
    pub login_type: Option<LoginType>,
    /// By default dormant, which the first login ends, and active for accounts that cannot sign in.
    pub status: Option<UserStatus>,
    pub organizations: Vec<OrganizationId>,
    pub is_service_account: bool,
    pub roles: Vec<String>,
}

impl NewUser {
    fn login_type(&self) -> LoginType {
        let default = if self.is_service_account { LoginType::None } else { LoginType::Password };
        self.login_type.unwrap_or(default)
    }
}

impl App {
    /// Makes an account that belongs to at least one organization.
    ///
    /// # Errors
    /// Forbidden without the right to make accounts, members and to give the roles; invalid for fields; conflict for a
    /// name or address that another account has.
    pub async fn create_user(&self, actor: &Actor, new: NewUser) -> AppResult<UserDetail> {
        actor.check(Action::Create, &Object::site(Resource::User))?;
        let email = check(&new)?;
        check_roles(actor, &new.roles)?;
        let user = self.new_row(&new, email).await?;
        let id = UserId::from_uuid(user.id);
        let mut organizations = new.organizations;
        organizations.sort();
        organizations.dedup();
        for organization in &organizations {
            actor.check(Action::Create, &Object::member(*organization, id))?;
        }
        let row = user.clone();
        self.db()
            .write(async |tx| {
                self.insert_user(tx, row.clone(), &organizations).await?;
                Ok::<_, AppError>(audit::record(tx, actor, Entry::create(&row)).await?)
            })
            .await?;
        self.user_detail(user).await
    }

    /// Adds an account and its memberships inside a transaction.
    ///
    /// # Errors
    /// Conflict for a name or address that another account has, not found for a missing organization.
    pub async fn insert_user(
        &self,
        tx: &Tx,
        user: users::Model,
        organizations: &[OrganizationId],
    ) -> AppResult<()> {
        let (id, at) = (user.id, user.created_at);
        query::users::insert(tx, user).await.map_err(taken)?;
        for organization in organizations {
            let found = query::organizations::by_id(tx, *organization).await?;
            let found = found.ok_or_else(|| missing_organization(*organization))?;
            query::organizations::insert_member(tx, new_member(&found, id, at)).await?;
        }
        Ok(())
    }

    async fn new_row(&self, new: &NewUser, email: String) -> AppResult<users::Model> {
        let login_type = new.login_type();
        let hashed_password = match login_type {
            LoginType::Password => password::hash(self.hashing(), new.password.clone()).await?,
            LoginType::Github | LoginType::Oidc | LoginType::Token | LoginType::None => String::new(),
        };
        let default = if login_type == LoginType::None { UserStatus::Active } else { UserStatus::Dormant };
        Ok(users::Model {
            name: account_fields::normal_name(&new.name),
            hashed_password,
            status: new.status.unwrap_or(default).to_string(),
            roles: json!(new.roles),
            is_service_account: new.is_service_account,
            ..users::Model::new(email, new.username.as_str(), login_type, self.now())
        })
    }
}

/// Checks the fields and returns the e-mail address in its stored form.
fn check(new: &NewUser) -> AppResult<String> {
    let mut wrong = Explanation::new("Validation failed.");
    let mut email = String::new();
    if new.is_service_account {
        if !new.email.is_empty() {
            wrong = wrong.field("email", "must be empty for a service account");
        }
    } else {
        match account_fields::email(&new.email) {
            Ok(stored) => email = stored,
            Err(reason) => wrong = wrong.field("email", reason),
        }
    }
    if let Err(reason) = account_fields::username(&new.username) {
        wrong = wrong.field("username", reason);
    }
    if let Err(reason) = account_fields::check_name(&new.name) {
        wrong = wrong.field("name", reason);
    }
    if let Some((field, reason)) = check_login(new) {
        wrong = wrong.field(field, reason);
    }
    if new.organizations.is_empty() {
        wrong = wrong.field("organization_ids", "must name at least one organization");
    }
    wrong.refuse_if_any()?;
    Ok(email)
}

/// Says which field does not fit the way in which the account will sign in.
fn check_login(new: &NewUser) -> Option<(&'static str, String)> {
    let unwanted = || ("password", String::from("must be empty for an account that does not use a password"));
    match new.login_type() {
        LoginType::Token => Some(("login_type", String::from("token is only for API keys"))),
        LoginType::Password if new.is_service_account => {
            Some(("login_type", String::from("must be none for a service account")))
        }
        LoginType::Github | LoginType::Oidc if new.is_service_account => {
            Some(("login_type", String::from("must be none for a service account")))
        }
        LoginType::Password => check_strength(&new.password).err().map(|reason| ("password", reason)),
        LoginType::Github | LoginType::Oidc | LoginType::None => (!new.password.is_empty()).then(unwanted),
    }
}

fn check_roles(actor: &Actor, roles: &[String]) -> AppResult<()> {
    for name in roles {
        let role = SiteRole::parse(name)
            .ok_or_else(|| AppError::field("roles", format!("{name:?} is not a site role")))?;
        actor.check(Action::Assign, &Object::site(Resource::AssignRole))?;
        if !may_assign_site_role(&actor.subject, role) {
            return Err(AppError::forbidden(format!("Forbidden. You may not give the role {name:?}.")));
        }
    }
    Ok(())
}

fn missing_organization(id: OrganizationId) -> AppError {
    AppError::field("organization_ids", format!("there is no organization {id}"))
}

/// The membership of a new account.
fn new_member(
    organization: &warren_db::entity::organizations::Model,
    user: uuid::Uuid,
    at: chrono::DateTime<chrono::Utc>,
) -> warren_db::entity::organization_members::Model {
    warren_db::entity::organization_members::Model {
        organization_id: organization.id,
        user_id: user,
        roles: json!([]),
        created_at: at,
        updated_at: at,
    }
}
