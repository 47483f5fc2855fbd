//! Rows and use-case structs into API types, by hand, one file per noun.

use std::str::FromStr;

use warren_db::DbError;

use crate::error::ApiResult;

pub(crate) mod agents;
pub(crate) mod ai;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod chat_usage;
pub(crate) mod chats;
pub(crate) mod jobs;
pub(crate) mod organizations;
pub(crate) mod roles;
pub(crate) mod templates;
pub(crate) mod user_settings;
pub(crate) mod users;
pub(crate) mod workspaces;

/// Reads a stored word of a closed set.
pub(crate) fn word<T: FromStr>(text: &str, what: &'static str) -> ApiResult<T> {
    text.parse().map_err(|_| DbError::Corrupt { what }.into())
}
