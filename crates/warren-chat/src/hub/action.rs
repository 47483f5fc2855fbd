//! What a chat waits for, for its viewers.

use std::sync::Arc;

use warren_chat_proto::{ActionRequired, Approval, ApprovalReason, OpenCall};
use warren_db::{ConnectionTrait, entity::chats};
use warren_vocab::{ChatId, ChatStatus};

use crate::{
    error::ChatResult,
    store::{self, AskReason, PendingCall},
};

/// Reads what a chat waits for, if it waits.
pub(super) async fn required(
    connection: &impl ConnectionTrait,
    chat: &chats::Model,
) -> ChatResult<Option<Arc<ActionRequired>>> {
    if chat.status != ChatStatus::RequiresAction.as_str() {
        return Ok(None);
    }
    let mut action = ActionRequired::default();
    for pending in store::pending(connection, ChatId::from_uuid(chat.id)).await? {
        let reason = match pending.reason {
            AskReason::Client => {
                action.tool_calls.push(call(&pending));
                continue;
            }
            AskReason::Rule => ApprovalReason::Rule,
            AskReason::OutcomeUnknown => ApprovalReason::OutcomeUnknown,
        };
        action.approvals.push(Approval {
            call: call(&pending),
            reason,
            message: pending.message,
            requested_at: pending.requested_at,
            expires_at: chat.requires_action_deadline_at.unwrap_or(pending.requested_at),
        });
    }
    Ok((!action.is_empty()).then(|| Arc::new(action)))
}

fn call(pending: &PendingCall) -> OpenCall {
    OpenCall {
        call_id: pending.call_id.clone(),
        tool_name: pending.tool_name.clone(),
        args: pending.args.clone(),
        committed_at: pending.history_version,
    }
}
