//! Commands in the workspace: run, waited for, taken up again after a crash, and ended.
//!
//! A command belongs to its chat, not to the request that started it. Only an interrupt ends it; a time limit makes it a
//! process of the background.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;
use warren_chat::{
    Execute, ProcessOutput, ProcessSignal, ToolContext, ToolError, ToolOutcome,
    tool_limits::{EXECUTE_WAIT_DEFAULT, EXECUTE_WAIT_MAX, OUTPUT_WAIT_MAX, time_limit},
};
use warren_rt::Backoff;
use warren_wire::agent_http::{self, ProcessInfo, StartProcess, StreamRecord};

use super::{ChatTools, Shown, asked_for, refused, sentence};
use crate::agent_client::{AgentClient, AgentClientError};

/// Waits of a broken connection before it is made again.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How long a start is tried while the agent cannot be reached.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// How long the agent may be away while a command is followed. An agent that is alive comes back sooner.
const FOLLOW_PATIENCE: Duration = Duration::from_secs(45);
/// A command that fails at once says so although it was started in the background.
const BACKGROUND_GLANCE: Duration = Duration::from_millis(500);
/// How long an interrupted command may take to die.
const DEATH_PATIENCE: Duration = Duration::from_secs(3);

const NOT_KNOWN: &str = "The connection to the workspace or the server was lost while the command was starting or running, and the workspace does not know the command. It may have run or not.";

const FORGOTTEN: &str = "The command was interrupted by the user. The workspace does not know it: it had not started and will not, or the workspace's agent was restarted after it had.";

impl ChatTools {
    pub(super) async fn execute(
        &self,
        context: &ToolContext,
        arguments: Execute,
        output: &dyn Shown,
    ) -> ToolOutcome {
        let done = async {
            let id = self.agent_id(context).await?;
            let agent = self.client(context, id);
            let work = async { Ok(execute(&agent, &context.key, arguments, output).await) };
            self.while_there(context, id, Box::pin(work)).await
        };
        done.await.unwrap_or_else(|error| ToolOutcome::Result(Err(error)))
    }

    /// Finds a command of an earlier life and waits for what is left of its time.
    pub(super) async fn resume_execute(
        &self,
        context: &ToolContext,
        arguments: Execute,
        output: &dyn Shown,
    ) -> ToolOutcome {
        let agent = match self.returning_agent(context).await {
            Ok(agent) => agent,
            Err(error) => return ToolOutcome::Unknown(error.message),
        };
        resume(&agent, &context.key, arguments, context.age, output).await
    }

    pub(super) async fn end_execute(&self, context: &ToolContext) -> Value {
        match self.agent_to_end(context).await {
            Ok(agent) => end(&agent, &context.key).await,
            // Where the workspace does not run, the command does not either.
            Err(error) => not_ended(&error.message),
        }
    }

    pub(super) async fn process_output(
        &self,
        context: &ToolContext,
        arguments: ProcessOutput,
    ) -> Result<Value, ToolError> {
        let wait = time_limit(arguments.wait_timeout.as_deref(), EXECUTE_WAIT_DEFAULT, OUTPUT_WAIT_MAX)?;
        let id = self.agent_id(context).await?;
        let agent = self.client(context, id);
        self.while_there(context, id, Box::pin(read_output(&agent, &arguments.process_id, wait))).await
    }

    pub(super) async fn process_list(&self, context: &ToolContext) -> Result<Value, ToolError> {
        let agent = self.agent(context).await?;
        let processes = agent.list_processes().await.map_err(refused)?;
        Ok(json!({ "processes": processes.iter().map(shown).collect::<Vec<_>>() }))
    }

    pub(super) async fn process_signal(
        &self,
        context: &ToolContext,
        arguments: ProcessSignal,
    ) -> Result<Value, ToolError> {
        let signal = match arguments.signal.as_str() {
            "terminate" => agent_http::ProcessSignal::Terminate,
            "kill" => agent_http::ProcessSignal::Kill,
            other => {
                let text = format!("{other:?} is not a signal that can be sent. Use terminate or kill.");
                return Err(ToolError::new(text).code("invalid_arguments"));
            }
        };
        let agent = self.agent(context).await?;
        agent.signal_process(&arguments.process_id, signal).await.map_err(no_process)?;
        let message = format!("The signal {} was sent to the process and its children.", arguments.signal);
        Ok(json!({ "success": true, "message": message }))
    }
}

/// Runs a command until it ends or its time is over.
async fn execute(agent: &AgentClient, key: &str, arguments: Execute, output: &dyn Shown) -> ToolOutcome {
    let plan = match Plan::of(arguments) {
        Ok(plan) => plan,
        Err(error) => return ToolOutcome::Result(Err(error)),
    };
    let request = StartProcess {
        command: plan.command.clone(),
        id: Some(key.to_owned()),
        workdir: plan.workdir.clone(),
        env: BTreeMap::new(),
        background: plan.is_background,
    };
    match start(agent, &request).await {
        Ok(()) => wait_and_tell(agent, key, &plan, plan.wait, output).await,
        Err(error) => asked_for(Err(error)),
    }
}

