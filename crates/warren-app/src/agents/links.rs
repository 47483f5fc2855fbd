//! Which server of a deployment an agent's tunnel is connected to: one row for each agent, whose epoch grows with every
//! connection. Must not know what is sent through tunnels.

use warren_db::{Guard, Tx, channels, pubsub::Subscription, query};
use warren_vocab::{AgentId, ReplicaId};

use crate::{App, error::AppResult};

/// What is written about the tunnel of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentLink {
    pub agent: AgentId,
    /// The server that has its newest connection; none when that has ended.
    pub replica: Option<ReplicaId>,
    pub epoch: i64,
}

impl App {
    /// Writes down that agents have connected to a server, and gives the epochs of those that exist.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn claim_agents(
        &self,
        replica: ReplicaId,
        agents: &[AgentId],
    ) -> AppResult<Vec<(AgentId, i64)>> {
        let write = async |tx: &Tx| query::agent_links::claim(tx, replica, agents).await;
        Ok(self.db().write_guarded(Guard::agents(agents.iter().copied()), write).await?)
    }

    /// Writes down that agents are not connected to a server any more, where nothing newer is written.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn release_agents(&self, replica: ReplicaId, claims: &[(AgentId, i64)]) -> AppResult<()> {
        let guard = Guard::agents(claims.iter().map(|(agent, _)| *agent));
        let write = async |tx: &Tx| query::agent_links::release(tx, replica, claims).await;
        Ok(self.db().write_guarded(guard, write).await?)
    }

    /// Reads where agents are connected.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn agent_links(&self, agents: &[AgentId]) -> AppResult<Vec<AgentLink>> {
        let rows = query::agent_links::find(self.db().reader(), agents).await?;
        let link = |row: warren_db::entity::workspace_agent_links::Model| AgentLink {
            agent: AgentId::from_uuid(row.agent_id),
            replica: row.replica_id.map(ReplicaId::from_uuid),
            epoch: row.epoch,
        };
        Ok(rows.into_iter().map(link).collect())
    }

    /// Hints about agents that have connected or left, as `{replica, agents}`.
    pub fn agent_link_hints(&self) -> Subscription {
        self.db().subscribe(channels::AGENT_LINKS)
    }
}
