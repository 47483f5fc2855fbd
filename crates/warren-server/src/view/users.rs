//! Accounts.

use warren_api::users::{MinimalUser, SlimRole, User};
use warren_app::{actor, users::UserDetail};
use warren_authz::{OrganizationRole, SiteRole};
use warren_db::entity::users;
use warren_vocab::{OrganizationId, UserId, time};

use super::word;
use crate::error::ApiResult;

/// Shows an account. The role that everybody has is not listed.
pub(crate) fn user(detail: UserDetail) -> ApiResult<User> {
    let UserDetail { user, memberships } = detail;
    let roles = site_roles(&user);
    Ok(User {
        id: UserId::from_uuid(user.id),
        status: word(&user.status, "user status")?,
        login_type: word(&user.login_type, "login type")?,
        organization_ids: memberships
            .iter()
            .map(|row| OrganizationId::from_uuid(row.organization_id))
            .collect(),
        roles,
        username: user.username,
        name: user.name,
        avatar_url: user.avatar_url,
        email: user.email,
        created_at: user.created_at,
        updated_at: user.updated_at,
        last_seen_at: user.last_seen_at.unwrap_or_else(time::zero),
        has_ai_seat: true,
        is_service_account: user.is_service_account,
    })
}

/// Shows an account as far as others see it.
pub(crate) fn minimal(user: &users::Model) -> MinimalUser {
    MinimalUser {
        id: UserId::from_uuid(user.id),
        username: user.username.clone(),
        name: Some(user.name.clone()).filter(|name| !name.is_empty()),
        avatar_url: Some(user.avatar_url.clone()).filter(|url| !url.is_empty()),
    }
}

/// Shows the site roles of an account. The role that everybody has is not listed.
pub(crate) fn site_roles(user: &users::Model) -> Vec<SlimRole> {
    let named = actor::names(&user.roles).filter(|name| *name != SiteRole::Member.as_str());
    named.map(slim_role).collect()
}

/// Shows a role by its name.
pub(crate) fn slim_role(name: &str) -> SlimRole {
    let site = SiteRole::parse(name).map(SiteRole::display_name);
    let shown = site.or_else(|| OrganizationRole::parse(name).map(OrganizationRole::display_name));
    let display_name = shown.filter(|shown| !shown.is_empty()).unwrap_or(name).to_owned();
    SlimRole { name: name.to_owned(), display_name, organization_id: None }
}
