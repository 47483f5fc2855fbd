//! Session keys and named tokens.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::{LoginType, UserId};

use crate::wire::null_as_default;

/// A key without its secret. Its id is the first ten characters of the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    pub id: String,
    pub user_id: UserId,
    pub last_used: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub login_type: LoginType,
    /// The older single form of `scopes`: `all` or `application_connect`.
    pub scope: String,
    pub scopes: Vec<String>,
    pub token_name: String,
    pub lifetime_seconds: i64,
    /// Objects that the key reaches, as `type:id` with `*` for any.
    pub allow_list: Vec<String>,
}

/// A key with the name of its account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyWithOwner {
    #[serde(flatten)]
    pub key: ApiKey,
    pub username: String,
}

/// `POST /api/v2/users/{user}/keys/tokens`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateTokenRequest {
    /// Nanoseconds; 0 asks for the deployment's default.
    #[serde(default, deserialize_with = "null_as_default")]
    pub lifetime: i64,
    /// The older single form of `scopes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Unique for its account; empty asks for a random name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub token_name: String,
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub allow_list: Vec<String>,
}

/// A new key; this is the only time that its secret is shown.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GenerateApiKeyResponse {
    pub key: String,
}

/// `GET /api/v2/users/{user}/keys/tokens/tokenconfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenConfig {
    /// Nanoseconds.
    pub max_token_lifetime: i64,
}
