//! What a provisioner reports when it has finished.

use std::collections::BTreeMap;

use crate::{job::JobErrorCode, request::SecretText};

/// The result of a job.
#[derive(Debug, Clone)]
pub enum JobOutcome {
    Import(ImportOutcome),
    Build(BuildOutcome),
}

/// What a template makes and asks for.
#[derive(Debug, Clone, Default)]
pub struct ImportOutcome {
    /// The text of `README.md`, empty when there is none.
    pub readme: String,
    pub parameters: Vec<Parameter>,
    /// What exists while a workspace runs.
    pub start_resources: Vec<Resource>,
    /// What is left while it is stopped.
    pub stop_resources: Vec<Resource>,
}

/// What a build has made.
#[derive(Debug, Clone, Default)]
pub struct BuildOutcome {
    /// Terraform's state, opaque to everyone else; holds secrets.
    pub state: Vec<u8>,
    pub resources: Vec<Resource>,
}

/// Why a job has failed, for its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure {
    /// One clear sentence (or Terraform's own words with file and line).
    pub message: String,
    pub code: Option<JobErrorCode>,
    /// Terraform's state when something may have been made before the failure.
    pub state: Option<Vec<u8>>,
    /// The job was interrupted because its user asked for it.
    pub canceled: bool,
}

impl JobFailure {
    /// A failure that left nothing behind.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: None, state: None, canceled: false }
    }
}

/// A Terraform resource that users see.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// Terraform's type, e.g. `docker_container`.
    pub kind: String,
    pub name: String,
    pub hide: bool,
    pub icon: String,
    pub daily_cost: i32,
    pub instance_type: String,
    /// Empty for the root module.
    pub module_path: String,
    pub metadata: Vec<MetadataItem>,
    pub agents: Vec<Agent>,
}

/// A fact about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataItem {
    pub key: String,
    pub value: String,
    pub sensitive: bool,
    pub is_null: bool,
}

/// How an agent proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentAuth {
    Token(SecretText),
    /// The identity of a cloud instance; empty until the instance exists.
    Instance(String),
}

/// An agent that a template declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Terraform's id; never the id of a row.
    pub terraform_id: String,
    pub name: String,
    pub auth: AgentAuth,
    pub architecture: String,
    pub operating_system: String,
    pub directory: String,
    /// The agent's own variables, which override [`Env`]s.
    pub env: BTreeMap<String, String>,
    pub connection_timeout_seconds: i32,
    pub troubleshooting_url: String,
    pub motd_file: String,
    pub order: i32,
    pub api_key_scope: String,
    pub display_apps: DisplayApps,
    pub metadata: Vec<AgentMetadata>,
    pub apps: Vec<App>,
    pub scripts: Vec<Script>,
    pub extra_envs: Vec<Env>,
}

/// The buttons that a dashboard shows for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisplayApps {
    pub vscode: bool,
    pub vscode_insiders: bool,
    pub web_terminal: bool,
    pub port_forwarding_helper: bool,
    pub ssh_helper: bool,
}

/// A figure that an agent computes from time to time; interval and timeout are in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentMetadata {
    pub key: String,
    pub display_name: String,
    pub script: String,
    pub interval: i64,
    pub timeout: i64,
    pub order: i32,
}

/// A program in a workspace that can be opened in a browser or run in a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Terraform's id, which lives as long as the app does.
    pub terraform_id: String,
    pub slug: String,
    pub display_name: String,
    pub icon: String,
    pub url: String,
    pub command: String,
    pub subdomain: bool,
    /// owner, authenticated or public
    pub share: String,
    pub external: bool,
    pub healthcheck: Option<Healthcheck>,
    pub group: String,
    pub order: i32,
    pub hidden: bool,
    /// tab or slim-window
    pub open_in: String,
    pub tooltip: String,
}

/// How an app's health is found out; the interval is in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    pub url: String,
    pub interval: i32,
    pub threshold: i32,
}

/// A script that an agent runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub display_name: String,
    pub icon: String,
    pub script: String,
    pub log_path: String,
    /// Six fields, seconds first; empty for none.
    pub cron: String,
    pub start_blocks_login: bool,
    pub run_on_start: bool,
    pub run_on_stop: bool,
    /// Zero for none.
    pub timeout_seconds: i32,
}

/// A variable of an agent's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Env {
    pub name: String,
    pub value: String,
    /// replace, append, prepend or error
    pub merge_strategy: String,
}

/// A question that a template asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameter {
    pub name: String,
    pub display_name: String,
    pub description: String,
    /// string, number, bool or list(string)
    pub kind: String,
    pub form_type: String,
    pub mutable: bool,
    pub default_value: String,
    pub icon: String,
    pub required: bool,
    pub ephemeral: bool,
    pub order: i32,
    pub options: Vec<ParameterOption>,
    pub validation: ParameterValidation,
}

/// One of the answers that a parameter allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParameterOption {
    pub name: String,
    pub description: String,
    pub value: String,
    pub icon: String,
}

/// The rule that an answer must keep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParameterValidation {
    pub regex: String,
    pub error: String,
    pub min: Option<i32>,
    pub max: Option<i32>,
    /// increasing, decreasing or empty
    pub monotonic: String,
}
