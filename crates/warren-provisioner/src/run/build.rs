//! Starting, stopping and deleting a workspace.

use std::path::Path;

use warren_build_proto::{BuildOutcome, BuildRequest, JobFailure};
use warren_vocab::{LogLevel, Transition};

use super::{Job, PLAN, STATE, import::dropped, read_state};
use crate::{
    convert::{Converted, Modules, convert},
    log::StageLog,
};

/// Carries out a build of a template that has been unpacked into `dir`.
pub(super) async fn build(
    request: &BuildRequest,
    job: &Job<'_>,
    dir: &Path,
) -> Result<BuildOutcome, JobFailure> {
    let transition = request.metadata.transition;
    if transition == Transition::Delete && request.state.is_empty() {
        // A template that no longer works must not keep a workspace alive that was never made.
        let log = job.begin("Planning Infrastructure").await;
        log.note(LogLevel::Info, "The terraform state does not exist, there is nothing to do".to_owned())
            .await;
        return Ok(BuildOutcome::default());
    }
    if !request.state.is_empty() {
        write_state(dir, &request.state)?;
    }
    job.init().await?;
    let log = job.begin("Planning Infrastructure").await;
    job.plan(PLAN, if transition == Transition::Delete { &["-destroy"] } else { &[] }, &log).await?;
    let log = job.begin(words(transition)).await;
    let is_delete = transition == Transition::Delete;
    // Reading the graph needs only the template, so it does not have to wait. It also reads the state, and fails when it
    // meets it half written; then it is read again.
    let early = async { if is_delete { Some(String::new()) } else { job.graph(None).await.ok() } };
    let (applied, early) = tokio::join!(apply(job, &log, dir), early);
    applied?;
    let with_state = |failure: JobFailure| JobFailure { state: read_state(dir), ..failure };
    let state = read_state(dir).unwrap_or_default();
    if is_delete {
        return Ok(BuildOutcome { state, resources: vec![] });
    }
    let graph = match early {
        Some(graph) => graph,
        None => job.graph(Some(&log)).await.map_err(with_state)?,
    };
    let converted = describe(job, &graph, transition).await.map_err(with_state)?;
    Ok(BuildOutcome { state, resources: converted.resources })
}

/// Applies the plan. Whatever was made before a failure is in the state that comes with it.
async fn apply(job: &Job<'_>, log: &StageLog<'_>, dir: &Path) -> Result<(), JobFailure> {
    let args = ["apply", "-no-color", "-auto-approve", "-input=false", "-json", PLAN];
    job.runner
        .run(&args, log)
        .await
        .map_err(|error| JobFailure { state: read_state(dir), ..super::failure("apply", &error) })
}

async fn describe(job: &Job<'_>, graph: &str, transition: Transition) -> Result<Converted, JobFailure> {
    let log = job.begin("Graphing Infrastructure").await;
    let shown = job.show(None, &log).await?;
    let modules = Modules::from_state(&shown)
        .map_err(|error| JobFailure::new(format!("terraform's state could not be read: {error}")))?;
    let converted = convert(&modules, graph).map_err(|error| JobFailure::new(error.to_string()))?;
    if transition == Transition::Start {
        for agent in &converted.dropped_agents {
            log.note(LogLevel::Warn, dropped(agent)).await;
        }
        for address in &converted.unattached {
            log.note(LogLevel::Warn, format!("{address} is ignored: its agent was not found")).await;
        }
    }
    Ok(converted)
}

fn words(transition: Transition) -> &'static str {
    match transition {
        Transition::Start => "Starting workspace",
        Transition::Stop => "Stopping workspace",
        Transition::Delete => "Destroying workspace",
    }
}

fn write_state(dir: &Path, state: &[u8]) -> Result<(), JobFailure> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(dir.join(STATE));
    file.and_then(|mut file| file.write_all(state))
        .map_err(|error| JobFailure::new(format!("the workspace's state could not be written: {error}")))
}
