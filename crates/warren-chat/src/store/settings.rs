//! Settings of the deployment that concern chats, one row each.

use serde::{Serialize, de::DeserializeOwned};
use warren_db::{ConnectionTrait, Tx, entity::deployment_settings, query};

use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
};

pub(crate) const USAGE_LIMIT: &str = "agents_chat_usage_limit";
pub(crate) const RETENTION_DAYS: &str = "agents_chat_retention_days";
pub(crate) const AUTO_ARCHIVE_DAYS: &str = "agents_chat_auto_archive_days";
pub(crate) const SYSTEM_PROMPT: &str = "agents_chat_system_prompt";
pub(crate) const INCLUDE_DEFAULT_PROMPT: &str = "agents_chat_include_default_system_prompt";
pub(crate) const TITLE_MODEL: &str = "agents_chat_title_generation_model_override";
pub(crate) const TEMPLATE_ALLOWLIST: &str = "agents_template_allowlist";
pub(crate) const WORKSPACE_TTL: &str = "agents_workspace_ttl";
/// Of an account: what its models are told.
pub(crate) const USER_PROMPT: &str = "agents_chat_custom_prompt";
/// Of an account: percent by model, as a JSON object.
pub(crate) const USER_THRESHOLDS: &str = "agents_chat_compaction_thresholds";
/// Days that archived chats are kept unless the administrator says otherwise.
pub(crate) const RETENTION_DAYS_DEFAULT: u32 = 30;

/// Reads a setting. One that cannot be read counts as unset: only for what does no harm then.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn get<T: DeserializeOwned>(
    connection: &impl ConnectionTrait,
    key: &'static str,
) -> ChatResult<Option<T>> {
    match get_valid(connection, key).await {
        Err(ChatServiceError::Corrupt { source, .. }) => {
            tracing::warn!(error = %source, key, "a stored setting of chats is not valid and counts as unset");
            Ok(None)
        }
        found => found,
    }
}

/// Reads a setting that holds something back.
///
/// # Errors
/// Fails on database errors, and when there is a value that cannot be read.
pub(crate) async fn get_valid<T: DeserializeOwned>(
    connection: &impl ConnectionTrait,
    key: &'static str,
) -> ChatResult<Option<T>> {
    let found = query::deployment_settings::get(connection, key).await?;
    let value = found.map(|row| serde_json::from_value(row.value)).transpose();
    value.map_err(|source| ChatServiceError::Corrupt { what: key, source })
}

/// Writes a setting.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn put<T: Serialize>(tx: &Tx, key: &str, value: &T) -> ChatResult<()> {
    let updated_at = query::clock::now(tx).await?;
    let row = deployment_settings::Model { key: key.to_owned(), value: rows::json(value), updated_at };
    Ok(query::deployment_settings::put(tx, row).await?)
}
