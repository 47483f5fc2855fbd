//! The ways to name a workspace, and optionally one of its agents, on the command line.

use anyhow::{Context as _, bail};
use warren_api::{agents::WorkspaceAgent, workspaces::Workspace};
use warren_sdk::Client;
use warren_vocab::WorkspaceId;

/// A workspace as somebody named it: `ws`, `ws.agent`, `owner/ws`, `owner/ws.agent`, `owner--ws`, `owner--ws--agent`,
/// `agent.ws.owner` or an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceName {
    /// `me` when none was given.
    pub owner: String,
    pub workspace: String,
    pub agent: Option<String>,
}

impl WorkspaceName {
    /// Takes the text apart. Which of the parts exist, only the server knows.
    ///
    /// # Errors
    /// When the text has none of the forms.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let (owner, rest) = match text.split_once('/').or_else(|| text.split_once("--")) {
            Some((owner, rest)) => (Some(owner), rest),
            None => (None, text),
        };
        let parts: Vec<&str> = rest.split("--").flat_map(|part| part.split('.')).collect();
        let (owner, workspace, agent) = match (owner, parts.as_slice()) {
            (owner, &[workspace]) => (owner, workspace, None),
            (owner, &[workspace, agent]) => (owner, workspace, Some(agent)),
            (None, &[agent, workspace, owner]) => (Some(owner), workspace, Some(agent)),
            (Some(_) | None, _) => {
                bail!("{text:?} is not the name of a workspace; use `workspace` or `owner/workspace`")
            }
        };
        let owner = owner.unwrap_or("me");
        if owner.is_empty() || workspace.is_empty() || agent.is_some_and(str::is_empty) {
            bail!("{text:?} is not the name of a workspace; use `workspace` or `owner/workspace`");
        }
        Ok(Self { owner: owner.into(), workspace: workspace.into(), agent: agent.map(str::to_owned) })
    }

    /// Asks the server for the workspace.
    ///
    /// # Errors
    /// When there is no such workspace for the caller.
    pub async fn find(&self, client: &Client) -> anyhow::Result<Workspace> {
        if let Ok(id) = self.workspace.parse::<WorkspaceId>() {
            return Ok(client.workspace(id).await?);
        }
        match client.workspace_by_name(&self.owner, &self.workspace).await {
            Err(error) if error.status() == Some(404) => {
                let owner = if self.owner == "me" { String::new() } else { format!(" of {}", self.owner) };
                bail!("there is no workspace {:?}{owner}; `warren list` shows yours", self.workspace)
            }
            other => Ok(other?),
        }
    }

    /// Picks the agent of a workspace's latest build.
    ///
    /// # Errors
    /// When there is none, or several and none was named.
    pub fn agent<'a>(&self, workspace: &'a Workspace) -> anyhow::Result<&'a WorkspaceAgent> {
        let agents: Vec<_> = agents(workspace).collect();
        let names = agents.iter().map(|agent| agent.name.as_str()).collect::<Vec<_>>().join(", ");
        match (&self.agent, agents.as_slice()) {
            (_, []) => bail!("the workspace {:?} has no agent to connect to", workspace.name),
            (None, &[agent]) => Ok(agent),
            (None, [..]) => bail!(
                "the workspace {:?} has several agents ({names}); name one as `{}.<agent>`",
                workspace.name,
                workspace.name
            ),
            (Some(wanted), [..]) => {
                agents.iter().find(|agent| agent.name.eq_ignore_ascii_case(wanted)).copied().with_context(
                    || format!("the workspace {:?} has no agent {wanted:?}, only {names}", workspace.name),
                )
            }
        }
    }
}

/// Iterates over the agents that a workspace's latest build made.
pub fn agents(workspace: &Workspace) -> impl Iterator<Item = &WorkspaceAgent> {
    let resources = &workspace.latest_build.resources;
    resources.iter().flat_map(|resource| &resource.agents).filter(|agent| agent.parent_id.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_understood() {
        for (text, owner, workspace, agent) in [
            ("dev", "me", "dev", None),
            ("dev.main", "me", "dev", Some("main")),
            ("ann/dev", "ann", "dev", None),
            ("ann/dev.main", "ann", "dev", Some("main")),
            ("ann--dev", "ann", "dev", None),
            ("ann--dev--main", "ann", "dev", Some("main")),
            ("ann--dev.main", "ann", "dev", Some("main")),
            ("main.dev.ann", "ann", "dev", Some("main")),
            ("my-dev", "me", "my-dev", None),
        ] {
            let name = WorkspaceName::parse(text).unwrap();
            assert_eq!(
                (name.owner.as_str(), name.workspace.as_str(), name.agent.as_deref()),
                (owner, workspace, agent)
            );
        }
    }

    #[test]
    fn texts_of_no_form_are_refused() {
        for text in ["", "/dev", "ann/", "a.b.c.d", "dev.", "a/b/c.d.e"] {
            assert!(WorkspaceName::parse(text).is_err(), "{text}");
        }
    }
}
