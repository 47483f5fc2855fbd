//! Whose workspaces may be shared with others in an organization.

use std::fmt;

use warren_audit::{Entry, record};
use warren_authz::{Action, Object};
use warren_db::{entity::organizations, query};
use warren_vocab::OrganizationId;

use crate::{
    App,
    actor::Actor,
    error::{AppError, AppResult},
};

/// Whose workspaces may be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareableOwners {
    None,
    Everyone,
    ServiceAccounts,
}

impl ShareableOwners {
    const ALL: [Self; 3] = [Self::None, Self::Everyone, Self::ServiceAccounts];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Everyone => "everyone",
            Self::ServiceAccounts => "service_accounts",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

impl fmt::Display for ShareableOwners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change of the policy; absent fields stay.
#[derive(Debug, Clone, Default)]
pub struct SharingChange {
    /// Turns sharing off, or on again for everyone.
    pub disabled: Option<bool>,
    /// One of the words of [`ShareableOwners`].
    pub owners: Option<String>,
}

impl App {
    /// Changes whose workspaces may be shared.
    ///
    /// # Errors
    /// Not found or forbidden by right, invalid for an unknown word.
    pub async fn update_sharing(
        &self,
        actor: &Actor,
        which: &str,
        change: SharingChange,
    ) -> AppResult<organizations::Model> {
        let id = OrganizationId::from_uuid(self.find_organization(actor, which).await?.id);
        actor.check(Action::Update, &Object::organization(id))?;
        let owners = change.owners.as_deref().filter(|word| !word.is_empty()).map(parse).transpose()?;
        self.db()
            .write(async |tx| {
                let old = query::organizations::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
                let is_off = old.shareable_workspace_owners == ShareableOwners::None.as_str();
                let owners = owners.or(match change.disabled {
                    Some(true) => Some(ShareableOwners::None),
                    Some(false) if is_off => Some(ShareableOwners::Everyone),
                    Some(false) | None => None,
                });
                let word =
                    owners.map_or_else(|| old.shareable_workspace_owners.clone(), |one| one.to_string());
                let new = organizations::Model {
                    shareable_workspace_owners: word,
                    updated_at: self.now(),
                    ..old.clone()
                };
                query::organizations::update(tx, new.clone()).await?;
                record(tx, actor, Entry::write(&old, &new)).await?;
                Ok(new)
            })
            .await
    }
}

fn parse(word: &str) -> AppResult<ShareableOwners> {
    ShareableOwners::parse(word).ok_or_else(|| {
        let words = ShareableOwners::ALL.map(ShareableOwners::as_str).join(", ");
        AppError::field("shareable_workspace_owners", format!("must be one of {words}"))
    })
}
