//! What a chat waits for: results of the client's own tools, and decisions about calls.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decide::OpenCall;

/// Why somebody decides about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalReason {
    /// A rule wants it.
    Rule,
    /// It may have run before a crash.
    OutcomeUnknown,
}

/// A call that somebody decides about.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    pub call: OpenCall,
    pub reason: ApprovalReason,
    /// A sentence for the user.
    pub message: String,
    pub requested_at: DateTime<Utc>,
    /// Until when; then it counts as refused.
    pub expires_at: DateTime<Utc>,
}

/// Everything that a chat waits for, in the order of the calls.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ActionRequired {
    /// Calls of the client's own tools.
    pub tool_calls: Vec<OpenCall>,
    pub approvals: Vec<Approval>,
}

impl ActionRequired {
    /// Whether the chat waits for nothing.
    pub const fn is_empty(&self) -> bool {
        self.tool_calls.is_empty() && self.approvals.is_empty()
    }
}
