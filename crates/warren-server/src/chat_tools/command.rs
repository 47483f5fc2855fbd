//! `execute`: a command in the workspace whose output is shown while it runs.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;
use warren_chat::{Execute, ToolContext, ToolError, ToolOutput};
use warren_rt::{Backoff, Tasks};
use warren_wire::agent_http::{ProcessSignal, StartProcess, StreamRecord};

use super::refused;
use crate::agent_client::{AgentClient, AgentClientError};

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
const TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// Waits of a broken connection before it is made again.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Tells programs that nobody can answer questions or turn pages.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("CODER_CHAT_AGENT", "true"),
    ("GIT_EDITOR", "true"),
    ("GIT_SEQUENCE_EDITOR", "true"),
    ("EDITOR", "true"),
    ("VISUAL", "true"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
];

/// Runs a command to its end or to its time limit.
pub(super) async fn execute(
    agent: &AgentClient,
    tasks: &Tasks,
    context: &ToolContext,
    arguments: Execute,
    output: &ToolOutput,
) -> Result<Value, ToolError> {
    let limit = time_limit(arguments.timeout.as_deref())?;
    let mut env: BTreeMap<_, _> =
        ENVIRONMENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    env.insert(String::from("CODER_CHAT_ID"), context.chat.to_string());
    let request = StartProcess {
        command: arguments.command,
        id: Some(context.key.clone()),
        workdir: arguments.workdir.unwrap_or_default(),
        env,
        background: false,
    };
    let started_at = Instant::now();
    let id = context.key.clone();
    let mut guard = Guard { agent: agent.clone(), id: id.clone(), tasks: tasks.clone(), is_over: false };
    let exit = tokio::time::timeout(limit, async {
        start(agent, &request).await?;
        follow(agent, &id, output).await
    })
    .await;
    let exit_code = match exit {
        Ok(followed) => {
            let exit_code = followed.map_err(refused)?;
            guard.is_over = true;
            Some(exit_code)
        }
        // The guard ends the process.
        Err(_) => None,
    };
    let wall_duration_ms = u64::try_from(started_at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let result = agent.process_output(&id, false).await.map_err(refused)?;
    let mut value = json!({
        "success": exit_code == Some(0),
        "output": result.output,
        "exit_code": exit_code.unwrap_or(-1),
        "wall_duration_ms": wall_duration_ms,
    });
    if let Some(truncated) = result.truncated {
        value["truncated"] = json!(truncated);
    }
    if exit_code.is_none() {
        let seconds = limit.as_secs();
        value["error"] = json!(format!("The command was ended because it ran longer than {seconds} s."));
    }
    Ok(value)
}

/// Starts the process. When the answer is lost the process may run already: whoever follows it finds out, and it is never
/// started a second time.
async fn start(agent: &AgentClient, request: &StartProcess) -> Result<(), AgentClientError> {
    let mut backoff = Backoff::new(RECONNECT.0, RECONNECT.1);
    loop {
        match agent.start_process(request).await {
            Ok(_) | Err(AgentClientError::Interrupted | AgentClientError::Timeout { .. }) => return Ok(()),
            Err(AgentClientError::Unreachable { .. }) => backoff.wait().await,
            Err(error @ (AgentClientError::Refused { .. } | AgentClientError::Protocol)) => {
                return Err(error);
            }
        }
    }
}

/// Shows the output until the exit. A connection that breaks is made again at the same place.
async fn follow(agent: &AgentClient, id: &str, output: &ToolOutput) -> Result<i32, AgentClientError> {
    let mut position = 0;
    let mut backoff = Backoff::new(RECONNECT.0, RECONNECT.1);
    loop {
        let mut records = match agent.follow_process(id, position).await {
            Ok(records) => std::pin::pin!(records),
            Err(AgentClientError::Unreachable { .. } | AgentClientError::Interrupted) => {
                backoff.wait().await;
                continue;
            }
            Err(error) => return Err(error),
        };
        while let Some(record) = records.next().await {
            match record {
                Ok(StreamRecord::Output { text, position: after }) => {
                    position = after;
                    backoff.reset();
                    output.write(&text).await;
                }
                Ok(StreamRecord::Skipped { bytes }) => {
                    output.write(&format!("\n[{bytes} bytes left out]\n")).await;
                }
                Ok(StreamRecord::Exit { exit_code }) => return Ok(exit_code),
                Err(_) => break,
            }
        }
        backoff.wait().await;
    }
}

/// Ends the process when the call ends before it: by its time limit, or because the user interrupts.
struct Guard {
    agent: AgentClient,
    id: String,
    tasks: Tasks,
    is_over: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (agent, id) = (self.agent.clone(), self.id.clone());
        self.tasks.spawn("end of a chat's command", async move {
            agent.signal_process(&id, ProcessSignal::Kill).await
        });
    }
}

/// Reads `30s`, `5m`, `1h` or seconds.
fn time_limit(text: Option<&str>) -> Result<Duration, ToolError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(TIMEOUT_DEFAULT) };
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.chars().last()),
        None => (text, None),
    };
    let factor = match unit {
        Some('m') => 60,
        Some('h') => 3600,
        _ => 1,
    };
    let seconds: u64 = number
        .trim()
        .parse()
        .map_err(|_| ToolError::new(format!("{text:?} is not a time limit. Use for example 30s or 5m.")))?;
    Ok(Duration::from_secs(seconds.saturating_mul(factor).max(1)).min(TIMEOUT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limits_have_units_and_a_maximum() {
        assert_eq!(time_limit(None).unwrap(), TIMEOUT_DEFAULT);
        assert_eq!(time_limit(Some("30s")).unwrap(), Duration::from_secs(30));
        assert_eq!(time_limit(Some("2m")).unwrap(), Duration::from_secs(120));
        assert_eq!(time_limit(Some("45")).unwrap(), Duration::from_secs(45));
        assert_eq!(time_limit(Some("9h")).unwrap(), TIMEOUT_MAX);
        assert!(time_limit(Some("soon")).unwrap_err().message.contains("30s"));
    }
}
