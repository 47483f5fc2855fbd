//! Flags of `chat` and `models`.

use clap::{Args, Subcommand};
use warren_vocab::{AiProviderType, ChatId};

use super::OutputArgs;

/// Subcommands of `chat`.
#[derive(Debug, Subcommand)]
pub enum ChatCommand {
    /// Start a chat and follow its answer.
    New(NewChatArgs),
    /// Send a message to a chat and follow the answer.
    Send(SendArgs),
    /// Show a chat and follow it until its turn has ended.
    Follow(FollowArgs),
    /// Stop the answer that is being written.
    Interrupt {
        /// The chat's id.
        chat: ChatId,
    },
    /// List your chats.
    #[command(alias = "ls")]
    List(OutputArgs),
}

/// Flags of `chat new`.
#[derive(Debug, Args)]
pub struct NewChatArgs {
    /// What to do; `-` reads it from standard input.
    #[arg(required = true)]
    pub message: Vec<String>,
    /// Workspace to work in.
    #[arg(short, long)]
    pub workspace: Option<String>,
    /// Model to use, by name or id of its configuration [default: the default model].
    #[arg(short, long)]
    pub model: Option<String>,
    /// Print the chat's id and leave.
    #[arg(long)]
    pub no_follow: bool,
    #[command(flatten)]
    pub organization: super::OrganizationArgs,
}

/// Flags of `chat send`.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The chat's id.
    pub chat: ChatId,
    /// The message; `-` reads it from standard input.
    #[arg(required = true)]
    pub message: Vec<String>,
    /// Stop the answer that is being written instead of waiting for its end.
    #[arg(long)]
    pub interrupt: bool,
    /// Leave after sending.
    #[arg(long)]
    pub no_follow: bool,
}

/// Flags of `chat follow`.
#[derive(Debug, Args)]
pub struct FollowArgs {
    /// The chat's id.
    pub chat: ChatId,
    /// Keep following when the turn has ended.
    #[arg(long)]
    pub forever: bool,
}

/// Subcommands of `models`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Add a model, and its provider if that is new.
    Add(AddModelArgs),
    /// List the models that chats may use.
    #[command(alias = "ls")]
    List(OutputArgs),
}

/// Flags of `models add`.
#[derive(Debug, Args)]
pub struct AddModelArgs {
    /// Name of the model, as its provider knows it.
    pub model: String,
    /// Name of the provider; an existing one is used as it is.
    #[arg(long)]
    pub provider: String,
    /// Protocol of a new provider.
    #[arg(long = "type", default_value = "openai-compat")]
    pub provider_type: AiProviderType,
    /// Base URL of a new provider.
    #[arg(long)]
    pub base_url: Option<String>,
    /// Key of a new provider.
    #[arg(long, env = "WARREN_MODEL_API_KEY", hide_env_values = true)]
    pub api_key: Option<String>,
    /// Name shown to users.
    #[arg(long)]
    pub display_name: Option<String>,
    /// Make it the model of new chats.
    #[arg(long)]
    pub default: bool,
}
