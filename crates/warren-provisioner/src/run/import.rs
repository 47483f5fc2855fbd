//! Looking into a template: it is planned as if a workspace were started, and once more as if it were stopped.

use std::path::Path;

use warren_build_proto::{ImportOutcome, ImportRequest, JobFailure};
use warren_vocab::{LogLevel, Transition};

use super::{Job, serve};
use crate::{
    convert::{Converted, Modules, convert},
    provider::{ProviderSocket, Session},
};

const README_BYTES_MAX: u64 = 1 << 20;

/// Imports a template that has been unpacked into `dir`.
pub(super) async fn import(
    request: &ImportRequest,
    sockets: [ProviderSocket; 2],
    jobs: [Job<'_>; 2],
    dir: &Path,
) -> Result<ImportOutcome, JobFailure> {
    let [start_socket, stop_socket] = sockets;
    let [start_job, stop_job] = jobs;
    let session = |transition| {
        let mut metadata = request.metadata.clone();
        metadata.transition = transition;
        Session::new(metadata, &[], &[])
    };
    let [start_plan, stop_plan] = ["start.tfplan", "stop.tfplan"];
    start_job.init().await?;
    let log = start_job.begin("Detecting persistent resources").await;
    let work = async {
        start_job.plan(start_plan, &[], &log).await?;
        // The graph is that of the template, whatever the transition.
        let (shown, graph) =
            tokio::join!(start_job.show(Some(start_plan), &log), start_job.graph(Some(&log)));
        let graph = graph?;
        Ok((found(&shown?, &graph)?, graph))
    };
    let (start, graph) = serve(start_socket, session(Transition::Start), work).await?;
    for agent in &start.dropped_agents {
        log.note(LogLevel::Warn, dropped(agent)).await;
    }
    let log = stop_job.begin("Detecting ephemeral resources").await;
    let work = async {
        stop_job.plan(stop_plan, &[], &log).await?;
        found(&stop_job.show(Some(stop_plan), &log).await?, &graph)
    };
    let stop = serve(stop_socket, session(Transition::Stop), work).await?;
    Ok(ImportOutcome {
        readme: readme(dir),
        parameters: start.parameters,
        start_resources: start.resources,
        stop_resources: stop.resources,
    })
}

fn found(plan: &[u8], graph: &str) -> Result<Converted, JobFailure> {
    let modules = Modules::from_plan(plan)
        .map_err(|error| JobFailure::new(format!("terraform's plan could not be read: {error}")))?;
    convert(&modules, graph).map_err(|error| JobFailure::new(error.to_string()))
}

/// The warning about an agent that nothing runs.
pub(super) fn dropped(agent: &str) -> String {
    format!("agent {agent:?} is ignored: no resource depends on it, so nothing would start it")
}

fn readme(dir: &Path) -> String {
    let path = dir.join("README.md");
    let small = path.metadata().is_ok_and(|meta| meta.len() <= README_BYTES_MAX);
    let text = if small { std::fs::read(path).unwrap_or_default() } else { vec![] };
    String::from_utf8_lossy(&text).into_owned()
}
