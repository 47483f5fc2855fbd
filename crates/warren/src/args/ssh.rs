//! Flags of `ssh`, `config-ssh` and `connect`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};

/// Whether a connection waits for the start scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Wait {
    Yes,
    No,
    /// As the template says.
    Auto,
}

impl Wait {
    /// Returns the word of the flag.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Auto => "auto",
        }
    }
}

/// Flags of `ssh`.
#[derive(Debug, Args)]
pub struct SshArgs {
    /// Workspace, also `workspace.agent` or `owner/workspace`.
    pub workspace: String,
    /// Command to run; without one a shell is opened.
    #[arg(trailing_var_arg = true)]
    pub command: Vec<String>,
    /// Carry the SSH protocol over standard input and output, for OpenSSH's ProxyCommand.
    #[arg(long, env = "CODER_SSH_STDIO")]
    pub stdio: bool,
    /// Ask for a terminal even when a command is given.
    #[arg(short, long, env = "CODER_SSH_TTY")]
    pub tty: bool,
    /// Prefix to take off the workspace's name.
    #[arg(long, env = "CODER_SSH_SSH_HOST_PREFIX")]
    pub ssh_host_prefix: Option<String>,
    /// Suffix to take off the workspace's name.
    #[arg(long, env = "CODER_SSH_HOSTNAME_SUFFIX")]
    pub hostname_suffix: Option<String>,
    /// Whether to wait for the start scripts.
    #[arg(long, env = "CODER_SSH_WAIT", default_value = "auto")]
    pub wait: Wait,
    /// The same as --wait=no.
    #[arg(long, env = "CODER_SSH_NO_WAIT", hide = true)]
    pub no_wait: bool,
    /// Do not start a stopped workspace.
    #[arg(long, env = "CODER_SSH_DISABLE_AUTOSTART", num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", action = clap::ArgAction::Set)]
    pub disable_autostart: bool,
    /// How long the workspace's agent may take to connect.
    #[arg(long, env = "WARREN_SSH_AGENT_TIMEOUT", default_value = "2m", value_parser = super::duration)]
    pub agent_timeout: Duration,
    /// Variable for the session.
    #[arg(short, long, value_parser = super::pair, value_name = "NAME=VALUE")]
    pub env: Vec<(String, String)>,
    /// As what the session counts for activity; `disable` for nothing.
    #[arg(long, env = "CODER_SSH_USAGE_APP", default_value = "ssh", hide = true)]
    pub usage_app: String,
    /// Directory to write the state of the network to, for editors.
    #[arg(long, value_name = "DIR")]
    pub network_info_dir: Option<PathBuf>,
    /// How often the state of the network is written.
    #[arg(long, default_value = "5s", value_parser = super::duration)]
    pub network_info_interval: Duration,
    /// Accepted for compatibility: what there is to say goes to standard error.
    #[arg(short, long, env = "CODER_SSH_LOG_DIR", hide = true)]
    pub log_dir: Option<PathBuf>,
    /// Accepted for compatibility: a workspace that stops ends the session at once.
    #[arg(long, env = "CODER_WORKSPACE_POLL_INTERVAL", hide = true)]
    pub workspace_poll_interval: Option<String>,
    /// Accepted for compatibility: every session has a tunnel of its own.
    #[arg(long, env = "CODER_SSH_FORCE_NEW_TUNNEL", hide = true)]
    pub force_new_tunnel: bool,
}

/// Flags of `config-ssh`.
#[derive(Debug, Args)]
pub struct ConfigSshArgs {
    /// File to edit.
    #[arg(long, env = "CODER_SSH_CONFIG_FILE", default_value = "~/.ssh/config")]
    pub ssh_config_file: String,
    /// Executable that OpenSSH calls [default: this one].
    #[arg(long, env = "CODER_SSH_CONFIG_BINARY_PATH")]
    pub coder_binary_path: Option<PathBuf>,
    /// Further option for the hosts, as KEY=VALUE; an empty value removes a default.
    #[arg(short = 'o', long = "ssh-option", env = "CODER_SSH_CONFIG_OPTS", value_delimiter = ',')]
    pub ssh_option: Vec<String>,
    /// Show what would change, and change nothing.
    #[arg(short = 'n', long, env = "CODER_SSH_DRY_RUN")]
    pub dry_run: bool,
    /// Take the options of the last time.
    #[arg(long, env = "CODER_SSH_USE_PREVIOUS_OPTIONS")]
    pub use_previous_options: bool,
    /// Prefix of the hosts [default: as the server says].
    #[arg(long, env = "CODER_CONFIGSSH_SSH_HOST_PREFIX")]
    pub ssh_host_prefix: Option<String>,
    /// Suffix of the hosts [default: as the server says].
    #[arg(long, env = "CODER_CONFIGSSH_HOSTNAME_SUFFIX")]
    pub hostname_suffix: Option<String>,
    /// Whether connections wait for the start scripts.
    #[arg(long, env = "CODER_CONFIGSSH_WAIT", default_value = "auto")]
    pub wait: Wait,
    /// Connections do not start stopped workspaces.
    #[arg(long, env = "CODER_CONFIGSSH_DISABLE_AUTOSTART", num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub disable_autostart: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// Subcommands of `connect`.
#[derive(Debug, Subcommand)]
pub enum ConnectCommand {
    /// Succeeds when a system-wide tunnel serves the host.
    Exists {
        /// Host name.
        host: String,
    },
}
