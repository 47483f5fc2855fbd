//! Flags of the commands about workspaces.

use std::time::Duration;

use clap::Args;
use warren_vocab::BuildReason;

use super::{OrganizationArgs, OutputArgs, duration, pair};

/// Values of template parameters.
#[derive(Debug, Clone, Args)]
pub struct ParameterArgs {
    /// Value of a template parameter.
    #[arg(long, value_parser = pair, value_name = "NAME=VALUE")]
    pub parameter: Vec<(String, String)>,
    /// Value to use where no other is given.
    #[arg(long, value_parser = pair, value_name = "NAME=VALUE")]
    pub parameter_default: Vec<(String, String)>,
    /// Take the template's defaults without asking.
    #[arg(long, env = "CODER_WORKSPACE_USE_PARAMETER_DEFAULTS")]
    pub use_parameter_defaults: bool,
}

/// Flags of `create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Name of the workspace, also `owner/name`.
    pub workspace: Option<String>,
    /// Template to create it from.
    #[arg(short, long, env = "CODER_TEMPLATE_NAME")]
    pub template: Option<String>,
    /// Stop by itself after this time, for example 8h.
    #[arg(long, env = "CODER_WORKSPACE_STOP_AFTER", value_parser = duration)]
    pub stop_after: Option<Duration>,
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// Do not wait for the build.
    #[arg(long, env = "CODER_CREATE_NO_WAIT")]
    pub no_wait: bool,
    #[command(flatten)]
    pub organization: OrganizationArgs,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// List the workspaces of everybody.
    #[arg(short, long)]
    pub all: bool,
    /// Search, for example `owner:me template:docker`.
    #[arg(long, default_value = "owner:me")]
    pub search: String,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A workspace alone.
#[derive(Debug, Args)]
pub struct WorkspaceArgs {
    /// Workspace, also `owner/workspace`.
    pub workspace: String,
}

/// Flags of `start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// Workspace, also `owner/workspace`.
    pub workspace: String,
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// Do not wait for the build.
    #[arg(long)]
    pub no_wait: bool,
    /// Why it is started.
    #[arg(long, default_value = "cli", hide = true)]
    pub reason: BuildReason,
    /// Accepted for compatibility: starting asks nothing.
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `restart`.
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// Workspace, also `owner/workspace`.
    pub workspace: String,
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `update`.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// Workspace, also `owner/workspace`.
    pub workspace: String,
    #[command(flatten)]
    pub parameters: ParameterArgs,
}

/// Flags of `stop`.
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Workspace, also `owner/workspace`.
    pub workspace: String,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Workspace, also `owner/workspace`.
    pub workspace: String,
    /// Forget the workspace without destroying its resources.
    #[arg(long)]
    pub orphan: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Workspace, also `owner/workspace`.
    pub workspace: String,
    /// Build to show; 0 is the latest, a negative number counts back from it.
    #[arg(short = 'n', long, default_value_t = 0, allow_negative_numbers = true)]
    pub build_number: i32,
    /// Follow until the build and the agents' start scripts have ended.
    #[arg(short, long)]
    pub follow: bool,
}
