//! What a build leaves: its resources with their agents, and a workspace that runs, rests or is gone.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use uuid::Uuid;
use warren_build_proto::BuildOutcome;
use warren_db::{DbError, Tx, query};
use warren_vocab::{BuildId, JobId, Transition, WorkspaceId};

use super::rows::{Made, rows};
use crate::{details::transition, error::AppResult};

/// Stores the outcome of a build, its state apart.
pub(super) async fn store(tx: &Tx, id: BuildId, outcome: &BuildOutcome) -> AppResult<()> {
    let build = query::builds::by_id(tx, id).await?.ok_or(DbError::NotFound { what: "build" })?;
    let workspace_id = WorkspaceId::from_uuid(build.workspace_id);
    let workspace = query::workspaces::by_id(tx, workspace_id).await?;
    let workspace = workspace.ok_or(DbError::NotFound { what: "workspace" })?;
    let transition = transition(&build)?;
    let (job, at) = (JobId::from_uuid(build.job_id), tx.now());
    let Made { mut rows, metadata } = rows(job, transition, &outcome.resources, at)?;
    keep_foreign_apps(tx, workspace_id, &mut rows.apps).await?;
    query::job_results::insert(tx, rows, metadata).await?;
    let cost = outcome.resources.iter().map(|resource| resource.daily_cost).fold(0, i32::saturating_add);
    let deadline = match transition {
        Transition::Start => {
            workspace.ttl_ms.filter(|ttl| *ttl > 0).map(|ttl| at + TimeDelta::milliseconds(ttl))
        }
        Transition::Stop | Transition::Delete => None,
    };
    query::job_results::set_build(tx, id, cost, deadline, at).await?;
    if transition == Transition::Delete {
        query::workspaces::mark_deleted(tx, workspace_id, at).await?;
    }
    query::workspaces::notify_changed(tx, workspace_id);
    Ok(())
}

/// The id of an app is Terraform's, so that it lives as long as the app. A state that was copied from another
/// workspace must not take that workspace's apps away.
async fn keep_foreign_apps(
    tx: &Tx,
    own: WorkspaceId,
    apps: &mut [warren_db::entity::workspace_apps::Model],
) -> AppResult<()> {
    let ids: Vec<_> = apps.iter().map(|app| app.id).collect();
    let owners: BTreeMap<_, _> =
        query::job_results::workspaces_of_apps(tx, &ids).await?.into_iter().collect();
    for app in apps {
        if owners.get(&app.id).is_some_and(|owner| *owner != own) {
            app.id = Uuid::new_v4();
        }
    }
    Ok(())
}