async fn resume(
    agent: &AgentClient,
    key: &str,
    arguments: Execute,
    age: Duration,
    output: &dyn Shown,
) -> ToolOutcome {
    let plan = match Plan::of(arguments) {
        Ok(plan) => plan,
        Err(error) => return ToolOutcome::Result(Err(error)),
    };
    match agent.process_output(key, Duration::ZERO).await {
        Ok(_) => wait_and_tell(agent, key, &plan, plan.wait.saturating_sub(age), output).await,
        Err(error) if is_not_found(&error) => {
            // A start that is still on its way must not come after the user's decision.
            drop(agent.call_off(key).await);
            ToolOutcome::Unknown(NOT_KNOWN.into())
        }
        Err(error) => ToolOutcome::Unknown(sentence(&error.to_string())),
    }
}

/// Kills the process group of a command and says so.
async fn end(agent: &AgentClient, key: &str) -> Value {
    let called_off = agent.call_off(key).await;
    let found = match agent.process_output(key, DEATH_PATIENCE).await {
        Ok(found) => found,
        Err(error) if is_not_found(&error) && called_off.is_ok() => {
            return json!({ "success": false, "error": FORGOTTEN, "interrupted": true, "outcome": "unknown" });
        }
        Err(error) => return not_ended(&sentence(&error.to_string())),
    };
    let text = match (called_off, found.exit_code) {
        (Ok(()), Some(_)) => {
            "The command was interrupted by the user: it and all processes that it had started were killed."
                .to_owned()
        }
        (Ok(()), None) => {
            "The command was interrupted by the user: it was sent a kill signal but has not ended yet."
                .to_owned()
        }
        (Err(_), Some(code)) => format!(
            "The call was interrupted by the user. The command had already ended with the exit code {code}."
        ),
        (Err(error), None) => return not_ended(&sentence(&error.to_string())),
    };
    json!({
        "success": false,
        "error": text,
        "interrupted": true,
        "output": found.output,
        "exit_code": found.exit_code.unwrap_or(-1),
    })
}

fn not_ended(why: &str) -> Value {
    let text = format!("The command was interrupted by the user, but could not be ended: {why}");
    json!({ "success": false, "error": text, "interrupted": true })
}

/// What a call of `execute` asks for.
struct Plan {
    command: String,
    workdir: String,
    wait: Duration,
    is_background: bool,
    is_file_dump: bool,
}

impl Plan {
    fn of(arguments: Execute) -> Result<Self, ToolError> {
        let wait = time_limit(arguments.timeout.as_deref(), EXECUTE_WAIT_DEFAULT, EXECUTE_WAIT_MAX)?;
        let promoted = without_trailing_ampersand(&arguments.command);
        let is_background = arguments.run_in_background || promoted.is_some();
        let command = promoted.unwrap_or(&arguments.command).to_owned();
        Ok(Self {
            is_file_dump: is_file_dump(&command),
            workdir: arguments.workdir.unwrap_or_default(),
            wait: if is_background { BACKGROUND_GLANCE } else { wait },
            command,
            is_background,
        })
    }
}

/// The command without an `&` at its end that sends all of it to the background: the shell would end at once and its child
/// would be lost.
fn without_trailing_ampersand(command: &str) -> Option<&str> {
    let rest = command.trim_end().strip_suffix('&')?;
    let is_operator = rest.ends_with(['&', '|', '\\', '>', '<']);
    (!is_operator && !rest.trim().is_empty()).then(|| rest.trim_end())
}

/// Whether a command does nothing but print one file.
fn is_file_dump(command: &str) -> bool {
    let is_plain = !command.contains(['|', '>', '<', ';', '&', '$', '`', '*', '?', '\n']);
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default();
    let n_files = words.filter(|word| !word.starts_with('-')).count();
    match program {
        "cat" => is_plain && n_files == 1,
        "head" | "tail" => is_plain && (1..=2).contains(&n_files) && !command.contains(" -f"),
        _ => false,
    }
}

