//! Keys and tokens.

use chrono::TimeDelta;
use warren_api::api_keys::{ApiKey, ApiKeyWithOwner, GenerateApiKeyResponse, TokenConfig};
use warren_app::{actor, api_keys::OwnedToken, identity::SessionToken};
use warren_db::entity::api_keys;
use warren_vocab::{UserId, time};

use super::word;
use crate::error::ApiResult;

/// Shows a key without its secret.
pub(crate) fn api_key(key: api_keys::Model) -> ApiResult<ApiKey> {
    Ok(ApiKey {
        user_id: UserId::from_uuid(key.user_id),
        last_used: key.last_used_at.unwrap_or_else(time::zero),
        expires_at: key.expires_at,
        created_at: key.created_at,
        updated_at: key.updated_at,
        login_type: word(&key.login_type, "login type")?,
        scopes: actor::names(&key.scopes).map(str::to_owned).collect(),
        allow_list: actor::names(&key.allow_list).map(str::to_owned).collect(),
        id: key.id,
        scope: key.scope,
        token_name: key.token_name,
        lifetime_seconds: key.lifetime_seconds,
    })
}

/// Shows a token with its account.
pub(crate) fn owned(token: OwnedToken) -> ApiResult<ApiKeyWithOwner> {
    Ok(ApiKeyWithOwner { key: api_key(token.key)?, username: token.username })
}

/// Shows a new key, this once with its secret.
pub(crate) fn generated(token: &SessionToken) -> GenerateApiKeyResponse {
    GenerateApiKeyResponse { key: token.token.expose().clone() }
}

/// Shows the longest lifetime.
pub(crate) fn token_config(max: TimeDelta) -> TokenConfig {
    TokenConfig { max_token_lifetime: max.num_nanoseconds().unwrap_or(i64::MAX) }
}
