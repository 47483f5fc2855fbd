//! Accounts and their keys.

use warren_db::entity::{api_keys, git_ssh_keys, users};
use warren_vocab::ResourceType;

use super::{Auditable, Identity};
use crate::diff::Tracked;

impl Auditable for users::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::User, self.id, &self.username).icon(&self.avatar_url)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("email", &self.email)
            .plain("username", &self.username)
            .plain("name", &self.name)
            .plain("status", &self.status)
            .plain("rbac_roles", &self.roles)
            .plain("login_type", &self.login_type)
            .secret("hashed_password", &self.hashed_password)
            .plain("quiet_hours_schedule", &self.quiet_hours_schedule)
            .plain("is_service_account", self.is_service_account)
            .plain("github_com_user_id", self.github_com_user_id)
            .secret("one_time_passcode", &self.hashed_one_time_passcode)
            .plain("one_time_passcode_expires_at", self.one_time_passcode_expires_at)
            .plain("deleted", self.deleted)
    }
}

/// Keys have no uuid; the object is the account that they belong to.
impl Auditable for api_keys::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::ApiKey, self.user_id, &self.token_name)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("user_id", self.user_id)
            .plain("token_name", &self.token_name)
            .plain("scopes", &self.scopes)
            .plain("allow_list", &self.allow_list)
            .plain("created_at", self.created_at)
            .plain("expires_at", self.expires_at)
            .plain("last_used", self.last_used_at)
    }
}

impl Auditable for git_ssh_keys::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::GitSshKey, self.user_id, "")
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("user_id", self.user_id)
            .plain("public_key", &self.public_key)
            .secret("private_key", &self.sealed_private_key)
    }
}
