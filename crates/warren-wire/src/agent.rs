//! The control protocol between a workspace agent and the server.
//!
//! Owns the JSON messages of the WebSocket at [`PATH`], their version rule and the limits both sides keep.
//! Must not know how either side stores or acts on them.
//!
//! After the upgrade the agent sends [`AgentMessage::Hello`]; the server answers with [`ServerMessage::Welcome`], which
//! carries the manifest. From then on the agent sends [`AgentMessage::Report`]s. Each report has a sequence number that
//! grows by one within one life of the agent process (its `boot_id`). The server stores a report's effect together with
//! its number and then acknowledges it; after a reconnect the agent sends again what was not acknowledged and the server
//! drops the numbers it already has, so every report takes effect exactly once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use warren_vocab::{AgentId, AgentLifecycle, AppId, LogLevel, LogSourceId, ScriptId, WorkspaceId};

/// Path of the control socket, relative to the server's URL.
pub const PATH: &str = "api/v2/workspaceagents/me/rpc";
/// WebSocket subprotocol of the messages in this module.
pub const SUBPROTOCOL: &str = "warren-agent.v1";
/// Header that carries the agent token.
pub const TOKEN_HEADER: &str = "Coder-Session-Token";
/// Largest message either side may send, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Most bytes of log text that the server keeps for one agent.
pub const LOG_BYTES_MAX: usize = 1 << 20;
/// Most bytes of log text in one report, counting [`LOG_LINE_OVERHEAD_BYTES`] for each line.
pub const LOG_BATCH_BYTES_MAX: usize = 256 << 10;
/// Bytes that a log line costs besides its text.
pub const LOG_LINE_OVERHEAD_BYTES: usize = 21;
/// Most reports that may be on their way without an acknowledgement.
pub const UNACKNOWLEDGED_MAX: usize = 16;

/// Version of the agent API: the major must match, and the client's minor must not be newer than the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    pub major: u16,
    pub minor: u16,
}

impl ApiVersion {
    /// What this build speaks.
    pub const CURRENT: ApiVersion = ApiVersion { major: 2, minor: 10 };
    /// What a client that names no version speaks.
    pub const ABSENT: ApiVersion = ApiVersion { major: 2, minor: 0 };

    /// Parses `major.minor`.
    ///
    /// # Errors
    /// [`VersionError::Malformed`] when the text is anything else.
    pub fn parse(text: &str) -> Result<ApiVersion, VersionError> {
        let malformed = || VersionError::Malformed(text.to_owned());
        let (major, minor) = text.split_once('.').ok_or_else(malformed)?;
        Ok(ApiVersion {
            major: major.parse().map_err(|_| malformed())?,
            minor: minor.parse().map_err(|_| malformed())?,
        })
    }

    /// Checks that a server of version `self` can serve a client that asks for `requested`.
    ///
    /// # Errors
    /// [`VersionError::Unsupported`] when it cannot.
    pub fn serve(self, requested: ApiVersion) -> Result<(), VersionError> {
        if requested.major == self.major && requested.minor <= self.minor {
            return Ok(());
        }
        Err(VersionError::Unsupported { requested, served: self })
    }
}

impl std::fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Why a requested version cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    #[error("version {0:?} is not of the form major.minor")]
    Malformed(String),
    #[error("version {requested} is not served; this server speaks {served}")]
    Unsupported { requested: ApiVersion, served: ApiVersion },
}

/// Messages of the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AgentMessage {
    /// The first message of every connection.
    Hello(Hello),
    /// Something that the server must store, in order.
    Report(Report),
}

/// Who connects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// One value for one life of the agent process; the numbers of its reports start at 1.
    pub boot_id: Uuid,
    /// Build version of the agent.
    pub version: String,
}

/// A numbered report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub sequence: u64,
    pub body: ReportBody,
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReportBody {
    Startup(Startup),
    Lifecycle(Lifecycle),
    Logs(LogBatch),
    ScriptCompleted(ScriptCompleted),
}

/// Facts that the agent found out when it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Startup {
    pub version: String,
    /// The manifest's directory with `~` and variables expanded; empty when the manifest names none.
    pub expanded_directory: String,
    #[serde(default)]
    pub subsystems: Vec<String>,
}

