//! Deployment, first user and sign-in.

use reqwest::Method;
use warren_api::{
    deployment::{BuildInfoResponse, SshConfigResponse},
    users::{
        CreateFirstUserRequest, CreateFirstUserResponse, LoginWithPasswordRequest, LoginWithPasswordResponse,
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

    /// Ends this client's session.
    pub async fn logout(&self) -> Result<(), SdkError> {
        self.command::<()>(Method::POST, "/api/v2/users/logout", None).await
    }
}
