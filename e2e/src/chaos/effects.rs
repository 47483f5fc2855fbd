//! A real workspace, whose commands leave marks that can be counted.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use warren_testkit::{Cluster, User, cluster::Somebody, repository};

use super::checker::Committed;

const BUILD: Duration = Duration::from_secs(180);

/// The workspace.
pub struct Workspace {
    pub id: String,
    /// Of every server: any of them may have built it.
    homes: Vec<PathBuf>,
}

impl Workspace {
    /// Builds a process workspace over the first server.
    ///
    /// # Errors
    /// Fails when the build does.
    pub async fn build(cluster: &Cluster, ada: &Somebody) -> Result<Self> {
        let first = cluster.members.first().context("there is no server")?;
        let (user, url) = (User::new()?, first.url());
        let template = repository().join("examples/templates/process");
        let template = template.to_str().context("the path is not text")?;
        let global = ["--url", url.as_str(), "--token", ada.token.as_str()];
        let push = ["templates", "push", "process", "-d", template, "-y", "--ignore-lockfile"];
        user.succeed(&[&global[..], &push].concat(), BUILD).await?;
        let create = ["create", "dev", "-t", "process", "-y", "--use-parameter-defaults"];
        user.succeed(&[&global[..], &create].concat(), BUILD).await?;
        let address = first.users.address();
        let found = ada.ask(address, Method::GET, "/api/v2/workspaces", None).await?;
        let id = found["workspaces"][0]["id"].as_str().context("no workspace")?.to_owned();
        let homes = cluster.members.iter().map(|member| member.server.workspaces_dir()).collect();
        Ok(Self { id, homes })
    }

    /// The marks that commands left, in order.
    ///
    /// # Errors
    /// Fails when no server has the workspace's directory.
    pub fn marks(&self) -> Result<Vec<String>> {
        let workspaces: Vec<_> =
            self.homes.iter().filter_map(|homes| std::fs::read_dir(homes).ok()).collect();
        ensure!(!workspaces.is_empty(), "no server has a workspace");
        let homes = workspaces.into_iter().flatten().filter_map(Result::ok);
        let runs =
            homes.map(|home| std::fs::read_to_string(home.path().join("home/runs")).unwrap_or_default());
        Ok(runs.collect::<String>().lines().map(str::to_owned).collect())
    }
}

/// The calls whose results say that their command ran: they show its mark.
pub fn ran(committed: &Committed) -> BTreeSet<String> {
    let results = committed.messages.iter().flat_map(|kept| &kept.results);
    // The other tool's results do not name their call.
    results
        .filter(|(call, output, is_error)| !is_error && output.contains(call.as_str()))
        .map(|it| it.0.clone())
        .collect()
}
