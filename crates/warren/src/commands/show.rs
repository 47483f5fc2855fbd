//! `warren show`.

use warren_api::agents::{WorkspaceAgent, WorkspaceResource};

use crate::{args::WorkspaceArgs, context::Context, output, workspace_name::WorkspaceName};

pub(super) async fn run(args: &WorkspaceArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let workspace = WorkspaceName::parse(&args.workspace)?.find(&client).await?;
    let build = &workspace.latest_build;
    output::line(&format!("{}/{} is {}", workspace.owner_name, workspace.name, build.status));
    output::line(&format!(
        "  template {} at version {}",
        workspace.template_name, build.template_version_name
    ));
    if let Some(error) = &build.job.error {
        output::line(&format!("  the last {} build failed: {error}", build.transition));
    }
    for resource in build.resources.iter().filter(|resource| !resource.hide) {
        show_resource(resource);
    }
    Ok(())
}

fn show_resource(resource: &WorkspaceResource) {
    output::line(&format!("{}.{}", resource.resource_type, resource.name));
    for fact in &resource.metadata {
        let value = if fact.sensitive { "(hidden)" } else { &fact.value };
        output::line(&format!("  {} = {value}", fact.key));
    }
    for agent in &resource.agents {
        show_agent(agent);
    }
}

fn show_agent(agent: &WorkspaceAgent) {
    let version =
        if agent.version.is_empty() { String::new() } else { format!(", version {}", agent.version) };
    output::line(&format!(
        "  └─ {} ({}, {}) is {}, start scripts {}{version}",
        agent.name, agent.operating_system, agent.architecture, agent.status, agent.lifecycle_state
    ));
    if let Some(reason) = agent.health.reason.as_ref().filter(|_| !agent.health.healthy) {
        output::line(&format!("     not healthy: {reason}"));
    }
    for app in agent.apps.iter().filter(|app| !app.hidden) {
        output::line(&format!("     app {} ({})", app.slug, app.health));
    }
}
