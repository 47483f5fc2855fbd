//! Runs the tool calls of one answer under the ledger: a call starts at most once.

use std::time::Duration;

use futures::future::join_all;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use warren_chat_proto::{Fence, LedgerState, OpenCall, Part, Verdict, check_fence, verdict};
use warren_db::{
    Database, DbError, Guard,
    entity::{chat_tool_calls, chats},
    query::{self, chat_tool_calls::Key},
};
use warren_vocab::{ChatId, MessageRole, OrganizationId, UserId, WorkspaceId};

use super::{ToolContext, ToolError, ToolOutput, WorkspaceTools, schema};
use crate::{
    error::{ChatResult, ChatServiceError},
    parts::EpisodeWriter,
    rows,
};

/// Every tool has an end; these leave room for the tool's own, shorter limits.
const CREATE_DEADLINE: Duration = Duration::from_secs(25 * 60);
const EXECUTE_DEADLINE: Duration = Duration::from_secs(11 * 60);
const FILE_DEADLINE: Duration = Duration::from_secs(60);

const UNKNOWN: &str = "The server stopped while this tool was running, so its outcome is unknown. It was not run again. Check what it has done before you repeat it.";

/// What running the calls of a chat needs.
pub(crate) struct Runner<'a> {
    pub(crate) db: &'a Database,
    pub(crate) tools: &'a dyn WorkspaceTools,
    pub(crate) chat: &'a chats::Model,
    pub(crate) fence: Fence,
    pub(crate) episode: EpisodeWriter,
}

impl Runner<'_> {
    /// Runs all calls at once and gives their results in the order of the calls.
    pub(crate) async fn run_all(&self, calls: &[OpenCall]) -> ChatResult<Vec<Part>> {
        let chat = ChatId::from_uuid(self.chat.id);
        let ledger = query::chat_tool_calls::list(self.db.reader(), chat, self.fence.history_version).await?;
        let running = calls.iter().map(|call| async {
            let entry = ledger.iter().find(|entry| entry.call_id == call.call_id);
            let (result, is_error) = self.settle(call, entry).await?;
            let part = Part::tool_result(&call.call_id, &call.tool_name, result, is_error);
            self.episode.push(MessageRole::Tool, part.clone()).await;
            Ok::<_, ChatServiceError>(part)
        });
        join_all(running).await.into_iter().collect()
    }

    async fn settle(
        &self,
        call: &OpenCall,
        entry: Option<&chat_tool_calls::Model>,
    ) -> ChatResult<(Value, bool)> {
        let is_read_only = schema::is_read_only(&call.tool_name);
        let Some(entry) = entry else {
            // Intents are written with the answer; a call without one was committed by something else.
            return Ok((json!({ "error": UNKNOWN }), true));
        };
        let state: LedgerState =
            entry.state.parse().map_err(|_| DbError::Corrupt { what: "state of a tool call" })?;
        match verdict(state, is_read_only) {
            Verdict::UseResult => {
                let result = rows::parse("tool result", entry.result.clone().unwrap_or_default())?;
                Ok((result, entry.is_error))
            }
            Verdict::ReportUnknown => Ok((json!({ "error": UNKNOWN, "outcome": "unknown" }), true)),
            Verdict::Run => self.run(call, state).await,
        }
    }

    async fn run(&self, call: &OpenCall, state: LedgerState) -> ChatResult<(Value, bool)> {
        let key = self.key(call);
        let guard = Guard::chat(key.chat);
        let may_run = self.db.write_guarded(guard.clone(), async |tx| {
            let row = query::chats::by_id(tx, key.chat).await?.ok_or(ChatServiceError::NotFound)?;
            check_fence(&rows::state(&row, 0)?, &self.fence)?;
            let now = query::clock::now(tx).await?;
            let started = query::chat_tool_calls::start(tx, &key, self.fence.epoch, None, now).await?;
            Ok::<_, ChatServiceError>(started || state == LedgerState::Started)
        });
        if !may_run.await? {
            return Ok((json!({ "error": UNKNOWN, "outcome": "unknown" }), true));
        }
        let (result, is_error) = self.call(call).await;
        let finish = self.db.write_guarded(guard, async |tx| {
            let now = query::clock::now(tx).await?;
            let kept = rows::stored(&result);
            query::chat_tool_calls::finish(tx, &key, self.fence.epoch, kept, is_error, now).await
        });
        finish.await?;
        Ok((result, is_error))
    }

    fn key(&self, call: &OpenCall) -> Key {
        Key {
            chat: ChatId::from_uuid(self.chat.id),
            history_version: self.fence.history_version,
            call_id: call.call_id.clone(),
        }
    }

    async fn call(&self, call: &OpenCall) -> (Value, bool) {
        let deadline = match call.tool_name.as_str() {
            "create_workspace" => CREATE_DEADLINE,
            "execute" => EXECUTE_DEADLINE,
            _ => FILE_DEADLINE,
        };
        match tokio::time::timeout(deadline, self.dispatch(call)).await {
            Ok(Ok(result)) => (result, false),
            Ok(Err(error)) => {
                let mut result = json!({ "error": error.message });
                for (name, value) in error.fields.as_object().into_iter().flatten() {
                    result[name] = value.clone();
                }
                (result, true)
            }
            Err(_) => {
                let seconds = deadline.as_secs();
                (json!({ "error": format!("The tool did not finish within {seconds} seconds.") }), true)
            }
        }
    }

    async fn dispatch(&self, call: &OpenCall) -> Result<Value, ToolError> {
        let context = self.context(call);
        let output = ToolOutput::new(self.db.clone(), context.chat, self.episode.clone(), call);
        match call.tool_name.as_str() {
            "list_templates" => self.tools.list_templates(&context, call.args["query"].as_str()).await,
            "create_workspace" => self.tools.create_workspace(&context, arguments(call)?, &output).await,
            "execute" => self.tools.execute(&context, arguments(call)?, &output).await,
            "read_file" => self.tools.read_file(&context, arguments(call)?).await,
            "write_file" => self.tools.write_file(&context, arguments(call)?).await,
            "edit_files" => self.tools.edit_files(&context, arguments(call)?).await,
            other => Err(ToolError::new(format!("There is no tool called {other:?}."))),
        }
    }

    fn context(&self, call: &OpenCall) -> ToolContext {
        ToolContext {
            chat: ChatId::from_uuid(self.chat.id),
            owner: UserId::from_uuid(self.chat.owner_id),
            organization: OrganizationId::from_uuid(self.chat.organization_id),
            workspace: self.chat.workspace_id.map(WorkspaceId::from_uuid),
            call_id: format!("{}-{}-{}", self.chat.id, self.fence.history_version, call.call_id),
        }
    }
}

fn arguments<T: DeserializeOwned>(call: &OpenCall) -> Result<T, ToolError> {
    serde_json::from_value(call.args.clone()).map_err(|error| {
        ToolError::new(format!("The arguments of {} are not usable: {error}.", call.tool_name))
    })
}
