//! Agents: who they are, what they report, and what users may see of them.
//!
//! Owns the rules (limits of logs, derived status, exactly-once reports). Must not know sockets or wire forms.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use warren_authz::Action;
use warren_db::{
    DbError, Guard, Tx,
    entity::{workspace_agent_logs, workspace_agents},
    query::{
        self,
        agent_tokens::AgentOwner,
        agents::{NewLog, ScriptEnd},
        resources::ResourceRows,
    },
};
use warren_vocab::{AgentId, AgentLifecycle, AgentStatus, LogLevel, LogSourceId, UserId, WorkspaceId};

use crate::{
    App,
    actor::Actor,
    error::{AppError, AppResult},
    workspaces::object,
};

pub mod init_script;
pub mod links;

/// An agent without a sign of life for this long is disconnected: two of its ping intervals.
pub const SILENCE_MAX: TimeDelta = TimeDelta::seconds(30);
/// Bytes of log text that are kept for one agent.
pub const LOG_BYTES_MAX: usize = 1 << 20;
/// Log lines read at once.
const LOG_PAGE: u64 = 5000;

/// Something that an agent reports; stored once however often it arrives.
#[derive(Debug, Clone)]
pub enum AgentReport {
    Startup {
        version: String,
        expanded_directory: String,
        subsystems: Vec<String>,
    },
    Lifecycle {
        state: AgentLifecycle,
        changed_at: DateTime<Utc>,
    },
    /// `truncated`: the agent dropped lines after these.
    Logs {
        lines: Vec<NewLog>,
        truncated: bool,
    },
    ScriptEnded(ScriptEnd),
}

/// Which agent process speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentBoot {
    pub agent: AgentId,
    pub workspace: WorkspaceId,
    pub boot: Uuid,
}

/// An agent with the rows below it.
#[derive(Debug, Clone)]
pub struct AgentDetail {
    pub owner: AgentOwner,
    pub rows: ResourceRows,
}

/// What an agent is told about itself besides its own rows.
#[derive(Debug, Clone)]
pub struct AgentBriefing {
    pub detail: AgentDetail,
    pub owner_username: String,
    pub host_key_seed: Vec<u8>,
}

/// Derives whether an agent can be reached.
pub fn agent_status(agent: &workspace_agents::Model, at: DateTime<Utc>) -> AgentStatus {
    let Some(seen) = agent.last_connected_at else {
        let timeout = TimeDelta::seconds(agent.connection_timeout_seconds.into());
        let late = timeout > TimeDelta::zero() && at - agent.created_at > timeout;
        return if late { AgentStatus::Timeout } else { AgentStatus::Connecting };
    };
    let left = agent.disconnected_at.is_some_and(|left| left >= seen);
    if left || at - seen > SILENCE_MAX { AgentStatus::Disconnected } else { AgentStatus::Connected }
}

impl App {
    /// Finds an agent of a workspace's newest build that the caller may read and act on.
    ///
    /// # Errors
    /// [`AppError::NotFound`] and, for actions other than reading, [`AppError::Forbidden`].
    pub async fn find_agent(&self, actor: &Actor, id: AgentId, action: Action) -> AppResult<AgentDetail> {
        let reader = self.db().reader();
        let agent = query::agents::by_id(reader, id).await?.ok_or(AppError::NotFound)?;
        let owner = query::agent_tokens::owner_of(reader, agent).await?.ok_or(AppError::NotFound)?;
        actor.check(Action::Read, &object(&owner.workspace))?;
        actor.check(action, &object(&owner.workspace))?;
        self.agent_detail(owner).await
    }

    /// Writes down that an agent connected by a new control connection.
    pub async fn agent_connected(
        &self,
        id: AgentId,
        workspace: WorkspaceId,
        control: Uuid,
        versions: (&str, &str),
    ) -> AppResult<()> {
        let write =
            async |tx: &Tx| query::agents::connected(tx, id, workspace, control, versions, self.now()).await;
        Ok(self.db().write(write).await?)
    }

    /// Gathers what an agent must know; the seed of its host key is made at the first call.
    pub async fn agent_briefing(&self, owner: AgentOwner) -> AppResult<AgentBriefing> {
        let workspace = WorkspaceId::from_uuid(owner.workspace.id);
        let name = owner.agent.name.as_str();
        let known = query::agents::host_key(self.db().reader(), workspace, name).await?;
        let sealed = match known {
            Some(sealed) => sealed,
            None => self.make_host_key(workspace, name).await?,
        };
        let host_key_seed = self.sealer().open(&sealed)?;
        let user =
            query::users::by_id(self.db().reader(), UserId::from_uuid(owner.workspace.owner_id)).await?;
        let owner_username = user.ok_or(DbError::NotFound { what: "owner of the workspace" })?.username;
        Ok(AgentBriefing { detail: self.agent_detail(owner).await?, owner_username, host_key_seed })
    }

    /// Writes down a sign of life; false when the agent is not part of its workspace's newest build any more.
    pub async fn agent_seen(&self, id: AgentId) -> AppResult<bool> {
        let reader = self.db().reader();
        let Some(agent) = query::agents::by_id(reader, id).await? else { return Ok(false) };
        if query::agent_tokens::owner_of(reader, agent).await?.is_none() {
            return Ok(false);
        }
        let write = async |tx: &Tx| query::agents::seen(tx, id, self.now()).await;
        self.db().write_guarded(Guard::agent(id), write).await?;
        Ok(true)
    }

