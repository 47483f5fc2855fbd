//! Ends what calls have left running when nobody waits for them any more: the user interrupted, or the history with the
//! call was cut.

use std::time::Duration;

use futures::{FutureExt, future::join_all};
use serde_json::json;
use std::panic::AssertUnwindSafe;
use warren_chat_proto::{ChatState, OpenCall};
use warren_db::{
    Guard, Tx,
    entity::{chat_tool_calls, chats},
    query,
};
use warren_vocab::{ChatId, UserId, WorkspaceId};

use super::{Binding, cap, run};
use crate::{error::ChatResult, rows, service::Shared};

/// Time to reach the workspace and to end what runs there. Whoever interrupts waits for it.
const DEADLINE: Duration = Duration::from_secs(10);

const INTERRUPTED: &str = "The tool call was interrupted before it produced a result.";
const NOT_REACHED: &str = "The tool call was interrupted, but the workspace could not be reached to end it. It may still be running.";

/// Ends all calls that were started and are not among `wanted`, and writes down what became of them.
///
/// # Errors
/// Only on errors of the database.
pub(crate) async fn end_running(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    wanted: &[OpenCall],
) -> ChatResult<()> {
    let id = ChatId::from_uuid(chat.id);
    let running = query::chat_tool_calls::running(shared.db.reader(), id).await?;
    let unwanted: Vec<_> =
        running.into_iter().filter(|row| wanted.iter().all(|call| call.call_id != row.call_id)).collect();
    if unwanted.is_empty() {
        return Ok(());
    }
    let row = query::chats::by_id(shared.db.reader(), id).await?;
    let binding = Binding::new(row.and_then(|row| row.workspace_id).map(WorkspaceId::from_uuid));
    let ends = unwanted.iter().map(|entry| end(shared, chat, entry, binding.clone()));
    let ends = join_all(ends).await;
    let lease = state.lease_id()?;
    let write = async |tx: &Tx| {
        let now = query::clock::now(tx).await?;
        for (entry, result) in unwanted.iter().zip(&ends) {
            let kept = rows::stored(result);
            query::chat_tool_calls::finish(tx, &run::key(entry), lease, kept, true, now).await?;
        }
        Ok(())
    };
    shared.db.write_guarded(Guard::chat(id), write).await
}

/// Notes that a chat works in its workspace.
pub(crate) async fn note_use(shared: &Shared, chat: &chats::Model) {
    if let Some(workspace) = chat.workspace_id.map(WorkspaceId::from_uuid) {
        shared.tools.note_use(UserId::from_uuid(chat.owner_id), workspace).await;
    }
}

async fn end(
    shared: &Shared,
    chat: &chats::Model,
    entry: &chat_tool_calls::Model,
    binding: Binding,
) -> serde_json::Value {
    let context = run::context(chat, entry, binding);
    let ending = AssertUnwindSafe(shared.tools.end(&context, &entry.tool_name)).catch_unwind();
    let mut result = match tokio::time::timeout(DEADLINE, ending).await {
        Ok(Ok(Some(result))) => result,
        Ok(Ok(None)) => json!({ "error": INTERRUPTED, "interrupted": true }),
        Ok(Err(_)) | Err(_) => json!({ "error": NOT_REACHED, "interrupted": true }),
    };
    cap::clean_value(&mut result);
    cap::cap(&mut result, cap::bytes_max(None));
    result
}
