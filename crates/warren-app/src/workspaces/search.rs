//! Which workspaces a list holds: the query, and what only builds and agents tell.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;
use warren_build_proto::workspace_status;
use warren_db::{
    ConnectionTrait,
    entity::{workspace_agents, workspace_build_parameters, workspace_builds, workspaces},
    query::{self, Page},
};
use warren_vocab::{AgentStatus, JobStatus, WorkspaceId, WorkspaceStatus};

use super::WorkspaceSearch;
use crate::{
    agents::agent_status,
    details::{job_status, transition},
    error::AppResult,
    search::Terms,
};

/// Workspaces whose builds are read in one query.
const STEP: usize = 500;
/// What bare words belong to: no key can be written like that.
const BARE: &str = ":";

/// What is not in the rows of workspaces. Absent criteria do not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Derived {
    /// One of these.
    pub statuses: Vec<WorkspaceStatus>,
    /// Has an agent in one of these.
    pub agents: Vec<AgentStatus>,
    /// Whether the template has another active version.
    pub outdated: Option<bool>,
    /// Parameters of the latest build, with their values when those matter.
    pub parameters: Vec<(String, Option<String>)>,
}

impl WorkspaceSearch {
    /// Reads the `q` of the list. `caller` is the caller's user name.
    ///
    /// # Errors
    /// Invalid, with one validation for each problem.
    pub fn parse(text: &str, caller: &str) -> AppResult<Self> {
        let mut terms = Terms::parse("workspace", text, BARE);
        let mut search = Self {
            owner: terms.username("owner", caller),
            template: terms.text("template"),
            organization: terms.text("organization"),
            name_part: terms.text("name"),
            name: terms.text("exact_name"),
            ids: Some(terms.values::<WorkspaceId>("id")).filter(|ids| !ids.is_empty()),
            deleted: terms.flag("deleted").unwrap_or_default(),
            dormant: terms.flag("dormant"),
            last_used_before: terms.moment("last_used_before"),
            last_used_after: terms.moment("last_used_after"),
            derived: Derived {
                statuses: terms.values("status"),
                agents: terms.values("has-agent"),
                outdated: terms.flag("outdated"),
                parameters: terms.raw("param").iter().map(|text| parameter(text)).collect(),
            },
        };
        if let Some(bare) = terms.text(BARE) {
            match bare.split_once('/') {
                Some((owner, name)) => {
                    search.owner = Some(owner.to_owned()).filter(|owner| !owner.is_empty());
                    search.name_part = Some(name.to_owned()).filter(|name| !name.is_empty());
                }
                None => search.name_part = Some(bare),
            }
        }
        terms.finish()?;
        Ok(search)
    }
}

fn parameter(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}

impl Derived {
    /// Whether every workspace fits.
    pub(super) fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Keeps the workspaces that fit at a time, in their order.
    pub(super) async fn keep(
        &self,
        connection: &impl ConnectionTrait,
        rows: Vec<workspaces::Model>,
        at: DateTime<Utc>,
    ) -> AppResult<Vec<workspaces::Model>> {
        let mut kept = Vec::new();
        for step in rows.chunks(STEP) {
            let facts = Facts::load(connection, step, self, at).await?;
            for row in step {
                if facts.fit(row, self)? {
                    kept.push(row.clone());
                }
            }
        }
        Ok(kept)
    }
}

/// The slice of a list that a page asks for.
pub(super) fn page_of<T>(rows: Vec<T>, page: Page) -> Vec<T> {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let limit = if page.limit == 0 { usize::MAX } else { number(page.limit) };
    rows.into_iter().skip(number(page.offset)).take(limit).collect()
}

/// The latest builds of some workspaces and what belongs to them.
struct Facts {
    builds: HashMap<Uuid, workspace_builds::Model>,
    jobs: HashMap<Uuid, JobStatus>,
    /// Statuses of agents by job.
    agents: HashMap<Uuid, HashSet<AgentStatus>>,
    active_versions: HashMap<Uuid, Uuid>,
    parameters: Vec<workspace_build_parameters::Model>,
}

