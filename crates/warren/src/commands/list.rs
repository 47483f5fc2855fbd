//! `warren list`.

use warren_api::workspaces::Workspace;

use crate::{
    args::ListArgs,
    context::Context,
    output::{self, Format},
    table::{self, Column},
};

const COLUMNS: &[Column<Workspace>] = &[
    Column { name: "workspace", cell: |workspace| format!("{}/{}", workspace.owner_name, workspace.name) },
    Column { name: "template", cell: |workspace| workspace.template_name.clone() },
    Column { name: "status", cell: |workspace| workspace.latest_build.status.to_string() },
    Column { name: "healthy", cell: |workspace| workspace.health.healthy.to_string() },
    Column { name: "last built", cell: |workspace| table::ago(workspace.latest_build.created_at) },
    Column {
        name: "current version",
        cell: |workspace| workspace.latest_build.template_version_name.clone(),
    },
    Column { name: "outdated", cell: |workspace| workspace.outdated.to_string() },
    Column { name: "starts at", cell: |workspace| workspace.autostart_schedule.clone().unwrap_or_default() },
    Column { name: "stops next", cell: stops_next },
    Column { name: "id", cell: |workspace| workspace.id.to_string() },
    Column { name: "organization name", cell: |workspace| workspace.organization_name.clone() },
];
const DEFAULTS: &[&str] =
    &["workspace", "template", "status", "healthy", "last built", "current version", "outdated"];

pub(super) async fn run(args: &ListArgs, context: &Context) -> anyhow::Result<()> {
    let query = if args.all && args.search == "owner:me" { "" } else { args.search.as_str() };
    let workspaces = context.client()?.workspaces(query).await?.workspaces;
    match args.output.output {
        Format::Json => output::json(&workspaces),
        Format::Table if workspaces.is_empty() => {
            output::note("There are no workspaces. Create one with `warren create <name>`.");
            Ok(())
        }
        Format::Table => {
            output::line(&table::render(&workspaces, COLUMNS, DEFAULTS, &args.output.column)?);
            Ok(())
        }
    }
}

fn stops_next(workspace: &Workspace) -> String {
    workspace.latest_build.deadline.map(|time| time.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}
