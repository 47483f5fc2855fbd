//! Files of the workspace.

use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use warren_chat::{
    EditFiles, ListFiles, ReadFile, Resumed, SearchFiles, ToolContext, ToolError, WriteFile,
    proto::approval::Places,
};
use warren_rt::Backoff;
use warren_wire::agent_http::{
    self, Change, EditedFiles, FileEdit, FileEdits, FoundLine, ReadFileLines, WrittenFile,
};

use super::{ChatTools, refused, sentence};
use crate::agent_client::{AgentClient, AgentClientError};

/// How often a request whose connection broke is made again. Changes carry a key, so they are made once.
const ATTEMPTS_MAX: u32 = 4;
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

const NEVER_ASKED: &str = "The server stopped while this tool was running, and the workspace does not know whether the change was made.";

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

    pub(super) async fn write_file(
        &self,
        context: &ToolContext,
        arguments: WriteFile,
    ) -> Result<Value, ToolError> {
        let agent = self.agent(context).await?;
        write(&agent, &context.key, arguments).await
    }

    pub(super) async fn edit_files(
        &self,
        context: &ToolContext,
        arguments: EditFiles,
    ) -> Result<Value, ToolError> {
        let agent = self.agent(context).await?;
        edit(&agent, &context.key, arguments).await
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

    /// What became of a change that an earlier life has asked for.
    pub(super) async fn resume_change(&self, context: &ToolContext) -> Resumed {
        let agent = match self.returning_agent(context).await {
            Ok(agent) => agent,
            Err(error) => return Resumed::Unknown(error.message),
        };
        match patiently(|| agent.change(&context.key).boxed()).await {
            Ok(Some(change)) => Resumed::Result(told(change)),
            Ok(None) => Resumed::Unknown(NEVER_ASKED.into()),
            Err(error) => Resumed::Unknown(sentence(&error.to_string())),
        }
    }

    pub(super) async fn end_change(&self, context: &ToolContext) -> Option<Value> {
        let agent = self.agent_to_end(context).await.ok()?;
        let change = agent.change(&context.key).await.ok()??;
        let told = told(change).ok()?;
        let text = "The tool call was interrupted, but the change had been made before.";
        Some(json!({ "error": text, "interrupted": true, "change": told }))
    }
}

async fn write(agent: &AgentClient, key: &str, arguments: WriteFile) -> Result<Value, ToolError> {
    let content = Bytes::from(arguments.content);
    let writing = patiently(|| agent.write_file(&arguments.path, key, content.clone()).boxed());
    Ok(written(writing.await.map_err(refused)?))
}

async fn edit(agent: &AgentClient, key: &str, arguments: EditFiles) -> Result<Value, ToolError> {
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
    let edited = patiently(|| agent.edit_files(&request).boxed()).await;
    Ok(edited_value(edited.map_err(refused)?))
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
