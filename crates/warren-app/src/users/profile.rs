//! What others see of an account.

use warren_authz::{Action, Object};
use warren_db::{entity::users, query};
use warren_vocab::UserId;

use super::{UserDetail, lock_target, taken};
use crate::{
    App,
    actor::Actor,
    audit::{self, Entry},
    error::{AppError, AppResult, Explanation},
    identity::account_fields,
};

/// The longest picture address, in bytes.
const AVATAR_URL_BYTES_MAX: usize = 2048;

/// The parts of a profile that can be changed.
#[derive(Debug, Clone)]
pub struct NewProfile {
    pub username: String,
    pub name: String,
    /// `None` keeps the picture.
    pub avatar_url: Option<String>,
}

impl App {
    /// Renames an account and changes its display name and picture.
    ///
    /// # Errors
    /// Invalid for fields, conflict for a name that another account has.
    pub async fn update_profile(
        &self,
        actor: &Actor,
        user: &users::Model,
        profile: NewProfile,
    ) -> AppResult<UserDetail> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::UpdatePersonal, &Object::user(id))?;
        check(&profile)?;
        let changed = self
            .db()
            .write(async |tx| {
                let old = lock_target(tx, actor, id).await?;
                let new = users::Model {
                    username: profile.username,
                    name: account_fields::normal_name(&profile.name),
                    avatar_url: profile.avatar_url.unwrap_or_else(|| old.avatar_url.clone()),
                    updated_at: self.now(),
                    ..old.clone()
                };
                query::users::update(tx, new.clone()).await.map_err(taken)?;
                audit::record(tx, actor, Entry::write(&old, &new)).await?;
                Ok::<_, AppError>(new)
            })
            .await?;
        self.user_detail(changed).await
    }
}

fn check(profile: &NewProfile) -> AppResult<()> {
    let mut wrong = Explanation::new("Validation failed.");
    if let Err(reason) = account_fields::username(&profile.username) {
        wrong = wrong.field("username", reason);
    }
    if let Err(reason) = account_fields::check_name(&profile.name) {
        wrong = wrong.field("name", reason);
    }
    if let Some(url) = &profile.avatar_url
        && (url.len() > AVATAR_URL_BYTES_MAX || url.chars().any(char::is_control))
    {
        wrong = wrong.field("avatar_url", "is not an address of a picture");
    }
    wrong.refuse_if_any()
}