impl Facts {
    async fn load(
        connection: &impl ConnectionTrait,
        rows: &[workspaces::Model],
        wanted: &Derived,
        at: DateTime<Utc>,
    ) -> AppResult<Self> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let builds = query::builds::latest_of(connection, &ids).await?;
        let jobs: Vec<_> = builds.iter().map(|build| build.job_id).collect();
        let agents = match wanted.agents.is_empty() {
            true => HashMap::new(),
            false => agents_by_job(connection, &jobs, at).await?,
        };
        let parameters = match wanted.parameters.is_empty() {
            true => Vec::new(),
            false => {
                let builds: Vec<_> = builds.iter().map(|build| build.id).collect();
                query::builds::parameters_of(connection, &builds).await?
            }
        };
        let templates: HashSet<_> = rows.iter().map(|row| row.template_id).collect();
        let templates: Vec<_> = templates.into_iter().collect();
        let templates = query::templates::by_ids(connection, &templates).await?;
        let jobs = query::job_rows::by_ids(connection, &jobs).await?;
        Ok(Self {
            builds: builds.into_iter().map(|build| (build.workspace_id, build)).collect(),
            jobs: jobs.iter().map(|job| (job.id, job_status(job))).collect(),
            agents,
            active_versions: templates.into_iter().map(|row| (row.id, row.active_version_id)).collect(),
            parameters,
        })
    }

    fn fit(&self, row: &workspaces::Model, wanted: &Derived) -> AppResult<bool> {
        let Some(build) = self.builds.get(&row.id) else { return Ok(false) };
        let job = self.jobs.get(&build.job_id).copied().unwrap_or(JobStatus::Unknown);
        let status = workspace_status(transition(build)?, job);
        let agents = self.agents.get(&build.job_id);
        let is_outdated = self.active_versions.get(&row.template_id) != Some(&build.template_version_id);
        let has = |(name, value): &(String, Option<String>)| {
            self.parameters.iter().any(|one| {
                one.build_id == build.id
                    && one.name.eq_ignore_ascii_case(name)
                    && value.as_ref().is_none_or(|value| one.value.eq_ignore_ascii_case(value))
            })
        };
        Ok((wanted.statuses.is_empty() || wanted.statuses.contains(&status))
            && (wanted.agents.is_empty()
                || agents.is_some_and(|agents| wanted.agents.iter().any(|one| agents.contains(one))))
            && wanted.outdated.is_none_or(|outdated| outdated == is_outdated)
            && wanted.parameters.iter().all(has))
    }
}

async fn agents_by_job(
    connection: &impl ConnectionTrait,
    jobs: &[Uuid],
    at: DateTime<Utc>,
) -> AppResult<HashMap<Uuid, HashSet<AgentStatus>>> {
    let rows = query::resources::of_jobs(connection, jobs).await?;
    let job_of: HashMap<_, _> = rows.resources.iter().map(|row| (row.id, row.job_id)).collect();
    let mut agents: HashMap<Uuid, HashSet<AgentStatus>> = HashMap::new();
    let of_job = |agent: &workspace_agents::Model| job_of.get(&agent.resource_id).copied();
    for agent in &rows.agents {
        if let Some(job) = of_job(agent) {
            agents.entry(job).or_default().insert(agent_status(agent, at));
        }
    }
    Ok(agents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::AppError;

    #[test]
    fn keys_and_bare_words_are_understood() {
        let text =
            r#"owner:Me template:"Go dev" deleted:true web status:running,failed param:region=EU param:zone"#;
        let search = WorkspaceSearch::parse(text, "ada").unwrap();
        assert_eq!(search.owner.as_deref(), Some("ada"));
        assert_eq!(search.template.as_deref(), Some("go dev"));
        assert_eq!(search.name_part.as_deref(), Some("web"));
        assert!(search.deleted);
        assert_eq!(search.derived.statuses, [WorkspaceStatus::Running, WorkspaceStatus::Failed]);
        let region = (String::from("region"), Some(String::from("eu")));
        assert_eq!(search.derived.parameters, [region, (String::from("zone"), None)]);
        let search = WorkspaceSearch::parse("ada/dev", "bob").unwrap();
        assert_eq!((search.owner.as_deref(), search.name_part.as_deref()), (Some("ada"), Some("dev")));
        assert!(WorkspaceSearch::parse("", "ada").unwrap().derived.is_everything());
    }

    #[test]
    fn unknown_keys_and_bad_terms_are_refused() {
        for bad in ["colour:red", "owner:", ":me", "a:b:c", "id:x", "deleted:maybe", "status:asleep"] {
            let refused = WorkspaceSearch::parse(bad, "ada");
            assert!(matches!(refused, Err(AppError::Invalid(_))), "{bad}: {refused:?}");
        }
    }

    #[test]
    fn a_page_is_a_slice_and_no_limit_means_all() {
        let rows = || (0..5).collect::<Vec<_>>();
        assert_eq!(page_of(rows(), Page { limit: 2, offset: 1 }), [1, 2]);
        assert_eq!(page_of(rows(), Page { limit: 0, offset: 3 }), [3, 4]);
        assert!(page_of(rows(), Page { limit: 2, offset: u64::MAX }).is_empty());
    }
}