    /// Writes down that an agent's control connection ended, unless it has a newer one.
    pub async fn agent_disconnected(
        &self,
        id: AgentId,
        workspace: WorkspaceId,
        control: Uuid,
    ) -> AppResult<()> {
        let write = async |tx: &Tx| query::agents::disconnected(tx, id, workspace, control, self.now()).await;
        Ok(self.db().write(write).await?)
    }

    /// The number of the last stored report of an agent process.
    pub async fn last_agent_report(&self, boot: AgentBoot) -> AppResult<u64> {
        Ok(query::agents::last_sequence(self.db().reader(), boot.agent, boot.boot).await?)
    }

    /// Stores a report and its number in one transaction; one that is stored already changes nothing.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a number was left out, as something would be lost.
    pub async fn store_agent_report(
        &self,
        boot: AgentBoot,
        sequence: u64,
        report: AgentReport,
    ) -> AppResult<()> {
        self.db()
            .write_guarded(Guard::agent(boot.agent), async |tx| {
                let last = query::agents::last_sequence(tx, boot.agent, boot.boot).await?;
                if sequence <= last {
                    return Ok(());
                }
                if sequence != last + 1 {
                    let text = format!("report {sequence} came after {last}; the ones between are missing");
                    return Err(AppError::invalid(text));
                }
                store(tx, boot, report).await?;
                query::agents::set_last_sequence(tx, boot.agent, boot.boot, sequence).await?;
                Ok(())
            })
            .await
    }

    /// Lists log lines of an agent with an id above `after`, oldest first; a short page is the last one.
    pub async fn agent_logs(&self, id: AgentId, after: i64) -> AppResult<Vec<workspace_agent_logs::Model>> {
        let mut lines = Vec::new();
        let mut after = after;
        loop {
            let page = query::agents::logs_after(self.db().reader(), id, after, LOG_PAGE).await?;
            let full = page.len() as u64 == LOG_PAGE;
            after = page.last().map_or(after, |line| line.id);
            lines.extend(page);
            if !full {
                return Ok(lines);
            }
        }
    }

    /// Whether the agent is part of its workspace's newest build, so that its logs may still grow.
    pub async fn is_agent_current(&self, id: AgentId) -> AppResult<bool> {
        let reader = self.db().reader();
        let Some(agent) = query::agents::by_id(reader, id).await? else { return Ok(false) };
        Ok(query::agent_tokens::owner_of(reader, agent).await?.is_some())
    }

    async fn make_host_key(&self, workspace: WorkspaceId, agent_name: &str) -> AppResult<Vec<u8>> {
        let sealed = self.sealer().seal(&rand::random::<[u8; 32]>());
        self.db()
            .write(async |tx| {
                // Two connections may have found none at the same time.
                if let Some(known) = query::agents::host_key(tx, workspace, agent_name).await? {
                    return Ok(known);
                }
                query::agents::insert_host_key(tx, workspace, agent_name, sealed.clone()).await?;
                Ok(sealed)
            })
            .await
    }

    async fn agent_detail(&self, owner: AgentOwner) -> AppResult<AgentDetail> {
        let mut rows = ResourceRows { agents: vec![owner.agent.clone()], ..ResourceRows::default() };
        query::resources::fill_agents(self.db().reader(), &mut rows).await?;
        Ok(AgentDetail { owner, rows })
    }
}

async fn store(tx: &Tx, boot: AgentBoot, report: AgentReport) -> AppResult<()> {
    let (agent, workspace) = (boot.agent, boot.workspace);
    match report {
        AgentReport::Startup { version, expanded_directory, subsystems } => {
            query::agents::set_startup(tx, agent, workspace, &version, &expanded_directory, &subsystems)
                .await?;
        }
        AgentReport::Lifecycle { state, changed_at } => {
            query::agents::set_lifecycle(tx, agent, workspace, state, changed_at).await?;
        }
        AgentReport::Logs { lines, truncated } => store_logs(tx, agent, lines, truncated).await?,
        AgentReport::ScriptEnded(end) => query::agents::script_ended(tx, agent, &end).await?,
    }
    Ok(())
}

/// Keeps the lines that fit; the first time that some do not, a last line says so.
async fn store_logs(tx: &Tx, id: AgentId, lines: Vec<NewLog>, truncated: bool) -> AppResult<()> {
    let row = query::agents::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
    if row.logs_overflowed {
        return Ok(());
    }
    let mut length = usize::try_from(row.logs_length).unwrap_or(0);
    let mut overflowed = truncated;
    let mut kept = Vec::new();
    let mut last_source = LogSourceId::from_uuid(Uuid::nil());
    for mut line in lines {
        last_source = line.source_id;
        if length + line.output.len() > LOG_BYTES_MAX {
            overflowed = true;
            break;
        }
        length += line.output.len();
        // PostgreSQL cannot store NUL in text.
        line.output = line.output.replace('\0', "\u{fffd}");
        kept.push(line);
    }
    if overflowed {
        let output = format!("Output is cut here: an agent may log {} KiB.", LOG_BYTES_MAX >> 10);
        kept.push(NewLog { source_id: last_source, created_at: tx.now(), level: LogLevel::Warn, output });
    }
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    query::agents::append_logs(tx, id, &kept, length, overflowed).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
