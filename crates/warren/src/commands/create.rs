//! `warren create`.

use anyhow::{Context as _, bail};
use chrono::Utc;
use warren_api::workspaces::CreateWorkspaceRequest;
use warren_vocab::ResourceName;

use super::{organization, parameters, templates};
use crate::{
    args::CreateArgs,
    context::Context,
    job_log::{self, Subject},
    output, prompt,
};

pub(super) async fn run(args: CreateArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let (owner, name) = name(&args)?;
    if client.workspace_by_name(&owner, &name).await.is_ok() {
        bail!(
            "a workspace {name:?} exists already; choose another name, or open it with `warren ssh {name}`"
        );
    }
    let organization = organization::pick(&client, args.organization.organization.as_deref()).await?;
    let template = templates::pick(&client, &organization, args.template.as_deref()).await?;
    let declared = client.template_version_parameters(template.active_version_id).await?;
    let values = parameters::resolve(&declared, &args.parameters)?;
    prompt::confirm(
        &format!("Create the workspace {name:?} from the template {:?}?", template.name),
        args.yes,
    )?;
    let stop_after = args.stop_after.map(|time| i64::try_from(time.as_millis())).transpose();
    let request = CreateWorkspaceRequest {
        template_version_id: Some(template.active_version_id),
        name: name.clone(),
        ttl_ms: stop_after.context("--stop-after is too long")?,
        rich_parameter_values: values,
        ..CreateWorkspaceRequest::default()
    };
    let workspace = client.create_workspace(&owner, &request).await?;
    if args.no_wait {
        output::line(&format!("The workspace {name:?} is being created; `warren logs -f {name}` shows how."));
        return Ok(());
    }
    job_log::expect_success(&client, Subject::Build(workspace.latest_build.id), context.verbose).await?;
    output::line(&format!(
        "The {name} workspace has been created at {}!",
        Utc::now().format("%Y-%m-%d %H:%M:%S")
    ));
    Ok(())
}

fn name(args: &CreateArgs) -> anyhow::Result<(String, String)> {
    let given = match &args.workspace {
        Some(name) => name.clone(),
        None => prompt::text("Name of the workspace:", None, "an argument")?,
    };
    let (owner, name) = match given.split_once('/') {
        Some((owner, name)) => (owner.to_owned(), name.to_owned()),
        None => ("me".to_owned(), given),
    };
    ResourceName::parse(&name).with_context(|| format!("{name:?} cannot be the name of a workspace"))?;
    Ok((owner, name))
}
