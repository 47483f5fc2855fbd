//! What users see of a tool while it runs.

use std::sync::atomic::{AtomicUsize, Ordering};

use warren_chat_proto::{OpenCall, Part, Stale};
use warren_db::{Database, Guard, Tx, query};
use warren_vocab::{ChatId, LeaseId, MessageRole, WorkspaceId};

use super::{Binding, ToolError, cap};
use crate::{
    crash_points::{self, Moment},
    error::{ChatResult, ChatServiceError},
    parts::EpisodeWriter,
    rows,
};

/// Output of one call that is shown while it runs, in bytes; the rest appears in the result only.
const STREAMED_BYTES_MAX: usize = 64 * 1024;

/// Where a tool writes what users see while it runs.
pub struct ToolOutput {
    db: Database,
    chat: ChatId,
    lease: LeaseId,
    binding: Binding,
    episode: EpisodeWriter,
    call_id: String,
    tool_name: String,
    n_bytes: AtomicUsize,
}

impl ToolOutput {
    pub(super) fn new(
        db: Database,
        (chat, lease): (ChatId, LeaseId),
        binding: Binding,
        episode: EpisodeWriter,
        call: &OpenCall,
    ) -> Self {
        Self {
            db,
            chat,
            lease,
            binding,
            episode,
            call_id: call.call_id.clone(),
            tool_name: call.tool_name.clone(),
            n_bytes: AtomicUsize::new(0),
        }
    }

    /// Attaches a workspace to the chat. Done before it is ready, so that a crash does not lose it.
    ///
    /// # Errors
    /// Fails when the database does, or when the chat belongs to another worker by now.
    pub async fn attach(&self, workspace: WorkspaceId) -> Result<(), ToolError> {
        let (chat, lease) = (self.chat, self.lease);
        let write = async |tx: &Tx| {
            let row = query::chats::by_id(tx, chat).await?.ok_or(ChatServiceError::NotFound)?;
            if rows::state(&row, 0)?.lease_id()? != lease {
                return Err(Stale::Lease.into());
            }
            Ok(query::chats::set_workspace(tx, chat, Some(workspace)).await?)
        };
        let attached: ChatResult<()> = self.db.write_guarded(Guard::chat(chat), write).await;
        attached.map_err(|error| {
            tracing::warn!(%error, chat.id = %chat, "a workspace could not be attached to its chat");
            ToolError::new("The workspace exists but could not be attached to this chat. Try again.")
        })?;
        self.binding.set(workspace);
        Ok(())
    }

    /// Shows more output.
    pub async fn write(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let before = self.n_bytes.fetch_add(text.len(), Ordering::Relaxed);
        if before > STREAMED_BYTES_MAX {
            return;
        }
        let part = Part::result_delta(&self.call_id, &self.tool_name, cap::clean(text));
        self.episode.push(MessageRole::Tool, part).await;
        crash_points::reach(Moment::During, "tool");
    }
}

#[cfg(test)]
mod tests;
