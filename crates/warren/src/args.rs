//! The command line: names, flags and their environment variables.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use warren_vocab::BuildReason;

use crate::output::Format;

mod chat;
mod server;
mod ssh;

pub use chat::{AddModelArgs, ChatCommand, ModelsCommand, NewChatArgs, SendArgs};
pub use server::ServerArgs;
pub use ssh::{ConfigSshArgs, ConnectCommand, SshArgs, Wait};

/// Cloud development environments and durable AI chats, self-hosted.
#[derive(Debug, Parser)]
#[command(name = "warren", version, propagate_version = false, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Globals {
    /// Server to talk to [env: CODER_URL].
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Session token [env: CODER_SESSION_TOKEN].
    #[arg(long, global = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Directory that remembers server and session [env: CODER_CONFIG_DIR] [default: ~/.config/coderv2].
    #[arg(long, global = true, value_name = "DIR")]
    pub global_config: Option<PathBuf>,
    /// Say more.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Accepted for compatibility: versions are not compared.
    #[arg(long, global = true, hide = true)]
    pub no_version_warning: bool,
    /// Accepted for compatibility: there are no paid features.
    #[arg(long, global = true, hide = true)]
    pub no_feature_warning: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Server(Box<ServerArgs>),
    /// Run the agent of a workspace.
    #[command(hide = true)]
    Agent(AgentArgs),
    /// Sign in, or create the first user of a fresh server.
    Login(Box<LoginArgs>),
    /// End the session and forget the server.
    Logout(YesArgs),
    /// Show who you are and where.
    Whoami(OutputArgs),
    /// Show versions.
    Version(VersionArgs),
    /// Manage templates.
    #[command(subcommand, alias = "template")]
    Templates(TemplatesCommand),
    /// Create a workspace.
    Create(CreateArgs),
    /// List workspaces.
    #[command(alias = "ls")]
    List(ListArgs),
    /// Show the resources and agents of a workspace.
    Show(WorkspaceArgs),
    /// Start a workspace.
    Start(StartArgs),
    /// Stop a workspace.
    Stop(StopArgs),
    /// Delete a workspace.
    #[command(alias = "rm")]
    Delete(DeleteArgs),
    /// Show the log of a workspace's build and of its agents.
    Logs(LogsArgs),
    /// Open a shell in a workspace, or run a command there.
    Ssh(SshArgs),
    /// Make `ssh <workspace>.coder` work.
    ConfigSsh(ConfigSshArgs),
    /// Asked by OpenSSH whether a system-wide tunnel serves a host.
    #[command(subcommand, hide = true)]
    Connect(ConnectCommand),
    /// Work with AI chats.
    #[command(subcommand, alias = "chats")]
    Chat(ChatCommand),
    /// Configure the models that chats use.
    #[command(subcommand, alias = "model")]
    Models(ModelsCommand),
    /// Tools for developing Warren itself.
    #[command(subcommand)]
    Dev(DevCommand),
}

impl Command {
    /// Whether the command runs for long and writes a log of its own.
    pub const fn logs_by_itself(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Agent(_) | Self::Dev(_))
    }
}

/// Flags of `agent`.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// The server's URL.
    #[arg(long, env = "CODER_AGENT_URL", value_name = "URL")]
    pub agent_url: Option<String>,
    /// The agent's token.
    #[arg(long, env = "CODER_AGENT_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub agent_token: Option<String>,
    /// File with the agent's token.
    #[arg(long, env = "CODER_AGENT_TOKEN_FILE", value_name = "FILE")]
    pub agent_token_file: Option<PathBuf>,
    /// How the agent proves who it is; only `token` is supported.
    #[arg(long, env = "CODER_AGENT_AUTH", default_value = "token")]
    pub auth: String,
    /// Directory of script data and logs [default: a directory under the temporary directory].
    #[arg(long, env = "CODER_AGENT_SCRIPT_DATA_DIR", value_name = "DIR")]
    pub script_data_dir: Option<PathBuf>,
}

