//! Chats: use cases, the worker that runs them, the tools, and the stream to viewers.
//!
//! Every change of a chat is one transition of `warren-chat-proto`, executed by [`store`] inside one transaction. Nothing
//! here knows HTTP; how a workspace is reached is behind [`WorkspaceTools`].

mod catalog;
mod commands;
mod crash_points;
mod error;
mod hub;
mod metrics;
mod models;
mod own_keys;
mod parts;
mod prices;
mod providers;
mod rows;
mod runner;
mod service;
mod settings;
mod store;
mod tools;
mod turn;
mod usage;
mod worker;

pub use commands::{
    Answer, Approval, ChatPatch, ChatSearch, CreateChat, Idempotency, ListedChat, Prompt, SendMessage, Sent,
};
#[cfg(debug_assertions)]
pub use crash_points::CRASH_POINTS;
pub use error::{ChatResult, ChatServiceError};
pub use hub::{
    Frame, ListChange, ListChangeKind, ListViewer, PartFeed, PartLink, PartRelay, Start, StreamFigures,
    Viewer, WireForm,
};
pub use metrics::ChatMetrics;
pub use models::Unavailable;
pub use own_keys::OwnKey;
pub use prices::Prices;
pub use providers::{Choice, ModelDraft, ModelPatch, ProviderDraft, ProviderPatch, ProviderWithKeys};
pub use service::{Caller, ChatConfig, ChatService};
pub use settings::{SystemPrompt, TitleModel};
pub use store::{AskReason, ClientResult, Decision, LimitConfig, LimitPeriod, PendingCall, Standing};
pub use tools::{
    AskUserQuestion, Binding, CreateWorkspace, DynamicTool, EditFiles, Execute, ListFiles, ListTemplates,
    ProcessOutput, ProcessSignal, Question, QuestionOption, ReadFile, ReadTemplate, SearchFiles,
    StartWorkspace, Tool, ToolContext, ToolError, ToolOutcome, ToolOutput, WorkspaceTools, WriteFile,
    check_dynamic_tools, tool_limits,
};
pub use usage::{ChatCost, CostSummary, LimitSettings, ModelCost, UserLimit};
pub use warren_chat_proto as proto;
pub use worker::WorkerConfig;
