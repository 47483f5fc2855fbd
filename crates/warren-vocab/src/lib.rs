//! The words every layer shares: typed ids, closed sets of values, names and timestamps.
//!
//! Nothing here knows a database, a socket or a clock. The serde forms are the wire forms of the HTTP API.

pub mod agent;
pub mod audit;
pub mod chat;
pub mod id;
pub mod job;
pub mod name;
pub mod time;
pub mod user;
pub mod word;
pub mod workspace;

pub use agent::{
    AgentLifecycle, AgentStatus, AppHealth, DisplayApp, OpenIn, SharingLevel, StartupScriptBehavior,
};
pub use audit::{AuditAction, ResourceType};
pub use chat::{
    AiProviderType, BusyBehavior, ChatErrorKind, ChatStatus, ClientType, LeaseId, MessageRole,
    MessageVisibility,
};
pub use id::{
    AgentId, AiProviderId, AiProviderKeyId, AppId, AuditLogId, BuildId, ChatId, FileId, GroupId, JobId,
    JobLogId, LogSourceId, MessageId, ModelConfigId, OrganizationId, QueuedMessageId, ReplicaId, RequestId,
    ResourceId, RunnerId, ScriptId, TemplateId, TemplateVersionId, UserId, WorkspaceId,
};
pub use job::{JobStatus, JobType, LogLevel, LogSource};
pub use name::{DisplayName, InvalidName, ResourceName, Username};
pub use time::Timestamp;
pub use user::{
    AgentDisplayMode, ChatSendShortcut, LoginType, TerminalFont, ThemeMode, ThinkingDisplayMode, UserStatus,
};
pub use word::UnknownWord;
pub use workspace::{AutomaticUpdates, BuildReason, Transition, WorkspaceStatus};