/// The agent entered a state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lifecycle {
    pub state: AgentLifecycle,
    pub changed_at: DateTime<Utc>,
}

/// Log lines of one source, in the order they were written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogBatch {
    pub source_id: LogSourceId,
    pub lines: Vec<LogLine>,
    /// The agent dropped lines after these, because they did not fit under [`LOG_BYTES_MAX`].
    #[serde(default)]
    pub truncated: bool,
}

/// One line without its line ending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    pub created_at: DateTime<Utc>,
    pub level: LogLevel,
    pub output: String,
}

/// A script ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScriptCompleted {
    pub script_id: ScriptId,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    /// 255 when the process gave none.
    pub exit_code: i32,
    pub stage: ScriptStage,
    pub status: ScriptStatus,
}

/// What made a script run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStage {
    Start,
    Stop,
    Cron,
}

impl ScriptStage {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ScriptStage::Start => "start",
            ScriptStage::Stop => "stop",
            ScriptStage::Cron => "cron",
        }
    }
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStatus {
    Ok,
    ExitFailure,
    TimedOut,
    /// The script ended but a child of it kept its output open.
    PipesLeftOpen,
}

impl ScriptStatus {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ScriptStatus::Ok => "ok",
            ScriptStatus::ExitFailure => "exit_failure",
            ScriptStatus::TimedOut => "timed_out",
            ScriptStatus::PipesLeftOpen => "pipes_left_open",
        }
    }
}

/// Messages of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The answer to [`AgentMessage::Hello`].
    Welcome(Box<Welcome>),
    /// Every report up to and including `sequence` is stored.
    Ack { sequence: u64 },
    /// The server closes the connection; the sentence says why.
    Goodbye { reason: String },
}

/// What the agent needs to work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// Highest report number of this `boot_id` that is stored; 0 when none.
    pub acknowledged: u64,
    pub manifest: Manifest,
}

/// Everything the server tells an agent about itself and its workspace.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub agent_id: AgentId,
    pub agent_name: String,
    pub owner_username: String,
    pub workspace_id: WorkspaceId,
    pub workspace_name: String,
    /// Working directory of sessions; `~` and `$VAR` are expanded by the agent, empty means the home directory.
    #[serde(default)]
    pub directory: String,
    #[serde(default)]
    pub environment_variables: BTreeMap<String, String>,
    #[serde(default)]
    pub vs_code_port_proxy_uri: String,
    /// File shown when a login shell starts; empty for none.
    #[serde(default)]
    pub motd_path: String,
    /// 32 bytes, hexadecimal, the same for every build of the workspace; the SSH host key is derived from it.
    #[serde(default)]
    pub host_key_seed: String,
    #[serde(default)]
    pub scripts: Vec<Script>,
    #[serde(default)]
    pub apps: Vec<App>,
}

impl std::fmt::Debug for Manifest {
    /// Leaves out the host key seed and the values of variables, which may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manifest")
            .field("agent_id", &self.agent_id)
            .field("agent_name", &self.agent_name)
            .field("workspace_name", &self.workspace_name)
            .field("variables", &self.environment_variables.keys().collect::<Vec<_>>())
            .field("scripts", &self.scripts.len())
            .field("apps", &self.apps.len())
            .finish_non_exhaustive()
    }
}

/// A script of the template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Script {
    pub id: ScriptId,
    pub log_source_id: LogSourceId,
    /// Where the agent keeps the output; empty means a file in its log directory.
    #[serde(default)]
    pub log_path: String,
    pub script: String,
    #[serde(default)]
    pub cron: String,
    #[serde(default)]
    pub run_on_start: bool,
    #[serde(default)]
    pub run_on_stop: bool,
    #[serde(default)]
    pub start_blocks_login: bool,
    /// Seconds; 0 means no limit.
    #[serde(default)]
    pub timeout_seconds: u64,
    #[serde(default)]
    pub display_name: String,
}

/// An app of the template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct App {
    pub id: AppId,
    pub slug: String,
    #[serde(default)]
    pub url: String,
    #[serde(default)]
    pub command: String,
    #[serde(default)]
    pub external: bool,
}

#[cfg(test)]
mod tests;
