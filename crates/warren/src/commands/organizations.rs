//! `warren organizations`.

mod members;
mod roles;

use warren_api::organizations::Organization;
use warren_sdk::Client;

use super::organization;
use crate::{
    args::{OrganizationsArgs, OrganizationsCommand, OutputArgs, ShowOrganizationArgs},
    context::Context,
    output::{self, Format},
    prompt,
    table::{self, Column, time},
};

const COLUMNS: &[Column<Organization>] = &[
    Column { name: "id", cell: |organization| organization.id.to_string() },
    Column { name: "name", cell: |organization| organization.name.clone() },
    Column { name: "display name", cell: |organization| organization.display_name.clone() },
    Column { name: "default", cell: |organization| organization.is_default.to_string() },
    Column { name: "description", cell: |organization| organization.description.clone() },
    Column { name: "icon", cell: |organization| organization.icon.clone() },
    Column { name: "created at", cell: |organization| time(organization.created_at) },
    Column { name: "updated at", cell: |organization| time(organization.updated_at) },
];
const SHOWN: &[&str] = &["id", "name", "default"];
const LISTED: &[&str] = &["name", "display name", "id", "default"];

pub(super) async fn run(args: OrganizationsArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let named = args.organization.organization.as_deref();
    match args.command {
        OrganizationsCommand::Show(show) => self::show(&show, named, &client).await,
        OrganizationsCommand::List(output) => print(&client.organizations().await?, LISTED, &output),
        OrganizationsCommand::Create { name, yes } => {
            prompt::confirm(&format!("Create the organization {name:?}?"), yes)?;
            let made = client.create_organization(&name).await?;
            output::line(&format!("The organization {} ({}) has been created.", made.name, made.id));
            Ok(())
        }
        OrganizationsCommand::Delete { name, yes } => {
            let organization = client.organization(&name).await?;
            prompt::confirm(&format!("Delete the organization {:?}?", organization.name), yes)?;
            client.delete_organization(&organization.id.to_string()).await?;
            output::line(&format!("The organization {} has been deleted.", organization.name));
            Ok(())
        }
        OrganizationsCommand::Members(command) => members::run(command, named, &client).await,
        OrganizationsCommand::Roles(command) => roles::run(command, named, &client).await,
    }
}

async fn show(args: &ShowOrganizationArgs, named: Option<&str>, client: &Client) -> anyhow::Result<()> {
    let found = match args.which.as_str() {
        "me" => client.user_organizations("me").await?,
        "selected" => vec![organization::pick(client, named).await?],
        other => vec![client.organization(other).await?],
    };
    if args.only_id {
        for organization in &found {
            output::line(&organization.id.to_string());
        }
        return Ok(());
    }
    print(&found, SHOWN, &args.output)
}

fn print(organizations: &[Organization], columns: &[&str], output: &OutputArgs) -> anyhow::Result<()> {
    match output.output {
        Format::Json => output::json(&organizations),
        Format::Table if organizations.is_empty() => {
            output::note("You belong to no organization; ask an owner of the deployment to add you.");
            Ok(())
        }
        Format::Table => {
            output::line(&table::render(organizations, COLUMNS, columns, &output.column)?);
            Ok(())
        }
    }
}
