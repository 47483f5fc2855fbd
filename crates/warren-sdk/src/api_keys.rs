//! Session keys and tokens.

use reqwest::Method;
use warren_api::api_keys::{
    ApiKey, ApiKeyWithOwner, CreateTokenRequest, GenerateApiKeyResponse, TokenConfig,
};

use crate::{
    client::{Client, segment},
    error::SdkError,
};

impl Client {
    /// Makes a new session of the caller.
    pub async fn create_session_key(&self) -> Result<GenerateApiKeyResponse, SdkError> {
        self.send(Method::POST, "/api/v2/users/me/keys", &serde_json::json!({})).await
    }

    /// Makes a token of a user.
    pub async fn create_token(
        &self,
        user: &str,
        request: &CreateTokenRequest,
    ) -> Result<GenerateApiKeyResponse, SdkError> {
        self.send(Method::POST, &format!("/api/v2/users/{}/keys/tokens", segment(user)), request).await
    }

    /// Lists tokens: the user's, or those of everybody that the caller may see.
    pub async fn tokens(
        &self,
        user: &str,
        all: bool,
        expired: bool,
    ) -> Result<Vec<ApiKeyWithOwner>, SdkError> {
        let user = segment(user);
        self.get(&format!("/api/v2/users/{user}/keys/tokens?include_all={all}&include_expired={expired}"))
            .await
    }

    /// Returns a token by its name.
    pub async fn token_by_name(&self, user: &str, name: &str) -> Result<ApiKey, SdkError> {
        self.get(&format!("/api/v2/users/{}/keys/tokens/{}", segment(user), segment(name))).await
    }

    /// Returns a key by its id.
    pub async fn key(&self, user: &str, id: &str) -> Result<ApiKey, SdkError> {
        self.get(&format!("/api/v2/users/{}/keys/{}", segment(user), segment(id))).await
    }

    /// Returns how long tokens of a user may live.
    pub async fn token_config(&self, user: &str) -> Result<TokenConfig, SdkError> {
        self.get(&format!("/api/v2/users/{}/keys/tokens/tokenconfig", segment(user))).await
    }

    /// Removes a key for good.
    pub async fn delete_key(&self, user: &str, id: &str) -> Result<(), SdkError> {
        let path = format!("/api/v2/users/{}/keys/{}", segment(user), segment(id));
        self.command::<()>(Method::DELETE, &path, None).await
    }

    /// Ends a key and keeps it in lists.
    pub async fn expire_key(&self, user: &str, id: &str) -> Result<(), SdkError> {
        let path = format!("/api/v2/users/{}/keys/{}/expire", segment(user), segment(id));
        self.command::<()>(Method::PUT, &path, None).await
    }
}
