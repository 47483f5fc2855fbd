//! Flags of `chat` and `models`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use warren_vocab::AiProviderType;

use super::OutputArgs;
use crate::output::Format;

/// Subcommands of `chat`.
#[derive(Debug, Subcommand)]
pub enum ChatCommand {
    /// Start a chat and follow its answer.
    New(NewChatArgs),
    /// List your chats.
    #[command(alias = "ls")]
    List(ListChatsArgs),
    /// Send a message to a chat and follow the answer.
    Send(SendArgs),
    /// Show a chat and follow it until its turn has ended.
    #[command(after_help = FOLLOW_HELP)]
    Follow(FollowArgs),
    /// Stop the answer that is being written; what was written so far is kept.
    #[command(alias = "interrupt")]
    Stop(StopChatArgs),
    /// List the tool calls that wait for your approval, approve or deny them.
    #[command(after_help = APPROVE_HELP)]
    Approve(ApproveArgs),
    /// Answer a question of the model, or calls of tools that run elsewhere.
    #[command(after_help = ANSWER_HELP)]
    Answer(AnswerArgs),
    /// Write a chat with its whole history as Markdown or JSON.
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArgs),
}

pub(super) const NAMES_HELP: &str =
    "A chat is named by its id, by a beginning of the id that no other chat has, or by its title.";

const FOLLOW_HELP: &str = "\
On a terminal, approvals and questions can be answered right there; elsewhere the command that answers is printed.
Ctrl-C leaves the view, not the chat: it goes on at the server.

Exit status: 0 when the turn has ended, 1 when it failed, 2 when the chat waits for an answer, 130 after Ctrl-C.";

const APPROVE_HELP: &str = "\
Examples:
  warren chat approve 3f2a                       what waits, and what it would do
  warren chat approve 3f2a call_7 --remember     approve, now and whenever it comes again in this chat
  warren chat approve 3f2a --all --deny --note \"use the staging database\"";

const ANSWER_HELP: &str = "\
Examples:
  warren chat answer 3f2a                        what is asked
  warren chat answer 3f2a 2                      the second option
  warren chat answer 3f2a neither, use SQLite    your own words
  warren chat answer 3f2a 1 \"in two weeks\"       two questions
  warren chat answer 3f2a --result call_7='{\"temperature\": 4}'";

const EXPORT_HELP: &str = "\
JSON is an object of the chat, its messages (oldest first) and its queue, each as the API shows it.";

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
    /// Label of the chat; may be repeated.
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = label)]
    pub label: Vec<(String, String)>,
    /// Print the chat's id and leave.
    #[arg(long)]
    pub no_follow: bool,
    #[command(flatten)]
    pub view: ViewArgs,
    #[command(flatten)]
    pub organization: super::OrganizationArgs,
}

/// Flags of `chat list`.
#[derive(Debug, Args)]
pub struct ListChatsArgs {
    /// Words of the title, or terms such as `title:words` and `has_unread:true`.
    #[arg(short, long, alias = "q", default_value = "", hide_default_value = true)]
    pub search: String,
    /// Chats that were archived instead of those that were not.
    #[arg(long)]
    pub archived: bool,
    /// Only chats with something that you have not seen.
    #[arg(long)]
    pub unread: bool,
    /// Only chats with this label; may be repeated, then all must fit.
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = label)]
    pub label: Vec<(String, String)>,
    /// So many chats at most, those changed last [default: all].
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `chat send`.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The chat, by id, beginning of the id, or title.
    pub chat: String,
    /// The message; `-` reads it from standard input.
    #[arg(required = true)]
    pub message: Vec<String>,
    /// Stop the answer that is being written instead of waiting for its end.
    #[arg(long)]
    pub interrupt: bool,
    /// Leave after sending.
    #[arg(long)]
    pub no_follow: bool,
    /// Accepted for clarity: following is the default.
    #[arg(long, hide = true, conflicts_with = "no_follow")]
    pub follow: bool,
    #[command(flatten)]
    pub view: ViewArgs,
}

/// Flags of `chat follow`.
#[derive(Debug, Args)]
pub struct FollowArgs {
    /// The chat, by id, beginning of the id, or title.
    pub chat: String,
    /// Keep following when the turn has ended.
    #[arg(long)]
    pub forever: bool,
    /// Begin with so many of the newest messages instead of the whole history.
    #[arg(long, value_name = "NUMBER")]
    pub tail: Option<usize>,
    #[command(flatten)]
    pub view: ViewArgs,
}

/// How much of a chat is shown.
#[derive(Debug, Clone, Copy, Args)]
pub struct ViewArgs {
    /// Show outputs and results of tools whole.
    #[arg(long)]
    pub full: bool,
    /// Show what the model thinks.
    #[arg(long)]
    pub reasoning: bool,
}

/// Flags of `chat stop`.
#[derive(Debug, Args)]
pub struct StopChatArgs {
    /// The chat, by id, beginning of the id, or title.
    pub chat: String,
    /// Do not wait until everything has ended.
    #[arg(long)]
    pub no_wait: bool,
}

/// Flags of `chat approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The chat, by id, beginning of the id, or title.
    pub chat: String,
    /// Calls to approve; without any, and without --all, those that wait are listed.
    pub call: Vec<String>,
    /// All calls that wait.
    #[arg(long, conflicts_with = "call")]
    pub all: bool,
    /// Deny instead.
    #[arg(long)]
    pub deny: bool,
    /// Answer the same call alike whenever it comes again in this chat.
    #[arg(long, alias = "always")]
    pub remember: bool,
    /// What the model is told with a refusal.
    #[arg(long, value_name = "TEXT", requires = "deny")]
    pub note: Option<String>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `chat answer`.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// The chat, by id, beginning of the id, or title.
    pub chat: String,
    /// Number of an option, its text, or your own words; with several questions one argument for each.
    #[arg(conflicts_with_all = ["result", "error", "results_file"])]
    pub answer: Vec<String>,
    /// Result of a call; the id may be left out when only one waits. All calls that wait are answered together.
    #[arg(long, value_name = "CALL=JSON")]
    pub result: Vec<String>,
    /// The same for a call that failed.
    #[arg(long, value_name = "CALL=JSON")]
    pub error: Vec<String>,
    /// File with all results, a list of `{"tool_call_id", "output", "is_error"}`; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["result", "error"])]
    pub results_file: Option<PathBuf>,
    /// Form of the list of what is asked.
    #[arg(short, long, default_value = "table")]
    pub output: Format,
}

/// Flags of `chat export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The chat, by id, beginning of the id, or title.
    pub chat: String,
    /// Form of the document [default: json for a file that ends in .json, else markdown].
    #[arg(short, long)]
    pub format: Option<ExportFormat>,
    /// File to write [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Leave out what the model thought; Markdown only.
    #[arg(long)]
    pub no_reasoning: bool,
}

/// Forms of an exported chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    #[value(alias = "md")]
    Markdown,
    Json,
}

/// Reads `key=value` or `key:value`.
fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once(['=', ':']) {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as KEY=VALUE".into()),
    }
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
