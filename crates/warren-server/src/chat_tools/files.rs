//! Files of the workspace.

use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use warren_chat::{
    EditFiles, ListFiles, ReadFile, SearchFiles, ToolContext, ToolError, ToolOutcome, WriteFile,
    proto::approval::Places,
};
use warren_rt::Backoff;
use warren_wire::agent_http::{
    self, Change, EditedFiles, FileEdit, FileEdits, FoundLine, ReadFileLines, WrittenFile,
};

use super::{ChatTools, asked_for, refused, sentence};
use crate::agent_client::{AgentClient, AgentClientError};

/// How often a request that only looks is made again when its connection broke.
const ATTEMPTS_MAX: u32 = 4;
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

const NEVER_ASKED: &str = "The connection to the workspace or the server was lost while this tool was running, and the workspace does not know whether the change was made.";

impl ChatTools {
    pub(super) async fn read_file(
        &self,
        context: &ToolContext,
        arguments: ReadFile,
    ) -> Result<Value, ToolError> {
        let request = ReadFileLines {
            path: arguments.path,
            offset: arguments.offset.and_then(|line| line.try_into().ok()),
            limit: arguments.limit.and_then(|lines| lines.try_into().ok()),
        };
        let agent = self.agent(context).await?;
        let lines = patiently(|| agent.read_file_lines(&request).boxed()).await.map_err(refused)?;
        if !lines.success {
            return Err(ToolError::new(sentence(&lines.error)).code("refused"));
        }
        Ok(json!({
            "content": lines.content,
            "file_size": lines.file_size,
            "total_lines": lines.total_lines,
            "lines_read": lines.lines_read,
        }))
    }

    pub(super) async fn write_file(&self, context: &ToolContext, arguments: WriteFile) -> ToolOutcome {
        match self.agent(context).await {
            Ok(agent) => write(&agent, &context.key, arguments).await,
            Err(error) => ToolOutcome::Result(Err(error)),
        }
    }

    pub(super) async fn edit_files(&self, context: &ToolContext, arguments: EditFiles) -> ToolOutcome {
        match self.agent(context).await {
            Ok(agent) => edit(&agent, &context.key, arguments).await,
            Err(error) => ToolOutcome::Result(Err(error)),
        }
    }

    pub(super) async fn find_places(
        &self,
        context: &ToolContext,
        paths: Vec<String>,
    ) -> Result<Places, ToolError> {
        let agent = self.agent(context).await?;
        let found = patiently(|| agent.resolve_paths(paths.clone()).boxed()).await.map_err(refused)?;
        let real = found.paths.into_iter().map(|found| (found.path, found.real)).collect();
        Ok(Places { home: found.home, real })
    }

    pub(super) async fn list_files(
        &self,
        context: &ToolContext,
        arguments: ListFiles,
    ) -> Result<Value, ToolError> {
        let agent = self.agent(context).await?;
        let path = arguments.path.unwrap_or_default();
        let listing = patiently(|| agent.list_directory(&path).boxed()).await.map_err(refused)?;
        let entries = listing.contents.iter().map(|entry| {
            let mark = if entry.is_dir { "/" } else { "" };
            format!("{}{mark}", entry.name)
        });
        let mut value = json!({ "path": listing.absolute_path, "entries": entries.collect::<Vec<_>>() });
        if listing.omitted > 0 {
            value["omitted"] = json!(listing.omitted);
        }
        Ok(value)
    }

    pub(super) async fn search_files(
        &self,
        context: &ToolContext,
        arguments: SearchFiles,
    ) -> Result<Value, ToolError> {
        let request = agent_http::SearchFiles {
            path: arguments.path.unwrap_or_default(),
            name: arguments.name,
            content: arguments.content,
            ignore_case: arguments.ignore_case,
            limit: arguments.limit,
        };
        let agent = self.agent(context).await?;
        let found = patiently(|| agent.search_files(&request).boxed()).await.map_err(refused)?;
        let shown = |found: FoundLine| match found.line {
            Some(line) => format!("{}:{line}: {}", found.path, found.text),
            None => found.path,
        };
        let matches: Vec<_> = found.matches.into_iter().map(shown).collect();
        let mut value = json!({ "path": found.absolute_path, "matches": matches });
        if !found.incomplete.is_empty() {
            value["note"] = json!(sentence(&found.incomplete));
        }
        Ok(value)
    }