/// Shows the output until the command ends or the time is over, and makes the result.
async fn wait_and_tell(
    agent: &AgentClient,
    key: &str,
    plan: &Plan,
    wait: Duration,
    output: &dyn Shown,
) -> ToolOutcome {
    let started_at = Instant::now();
    // An error of following is met again below, where it is told.
    drop(tokio::time::timeout(wait, follow(agent, key, output)).await);
    let elapsed = started_at.elapsed();
    let found = match agent.process_output(key, Duration::ZERO).await {
        Ok(found) => found,
        // The agent was restarted and has forgotten what it had started.
        Err(error) if is_not_found(&error) => return ToolOutcome::Unknown(NOT_KNOWN.into()),
        Err(error) => {
            let note = "It was started and may still be running. Ask for its output with process_output.";
            let error = refused(error).with("background_process_id", json!(key)).with("note", json!(note));
            return ToolOutcome::Result(Err(error));
        }
    };
    let mut value = result(&found);
    value["wall_duration_ms"] = json!(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
    if found.running {
        value["background_process_id"] = json!(key);
        value["note"] = json!(if plan.is_background {
            "The command runs in the background. Use process_output for its output and process_signal to end it."
        } else {
            "The command has not ended within the timeout and goes on in the background. Use process_output to wait for it and process_signal to end it."
        });
    } else if plan.is_file_dump {
        value["note"] =
            json!("To read a file, read_file is better: it numbers the lines and reads any part.");
    }
    ToolOutcome::Result(Ok(value))
}

async fn read_output(agent: &AgentClient, id: &str, wait: Duration) -> Result<Value, ToolError> {
    let deadline = Instant::now() + wait;
    let mut backoff = Backoff::new(RECONNECT.0, RECONNECT.1);
    let found = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match agent.process_output(id, left).await {
            // The process goes on while a connection breaks.
            Err(AgentClientError::Interrupted) if !left.is_zero() => backoff.wait().await,
            done => break done.map_err(no_process)?,
        }
    };
    let mut value = result(&found);
    if found.running {
        value["background_process_id"] = json!(id);
        value["note"] = json!("The process is still running.");
    }
    Ok(value)
}

fn result(found: &agent_http::ProcessOutput) -> Value {
    let mut value = json!({
        "success": found.running || found.exit_code == Some(0),
        "output": found.output,
    });
    if let Some(code) = found.exit_code {
        value["exit_code"] = json!(code);
    }
    if let Some(cut) = &found.truncated {
        value["truncated"] = json!({
            "original_bytes": cut.original_bytes,
            "retained_bytes": cut.retained_bytes,
            "omitted_bytes": cut.omitted_bytes,
            "strategy": "head_tail",
        });
    }
    value
}

fn shown(process: &ProcessInfo) -> Value {
    let mut value = json!({
        "id": process.id,
        "command": process.command,
        "workdir": process.workdir,
        "background": process.background,
        "running": process.running,
        "started_at_unix": process.started_at.timestamp(),
    });
    if let Some(code) = process.exit_code {
        value["exit_code"] = json!(code);
    }
    if let Some(at) = process.exited_at {
        value["exited_at_unix"] = json!(at.timestamp());
    }
    value
}

/// Starts the process. When the answer is lost the process may run already, and an agent that was restarted since would not
/// know: it is never asked a second time.
async fn start(agent: &AgentClient, request: &StartProcess) -> Result<(), AgentClientError> {
    let mut backoff = Backoff::new(RECONNECT.0, RECONNECT.1);
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        match agent.start_process(request).await {
            Ok(_) => return Ok(()),
            Err(AgentClientError::Unreachable { .. }) if Instant::now() < deadline => {
                backoff.wait().await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Shows the output until the exit. A connection that breaks is made again at the same place, until it seems hopeless.
async fn follow(agent: &AgentClient, id: &str, output: &dyn Shown) -> Result<(), AgentClientError> {
    let mut position = 0;
    let mut backoff = Backoff::new(RECONNECT.0, RECONNECT.1);
    let mut heard_at = Instant::now();
    loop {
        let mut records = match agent.follow_process(id, position).await {
            Ok(records) => std::pin::pin!(records),
            Err(AgentClientError::Unreachable { .. } | AgentClientError::Interrupted)
                if heard_at.elapsed() < FOLLOW_PATIENCE =>
            {
                backoff.wait().await;
                continue;
            }
            Err(error) => return Err(error),
        };
        heard_at = Instant::now();
        while let Some(record) = records.next().await {
            match record {
                Ok(StreamRecord::Output { text, position: after }) => {
                    position = after;
                    backoff.reset();
                    output.show(&text).await;
                }
                Ok(StreamRecord::Skipped { bytes }) => {
                    output.show(&format!("\n[{bytes} bytes left out]\n")).await;
                }
                Ok(StreamRecord::Exit { .. }) => return Ok(()),
                Err(_) => break,
            }
            heard_at = Instant::now();
        }
        backoff.wait().await;
    }
}

fn is_not_found(error: &AgentClientError) -> bool {
    matches!(error, AgentClientError::Refused { status, .. } if status.as_u16() == 404)
}

fn no_process(error: AgentClientError) -> ToolError {
    let is_unknown = is_not_found(&error);
    let refused = refused(error);
    if is_unknown { refused.code("no_such_process") } else { refused }
}

#[cfg(test)]
mod tests;
