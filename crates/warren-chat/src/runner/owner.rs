//! Whether the owner of a chat may have it run. Nothing of a suspended or deleted account goes on by itself.

use warren_chat_proto::ChatError;
use warren_db::{Subscription, query};
use warren_vocab::{UserId, UserStatus};

use crate::{error::ChatResult, service::Shared};

const SUSPENDED: &str = "The account of the chat's owner is suspended, so the turn was ended. When the account is active again, send a message to go on.";
const DELETED: &str = "The account of the chat's owner was deleted, so the turn was ended.";

/// What the chat says when its owner may not go on.
pub(super) async fn barred(shared: &Shared, owner: UserId) -> ChatResult<Option<ChatError>> {
    let account = query::users::by_id(shared.db.reader(), owner).await?;
    let Some(account) = account.filter(|account| !account.deleted) else {
        return Ok(Some(ChatError::generic(DELETED)));
    };
    let is_suspended = account.status == UserStatus::Suspended.as_str();
    Ok(is_suspended.then(|| ChatError { retryable: true, ..ChatError::generic(SUSPENDED) }))
}

/// Waits until the owner may not go on. Asks again from time to time, as hints may be lost.
pub(super) async fn until_barred(shared: &Shared, owner: UserId, sessions: &mut Subscription) {
    loop {
        // Without hints only the time is left.
        let hint = tokio::time::timeout(shared.worker.sync, sessions.next());
        if let Ok(None) = hint.await {
            tokio::time::sleep(shared.worker.sync).await;
        }
        match barred(shared, owner).await {
            Ok(Some(_)) => return,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the account of a chat's owner could not be read"),
        }
    }
}
