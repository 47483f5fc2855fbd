//! Users.

use reqwest::Method;
use serde_json::{Value, json};
use warren_api::users::{CreateUserRequest, GetUsersResponse, User};

use crate::{
    client::{Client, segment},
    error::SdkError,
};

impl Client {
    /// Returns a user by name, id or `me`.
    pub async fn user(&self, user: &str) -> Result<User, SdkError> {
        self.get(&format!("/api/v2/users/{}", segment(user))).await
    }

    /// Lists users. `query` is in the search syntax; empty for all.
    pub async fn users(&self, query: &str) -> Result<GetUsersResponse, SdkError> {
        self.get(&format!("/api/v2/users?q={}", segment(query))).await
    }

    /// Creates a user.
    pub async fn create_user(&self, request: &CreateUserRequest) -> Result<User, SdkError> {
        self.send(Method::POST, "/api/v2/users", request).await
    }

    /// Deletes a user, who must not own workspaces.
    pub async fn delete_user(&self, user: &str) -> Result<(), SdkError> {
        self.command::<()>(Method::DELETE, &format!("/api/v2/users/{}", segment(user)), None).await
    }

    /// Keeps a user from signing in.
    pub async fn suspend_user(&self, user: &str) -> Result<User, SdkError> {
        self.send(Method::PUT, &format!("/api/v2/users/{}/status/suspend", segment(user)), &json!({})).await
    }

    /// Lets a user sign in again.
    pub async fn activate_user(&self, user: &str) -> Result<User, SdkError> {
        self.send(Method::PUT, &format!("/api/v2/users/{}/status/activate", segment(user)), &json!({})).await
    }

    /// Replaces a user's site roles.
    pub async fn set_user_roles(&self, user: &str, roles: &[String]) -> Result<User, SdkError> {
        let path = format!("/api/v2/users/{}/roles", segment(user));
        self.send(Method::PUT, &path, &json!({ "roles": roles })).await
    }

    /// Lists the site roles and whether the caller may give them.
    pub async fn site_roles(&self) -> Result<Vec<Value>, SdkError> {
        self.get("/api/v2/users/roles").await
    }

    /// Returns the claims of the caller's last sign-in with OpenID Connect.
    pub async fn oidc_claims(&self) -> Result<Value, SdkError> {
        self.get("/api/v2/users/oidc-claims").await
    }
}
