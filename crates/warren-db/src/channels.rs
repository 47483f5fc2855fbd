//! Names of the hint channels and what their hints carry.

use warren_vocab::{AgentId, ChatId, JobId, UserId, WorkspaceId};

/// A job was posted or asked to cancel; hint: the job's id.
pub const JOBS: &str = "jobs";

/// Any workspace changed; hint: the workspace's id.
pub const WORKSPACES: &str = "workspaces";

/// Log lines of a job were written, or the job ended; no content.
pub fn job_logs(job: JobId) -> String {
    format!("job_logs:{job}")
}

/// Servers have come or gone; no content.
pub const REPLICAS: &str = "replicas";

/// Agents have connected to a server or left it; hint: `{replica, agents}`, ids.
pub const AGENT_LINKS: &str = "agent_links";

/// The workspace, its latest build or one of its agents changed; no content.
pub fn workspace(workspace: WorkspaceId) -> String {
    format!("workspace:{workspace}")
}

/// Log lines of an agent were written; no content.
pub fn agent_logs(agent: AgentId) -> String {
    format!("agent_logs:{agent}")
}

/// Some chat may need a worker; hint: the chat's id.
pub const CHAT_WORK: &str = "chat_work";

/// Model providers, their keys or models changed; no content.
pub const CHAT_CONFIG: &str = "chat_config";

/// The chat's row changed; hint: its versions and status.
pub fn chat(chat: ChatId) -> String {
    format!("chat:{chat}")
}

/// The list of chats of an owner changed; hint: `{kind, chat_id}`.
pub fn chats_of(owner: UserId) -> String {
    format!("chats_of:{owner}")
}

/// Sessions of an account were ended, or it may not sign in any more; no content.
pub fn sessions(user: UserId) -> String {
    format!("sessions:{user}")
}
