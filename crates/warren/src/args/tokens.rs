//! Flags of `tokens`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::OutputArgs;

/// Subcommands of `tokens`.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Create a token and print it; it is not shown again.
    Create(CreateTokenArgs),
    /// List tokens.
    #[command(alias = "ls")]
    List(ListTokensArgs),
    /// Show a token.
    View {
        /// Token, by name or id.
        #[arg(value_name = "TOKEN")]
        which: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// End a token; it stays in lists as expired.
    #[command(aliases = ["delete", "rm"])]
    Remove(RemoveTokenArgs),
}

/// Flags of `tokens create`.
#[derive(Debug, Args)]
pub struct CreateTokenArgs {
    /// How long it lives, for example 12h or 30d [default: set by the server].
    #[arg(long, env = "CODER_TOKEN_LIFETIME", value_parser = lifetime, value_name = "DURATION")]
    pub lifetime: Option<Duration>,
    /// Name [default: a random one].
    #[arg(short, long, env = "CODER_TOKEN_NAME")]
    pub name: Option<String>,
    /// User that it is for [default: you].
    #[arg(short, long, env = "CODER_TOKEN_USER")]
    pub user: Option<String>,
    /// What it may do, for example workspace:read; may be repeated [default: everything that its user may].
    #[arg(long, value_delimiter = ',')]
    pub scope: Vec<String>,
    /// What it reaches, as TYPE:ID, for example workspace:7f0c…; may be repeated [default: everything].
    #[arg(long, value_delimiter = ',', value_name = "TYPE:ID")]
    pub allow: Vec<String>,
}

/// Flags of `tokens list`.
#[derive(Debug, Args)]
pub struct ListTokensArgs {
    /// The tokens of everybody, as far as you may see them.
    #[arg(short, long)]
    pub all: bool,
    /// Also those that have expired.
    #[arg(long)]
    pub include_expired: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `tokens remove`.
#[derive(Debug, Args)]
pub struct RemoveTokenArgs {
    /// Token, by name or id, or the token itself.
    #[arg(value_name = "TOKEN")]
    pub which: String,
    /// Remove it from lists as well.
    #[arg(long)]
    pub delete: bool,
}

fn lifetime(text: &str) -> Result<Duration, String> {
    warren_config::parse_duration(text).map_err(|expected| format!("expected {expected}"))
}
