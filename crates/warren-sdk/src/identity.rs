//! Deployment, users, sign-in and organizations.

use reqwest::Method;
use warren_api::{
    api_keys::GenerateApiKeyResponse,
    deployment::{BuildInfoResponse, SshConfigResponse},
    organizations::Organization,
    users::{
        CreateFirstUserRequest, CreateFirstUserResponse, LoginWithPasswordRequest, LoginWithPasswordResponse,
        User,
    },
};

use crate::{client::Client, error::SdkError};

impl Client {
    /// Asks which server this is.
    pub async fn build_info(&self) -> Result<BuildInfoResponse, SdkError> {
        self.get("/api/v2/buildinfo").await
    }

    /// Asks how SSH hosts are to be named.
    pub async fn ssh_config(&self) -> Result<SshConfigResponse, SdkError> {
        self.get("/api/v2/deployment/ssh").await
    }

    /// Reports whether the deployment has its first user.
    pub async fn has_first_user(&self) -> Result<bool, SdkError> {
        match self.get::<serde_json::Value>("/api/v2/users/first").await {
            Ok(_) => Ok(true),
            Err(SdkError::Api { status: 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Creates the first user, who owns the deployment.
    pub async fn create_first_user(
        &self,
        request: &CreateFirstUserRequest,
    ) -> Result<CreateFirstUserResponse, SdkError> {
        self.send(Method::POST, "/api/v2/users/first", request).await
    }

    /// Signs in and returns a session token.
    pub async fn login(
        &self,
        request: &LoginWithPasswordRequest,
    ) -> Result<LoginWithPasswordResponse, SdkError> {
        self.send(Method::POST, "/api/v2/users/login", request).await
    }

    /// Makes a new session of the caller.
    pub async fn create_session_key(&self) -> Result<GenerateApiKeyResponse, SdkError> {
        self.send(Method::POST, "/api/v2/users/me/keys", &serde_json::json!({})).await
    }

    /// Ends this client's session.
    pub async fn logout(&self) -> Result<(), SdkError> {
        self.command::<()>(Method::POST, "/api/v2/users/logout", None).await
    }

    /// Returns a user by name, id or `me`.
    pub async fn user(&self, user: &str) -> Result<User, SdkError> {
        self.get(&format!("/api/v2/users/{user}")).await
    }

    /// Returns an organization by name, id or `default`.
    pub async fn organization(&self, organization: &str) -> Result<Organization, SdkError> {
        self.get(&format!("/api/v2/organizations/{organization}")).await
    }

    /// Lists the organizations that the caller sees.
    pub async fn organizations(&self) -> Result<Vec<Organization>, SdkError> {
        self.get("/api/v2/organizations").await
    }
}
