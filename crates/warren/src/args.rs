//! The command line: names, flags and their environment variables.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::output::Format;

mod chat;
mod organizations;
mod server;
mod ssh;
mod tokens;
mod users;
mod workspaces;

pub use chat::{
    AddModelArgs, AnswerArgs, ApproveArgs, ChatCommand, ExportArgs, ExportFormat, FollowArgs, ListChatsArgs,
    ModelsCommand, NewChatArgs, SendArgs, StopChatArgs, ViewArgs,
};
pub use organizations::{
    MembersCommand, OrganizationsArgs, OrganizationsCommand, RoleArgs, RolesCommand, ShowOrganizationArgs,
};
pub use server::{
    CreateAdminArgs, DbCommand, DbcryptCommand, ResetPasswordArgs, ServerArgs, ServerCommand, StoreArgs,
};
pub use ssh::{ConfigSshArgs, ConnectCommand, SshArgs, Wait};
pub use tokens::{CreateTokenArgs, ListTokensArgs, RemoveTokenArgs, TokensCommand};
pub use users::{CreateUserArgs, EditRolesArgs, ListUsersArgs, StatusArgs, UsersCommand};
pub use workspaces::{
    CreateArgs, DeleteArgs, ListArgs, LogsArgs, ParameterArgs, RestartArgs, StartArgs, StopArgs, UpdateArgs,
    WorkspaceArgs,
};

/// Cloud development environments and durable AI chats, self-hosted.
#[derive(Debug, Parser)]
#[command(name = "warren", version, propagate_version = false, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// Parses the command line of this process.
///
/// # Errors
/// What is wrong with it, or the help that was asked for.
pub fn parse() -> Result<Cli, clap::Error> {
    let command = own_variables(Cli::command(), &|name| std::env::var_os(name).is_some());
    Cli::from_arg_matches(&command.try_get_matches()?)
}

/// Lets a flag read `WARREN_X` instead of `CODER_X` where that variable is set.
fn own_variables(command: clap::Command, is_set: &dyn Fn(&str) -> bool) -> clap::Command {
    let command = command.mut_args(|argument| {
        // Help goes into bug reports; what a variable holds is nobody's business there.
        let argument = argument.hide_env_values(true);
        let compatible = argument.get_env().and_then(|name| name.to_str());
        let own =
            compatible.and_then(|name| name.strip_prefix("CODER_")).map(|rest| format!("WARREN_{rest}"));
        match own.filter(|name| is_set(name)) {
            // The definition of the command line lives as long as the process.
            Some(name) => argument.env(&*Box::leak(name.into_boxed_str())),
            None => argument,
        }
    });
    command.mut_subcommands(|subcommand| own_variables(subcommand, is_set))
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
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
    /// Header for every request, for a proxy in between; may be repeated [env: CODER_HEADER].
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = pair)]
    pub header: Vec<(String, String)>,
    /// Command whose output lines NAME=VALUE become headers [env: CODER_HEADER_COMMAND].
    #[arg(long, global = true, value_name = "COMMAND")]
    pub header_command: Option<String>,
    /// PEM file with authorities to trust besides the system's [env: CODER_CLIENT_TLS_CA_FILE].
    #[arg(long, global = true, value_name = "FILE")]
    pub client_tls_ca_file: Option<PathBuf>,
    /// PEM file with the certificate that proves who you are [env: CODER_CLIENT_TLS_CERT_FILE].
    #[arg(long, global = true, value_name = "FILE")]
    pub client_tls_cert_file: Option<PathBuf>,
    /// PEM file with the key of that certificate [env: CODER_CLIENT_TLS_KEY_FILE].
    #[arg(long, global = true, value_name = "FILE")]
    pub client_tls_key_file: Option<PathBuf>,
    /// Say more [env: CODER_VERBOSE].
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Ask questions even if the terminal does not look like one [env: CODER_FORCE_TTY].
    #[arg(long, global = true)]
    pub force_tty: bool,
    /// Do not warn when the server has another version [env: CODER_NO_VERSION_WARNING].
    #[arg(long, global = true)]
    pub no_version_warning: bool,
    /// Do not open a browser [env: CODER_NO_OPEN].
    #[arg(long, global = true)]
    pub no_open: bool,
    /// Accepted for compatibility: there are no paid features.
    #[arg(long, global = true, hide = true)]
    pub no_feature_warning: bool,
    /// Accepted for compatibility: the session is kept in a file.
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub use_keyring: Option<bool>,
    /// Accepted for compatibility: every connection is relayed.
    #[arg(long, global = true, hide = true)]
    pub disable_direct_connections: bool,
    /// Accepted for compatibility: there is no telemetry.
    #[arg(long, global = true, hide = true)]
    pub disable_network_telemetry: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Server(Box<ServerArgs>),
    /// Set a new password, at the database.
    ResetPassword(ResetPasswordArgs),
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
    /// Manage users.
    #[command(subcommand, alias = "user")]
    Users(UsersCommand),
    /// Manage tokens for programs.
    #[command(subcommand, alias = "token")]
    Tokens(TokensCommand),
    /// Manage organizations.
    #[command(alias = "organization", aliases = ["org", "orgs"])]
    Organizations(OrganizationsArgs),
    /// Print what makes a shell complete commands.
    Completion(CompletionArgs),
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
    /// Stop a workspace and start it again.
    Restart(RestartArgs),
    /// Move a workspace to the active version of its template and start it.
    Update(UpdateArgs),
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
    #[command(subcommand, alias = "chats", after_help = chat::NAMES_HELP)]
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
    /// Columns of the table, in order; a name that does not exist lists those that do.
    #[arg(short, long, value_delimiter = ',', value_name = "NAMES")]
    pub column: Vec<String>,
}

/// Flags of `completion`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Shell [default: the one of SHELL].
    pub name: Option<Shell>,
    /// The same as the argument.
    #[arg(short, long, conflicts_with = "name", hide = true)]
    pub shell: Option<Shell>,
    /// Accepted for compatibility: the script is always printed.
    #[arg(short, long, hide = true)]
    pub print: bool,
}

/// Shells that can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
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
