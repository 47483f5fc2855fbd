//! `warren organizations members`.

use serde_json::Value;
use warren_sdk::Client;

use crate::{
    args::MembersCommand,
    commands::organization,
    output::{self, Format},
    table::{self, Column, names, word},
};

const COLUMNS: &[Column<Value>] = &[
    Column { name: "username", cell: |member| word(member, "username") },
    Column { name: "organization roles", cell: |member| names(member, "roles") },
    Column { name: "user id", cell: |member| word(member, "user_id") },
    Column { name: "organization id", cell: |member| word(member, "organization_id") },
    Column { name: "name", cell: |member| word(member, "name") },
    Column { name: "email", cell: |member| word(member, "email") },
    Column { name: "created at", cell: |member| word(member, "created_at") },
    Column { name: "updated at", cell: |member| word(member, "updated_at") },
    Column { name: "site roles", cell: |member| names(member, "global_roles") },
];

pub(super) async fn run(command: MembersCommand, named: Option<&str>, client: &Client) -> anyhow::Result<()> {
    let organization = organization::pick(client, named).await?;
    let id = organization.id.to_string();
    match command {
        MembersCommand::List(output) => {
            let members = client.members(&id).await?;
            match output.output {
                Format::Json => output::json(&members)?,
                Format::Table => output::line(&table::render(
                    &members,
                    COLUMNS,
                    &["username", "organization roles"],
                    &output.column,
                )?),
            }
        }
        MembersCommand::Add { user } => {
            client.add_member(&id, &user).await?;
            output::line(&format!("{user} is now a member of {}.", organization.name));
        }
        MembersCommand::Remove { user } => {
            client.remove_member(&id, &user).await?;
            output::line(&format!("{user} is no longer a member of {}.", organization.name));
        }
        MembersCommand::EditRoles { user, roles } => {
            let roles: Vec<String> = roles.into_iter().filter(|role| !role.is_empty()).collect();
            client.set_member_roles(&id, &user, &roles).await?;
            let shown = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
            output::line(&format!("The roles of {user} in {} are now: {shown}.", organization.name));
        }
    }
    Ok(())
}