    /// What became of a change that was asked for. One that is still on its way is not made any more.
    pub(super) async fn resume_change(&self, context: &ToolContext) -> ToolOutcome {
        match self.returning_agent(context).await {
            Ok(agent) => find(&agent, &context.key).await,
            Err(error) => ToolOutcome::Unknown(error.message),
        }
    }

    pub(super) async fn end_change(&self, context: &ToolContext) -> Value {
        match self.agent_to_end(context).await {
            Ok(agent) => end(&agent, &context.key).await,
            Err(error) => not_called_off(&error.message),
        }
    }
}

async fn find(agent: &AgentClient, key: &str) -> ToolOutcome {
    match patiently(|| agent.call_off_change(key).boxed()).await {
        Ok(Some(change)) => told(change).into(),
        Ok(None) => ToolOutcome::Unknown(NEVER_ASKED.into()),
        Err(error) => ToolOutcome::Unknown(sentence(&error.to_string())),
    }
}

/// Makes sure that a change is not made after this, and tells what became of it.
async fn end(agent: &AgentClient, key: &str) -> Value {
    match agent.call_off_change(key).await.map(|change| change.map(told)) {
        Ok(Some(Ok(told))) => {
            let text = "The tool call was interrupted, but the change had been made before.";
            json!({ "error": text, "interrupted": true, "change": told })
        }
        Ok(Some(Err(refusal))) => {
            let text = format!("The tool call was interrupted; no file was changed. {}", refusal.message);
            json!({ "error": text, "interrupted": true })
        }
        Ok(None) => {
            let text = "The tool call was interrupted. The workspace does not know the change: it was not made and will not be, or the workspace's agent was restarted after it was made.";
            json!({ "error": text, "interrupted": true, "outcome": "unknown" })
        }
        Err(error) => not_called_off(&sentence(&error.to_string())),
    }
}

fn not_called_off(why: &str) -> Value {
    let text =
        format!("The tool call was interrupted, and it is not known whether files were changed: {why}");
    json!({ "error": text, "interrupted": true, "outcome": "unknown" })
}

/// A change is asked for once: an agent that was restarted since would make it a second time.
async fn write(agent: &AgentClient, key: &str, arguments: WriteFile) -> ToolOutcome {
    let writing = agent.write_file(&arguments.path, key, Bytes::from(arguments.content));
    asked_for(writing.await.map(written))
}

async fn edit(agent: &AgentClient, key: &str, arguments: EditFiles) -> ToolOutcome {
    let files = arguments.files.into_iter().map(|file| {
        let edits = file.edits.into_iter().map(|edit| FileEdit {
            search: edit.old_text,
            replace: edit.new_text,
            replace_all: edit.replace_all,
        });
        FileEdits { path: file.path, edits: edits.collect() }
    });
    let request =
        agent_http::EditFiles { files: files.collect(), include_diff: true, key: Some(key.to_owned()) };
    asked_for(agent.edit_files(&request).await.map(edited_value))
}

fn told(change: Change) -> Result<Value, ToolError> {
    match change {
        Change::Written(file) => Ok(written(file)),
        Change::Edited(files) => Ok(edited_value(files)),
        Change::Refused(body) => Err(ToolError::new(sentence(&body.message)).code("refused")),
    }
}

fn written(file: WrittenFile) -> Value {
    json!({ "ok": true, "path": file.path, "bytes": file.bytes })
}

fn edited_value(edited: EditedFiles) -> Value {
    json!({ "ok": true, "files": edited.files })
}

/// Repeats a request that does no more the second time while the connection breaks.
async fn patiently<'a, T>(
    request: impl Fn() -> BoxFuture<'a, Result<T, AgentClientError>> + Send,
) -> Result<T, AgentClientError> {
    let mut backoff = Backoff::new(RECONNECT.0, RECONNECT.1);
    let mut n_attempts = 1;
    loop {
        match request().await {
            Err(AgentClientError::Interrupted) if n_attempts < ATTEMPTS_MAX => {
                n_attempts += 1;
                backoff.wait().await;
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests;