/// Flags of `login`.
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// The server's URL.
    #[arg(value_name = "URL")]
    pub server: Option<String>,
    #[command(subcommand)]
    pub command: Option<LoginCommand>,
    /// Email of the first user.
    #[arg(long, env = "CODER_FIRST_USER_EMAIL")]
    pub first_user_email: Option<String>,
    /// Name of the first user.
    #[arg(long, env = "CODER_FIRST_USER_USERNAME")]
    pub first_user_username: Option<String>,
    /// Full name of the first user.
    #[arg(long, env = "CODER_FIRST_USER_FULL_NAME")]
    pub first_user_full_name: Option<String>,
    /// Password of the first user.
    #[arg(long, env = "CODER_FIRST_USER_PASSWORD", hide_env_values = true)]
    pub first_user_password: Option<String>,
    /// Accepted for compatibility: there is nothing to try out, everything is free.
    #[arg(long, env = "CODER_FIRST_USER_TRIAL", hide = true, num_args = 0..=1, default_missing_value = "true")]
    pub first_user_trial: Option<bool>,
    /// Email of an existing user, to sign in with a password.
    #[arg(long, env = "WARREN_LOGIN_EMAIL")]
    pub email: Option<String>,
    /// Password of the existing user.
    #[arg(long, env = "WARREN_LOGIN_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// Store the token given with --token itself, instead of a new session made with it.
    #[arg(long)]
    pub use_token_as_session: bool,
}

/// Subcommands of `login`.
#[derive(Debug, Subcommand)]
pub enum LoginCommand {
    /// Print the stored session token.
    Token,
}

/// `-y` alone.
#[derive(Debug, Args)]
pub struct YesArgs {
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// `-o` and `-c`.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Form of the output.
    #[arg(short, long, default_value = "table")]
    pub output: Format,
    /// Columns of the table, in order.
    #[arg(short, long, value_delimiter = ',')]
    pub column: Vec<String>,
}

/// Flags of `version`.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// Form of the output.
    #[arg(short, long, default_value = "text")]
    pub output: TextFormat,
}

/// The forms of a single fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    Text,
    Json,
}

/// Subcommands of `templates`.
#[derive(Debug, Subcommand)]
pub enum TemplatesCommand {
    /// Upload a directory as a new version, and create the template if it is new.
    Push(PushArgs),
    /// List templates.
    #[command(alias = "ls")]
    List(OutputArgs),
}

/// Flags of `templates push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// Name of the template [default: name of the directory].
    pub template: Option<String>,
    /// Directory with the Terraform files.
    #[arg(short, long, default_value = ".")]
    pub directory: PathBuf,
    /// Name of the version [default: chosen by the server].
    #[arg(long)]
    pub name: Option<String>,
    /// What changed in this version.
    #[arg(short, long)]
    pub message: Option<String>,
    /// Value of a Terraform variable.
    #[arg(long, alias = "var", value_parser = pair, value_name = "NAME=VALUE")]
    pub variable: Vec<(String, String)>,
    /// Whether new workspaces use the version.
    #[arg(long, num_args = 0..=1, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub activate: bool,
    /// Do not warn about a missing lock file.
    #[arg(long)]
    pub ignore_lockfile: bool,
    #[command(flatten)]
    pub organization: OrganizationArgs,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// `-O`.
#[derive(Debug, Args)]
pub struct OrganizationArgs {
    /// Organization, by name or id.
    #[arg(short = 'O', long = "org", env = "CODER_ORGANIZATION")]
    pub organization: Option<String>,
}

/// Values of template parameters.
#[derive(Debug, Args)]
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

/// Subcommands of `dev`.
#[derive(Debug, Subcommand)]
pub enum DevCommand {
    /// Serve a scripted model over the OpenAI protocol.
    Model(DevModelArgs),
    /// Run a sign-in provider that lets everybody in.
    Idp(DevIdpArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the page of the documentation that lists the server's options.
    ConfigDocs,
}

/// Flags of `dev idp`.
#[derive(Debug, Args)]
pub struct DevIdpArgs {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    pub address: SocketAddr,
}

/// Flags of `dev model`.
#[derive(Debug, Args)]
pub struct DevModelArgs {
    /// What the model answers [default: a demonstration that makes a workspace and works in it].
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    pub address: SocketAddr,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as NAME=VALUE".into()),
    }
}

/// Reads `1h30m`, `90s`, `2d`; a bare number means minutes.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write it like 30s, 45m, 1h30m or 2d".to_owned();
    if let Ok(minutes) = text.parse::<u64>() {
        return minutes.checked_mul(60).map(Duration::from_secs).ok_or_else(wrong);
    }
    let (mut seconds, mut number) = (0u64, String::new());
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                number.push(letter);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u64 = number.parse().map_err(|_| wrong())?;
        number.clear();
        seconds = count.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
    }
    if number.is_empty() && seconds > 0 { Ok(Duration::from_secs(seconds)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests;
