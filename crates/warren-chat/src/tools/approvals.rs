//! Which calls need somebody's approval.

use serde_json::Value;
use warren_db::entity::chats;

use crate::{error::ChatResult, service::Shared};

/// What the rules say about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "the rules are about to use all of it")]
pub(crate) enum Ruling {
    Allow,
    /// The text says what is asked, as a sentence for the user.
    Ask(String),
    /// The text says who forbids it, as a sentence for the model.
    Deny(String),
}

/// The rules that hold for a chat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules;

impl Rules {
    /// Reads the rules.
    ///
    /// # Errors
    /// Fails on database errors.
    pub(crate) async fn load(_shared: &Shared, _chat: &chats::Model) -> ChatResult<Self> {
        Ok(Self)
    }

    /// Decides about a call.
    pub(crate) fn decide(&self, _tool_name: &str, _args: &Value) -> Ruling {
        Ruling::Allow
    }
}
