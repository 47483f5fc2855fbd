//! What is kept in step with the provider at every sign-in: name, picture, address, site roles, organizations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use uuid::Uuid;
use warren_authz::SiteRole;
use warren_config::Oidc;
use warren_db::{Tx, entity::users, query};
use warren_vocab::{LoginType, OrganizationId, UserId};

use super::{Arrival, account::join};
use crate::{
    App,
    actor::names,
    audit::{self, Author, Entry},
    error::AppResult,
    identity::account_fields,
};

impl App {
    /// Brings the account in step with what the provider says now.
    pub(super) async fn in_step(
        &self,
        tx: &Tx,
        arrival: &Arrival,
        is_new: bool,
        user: users::Model,
    ) -> AppResult<users::Model> {
        let identity = &arrival.identity;
        let mut next = users::Model { avatar_url: identity.avatar_url.clone(), ..user.clone() };
        if account_fields::check_name(&identity.name).is_ok() && !identity.name.is_empty() {
            next.name = account_fields::normal_name(&identity.name);
        }
        next.email = free_address(tx, &user, account_fields::stored(&identity.email)).await?;
        match arrival.login_type {
            LoginType::Oidc => next.roles = self.synced_roles(tx, arrival, is_new, &user).await?,
            LoginType::Github => next.github_com_user_id = identity.subject.parse().ok(),
            LoginType::Password | LoginType::Token | LoginType::None => {}
        }
        if next != user {
            next.updated_at = self.now();
        }
        Ok(next)
    }

    /// Site roles follow the claims when the configuration names a claim. An owner whom nobody could replace stays one.
    async fn synced_roles(
        &self,
        tx: &Tx,
        arrival: &Arrival,
        is_new: bool,
        user: &users::Model,
    ) -> AppResult<serde_json::Value> {
        let Some(wanted) = site_roles(&self.config().oidc, &arrival.identity.roles) else {
            return Ok(user.roles.clone());
        };
        let mut roles: Vec<_> = wanted.iter().map(|role| role.as_str()).collect();
        let is_owner = names(&user.roles).any(|name| name == SiteRole::Owner.as_str());
        if is_owner && !wanted.contains(&SiteRole::Owner) {
            let others = query::users::role_lists_of_others(tx, UserId::from_uuid(user.id)).await?;
            let is_last =
                !others.iter().any(|roles| names(roles).any(|name| name == SiteRole::Owner.as_str()));
            if is_last {
                if !is_new {
                    tracing::warn!(user.id = %user.id, "the last owner keeps the role that the claims do not give");
                }
                roles.push(SiteRole::Owner.as_str());
            }
        }
        Ok(json!(roles))
    }

    /// Memberships follow the claims when the configuration names a claim; otherwise a new account joins the default
    /// organization.
    pub(super) async fn sync_organizations(
        &self,
        tx: &Tx,
        author: Author<'_>,
        arrival: &Arrival,
        is_new: bool,
        user: UserId,
    ) -> AppResult<()> {
        let oidc = &self.config().oidc;
        if arrival.login_type != LoginType::Oidc || oidc.organization_field.is_empty() {
            return if is_new { self.join_default(tx, author, user).await } else { Ok(()) };
        }
        let existing = query::organizations::list(tx).await?;
        let mapped = mapped_organizations(&oidc.organization_mapping, &arrival.identity.organizations);
        let is_wanted = |row: &warren_db::entity::organizations::Model| {
            mapped.contains(&row.id) || (row.is_default && oidc.organization_assign_default)
        };
        let wanted: BTreeSet<_> = existing.iter().filter(|row| is_wanted(row)).map(|row| row.id).collect();
        let current = query::organizations::memberships(tx, &[user]).await?;
        for member in current.iter().filter(|member| !wanted.contains(&member.organization_id)) {
            let organization = OrganizationId::from_uuid(member.organization_id);
            query::organizations::delete_member(tx, organization, user).await?;
            audit::record(tx, author, Entry::delete(member)).await?;
        }
        for id in wanted {
            if !current.iter().any(|member| member.organization_id == id) {
                join(tx, author, OrganizationId::from_uuid(id), user).await?;
            }
        }
        Ok(())
    }
}

/// The site roles that claims give; `None` when the configuration leaves roles alone.
fn site_roles(oidc: &Oidc, claims: &[String]) -> Option<BTreeSet<SiteRole>> {
    if oidc.user_role_field.is_empty() {
        return None;
    }
    let given = claims.iter().flat_map(|claim| match oidc.user_role_mapping.get(claim) {
        Some(mapped) => mapped.clone(),
        None => vec![claim.clone()],
    });
    let all = given.chain(oidc.user_role_default.iter().cloned());
    // Everybody has the role of a member; it is never stored.
    Some(all.filter_map(|name| SiteRole::parse(&name)).filter(|role| *role != SiteRole::Member).collect())
}

fn mapped_organizations(mapping: &BTreeMap<String, Vec<String>>, claims: &[String]) -> BTreeSet<Uuid> {
    let ids = claims.iter().filter_map(|claim| mapping.get(claim)).flatten();
    ids.filter_map(|id| id.parse().ok()).collect()
}

/// The new address, unless another account has it: then the account keeps its own.
async fn free_address(tx: &Tx, user: &users::Model, email: String) -> AppResult<String> {
    let owner = query::users::by_email(tx, &email).await?;
    if owner.is_some_and(|owner| owner.id != user.id) {
        tracing::warn!(user.id = %user.id, "an address that the sign-in provider gives belongs to another account");
        return Ok(user.email.clone());
    }
    Ok(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn claims_map_to_roles_by_name_by_mapping_and_with_defaults() {
        let oidc = |mapping: &[(&str, &[&str])], default: &[&str]| Oidc {
            user_role_field: String::from("roles"),
            user_role_mapping: mapping
                .iter()
                .map(|(claim, roles)| ((*claim).to_owned(), texts(roles)))
                .collect(),
            user_role_default: texts(default),
            ..Oidc::default()
        };
        for (oidc, claims, expected) in [
            (oidc(&[], &[]), &[][..], &[][..]),
            (oidc(&[], &[]), &["owner", "nonsense", "member"][..], &["owner"][..]),
            (
                oidc(&[("admins", &["owner", "auditor"])], &[]),
                &["admins", "x"][..],
                &["owner", "auditor"][..],
            ),
            (oidc(&[("owner", &["auditor"])], &[]), &["owner"][..], &["auditor"][..]),
            (oidc(&[("owner", &[])], &[]), &["owner"][..], &[][..]),
            (oidc(&[], &["template-admin"]), &["auditor"][..], &["template-admin", "auditor"][..]),
        ] {
            let roles = site_roles(&oidc, &texts(claims)).unwrap();
            let expected = expected.iter().map(|name| SiteRole::parse(name).unwrap()).collect();
            assert_eq!(roles, expected, "{claims:?}");
        }
        assert_eq!(site_roles(&Oidc::default(), &texts(&["owner"])), None);
    }

    #[test]
    fn claims_map_to_organizations_by_mapping_only() {
        let id = Uuid::new_v4();
        let mapping = BTreeMap::from([(String::from("dev"), vec![id.to_string(), String::from("nonsense")])]);
        assert_eq!(mapped_organizations(&mapping, &texts(&["dev", "ops"])), BTreeSet::from([id]));
        assert!(mapped_organizations(&mapping, &texts(&[&id.to_string()])).is_empty());
    }
}
