//! `warren organizations roles`.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use warren_sdk::Client;

use crate::{
    args::{RoleArgs, RolesCommand},
    commands::organization,
    output::{self, Format},
    prompt,
    table::{self, Column, word},
};

const COLUMNS: &[Column<Value>] = &[
    Column { name: "name", cell: |role| word(role, "name") },
    Column { name: "display name", cell: |role| word(role, "display_name") },
    Column { name: "organization id", cell: |role| word(role, "organization_id") },
    Column { name: "site permissions", cell: |role| permissions(role, "site_permissions") },
    Column { name: "organization permissions", cell: |role| permissions(role, "organization_permissions") },
    Column { name: "user permissions", cell: |role| permissions(role, "user_permissions") },
    Column {
        name: "organization member permissions",
        cell: |role| permissions(role, "organization_member_permissions"),
    },
];
const SHOWN: &[&str] =
    &["name", "display name", "site permissions", "organization permissions", "user permissions"];

pub(super) async fn run(command: RolesCommand, named: Option<&str>, client: &Client) -> anyhow::Result<()> {
    let organization = organization::pick(client, named).await?;
    let id = organization.id.to_string();
    match command {
        RolesCommand::Show { names, output } => {
            let mut roles = client.organization_roles(&id).await?;
            if !names.is_empty() {
                roles.retain(|role| names.iter().any(|name| word(role, "name").eq_ignore_ascii_case(name)));
            }
            print(&roles, output.output, &output.column)
        }
        RolesCommand::Create(args) => put(args, &id, client, true).await,
        RolesCommand::Update(args) => put(args, &id, client, false).await,
        RolesCommand::Delete { name, yes } => {
            prompt::confirm(&format!("Delete the role {name:?}?"), yes)?;
            client.delete_organization_role(&id, &name).await?;
            output::line(&format!("The role {name} has been deleted."));
            Ok(())
        }
    }
}

async fn put(args: RoleArgs, organization: &str, client: &Client, is_new: bool) -> anyhow::Result<()> {
    let role = if args.stdin {
        read(args.name.as_deref())?
    } else {
        let existing = if is_new { None } else { Some(current(&args, organization, client).await?) };
        from_flags(&args, existing)?
    };
    if args.dry_run {
        return print(&[role], args.output.output, &args.output.column);
    }
    let verb = if is_new { "Create" } else { "Update" };
    prompt::confirm(&format!("{verb} the role {:?}?", word(&role, "name")), args.yes)?;
    let stored = client.put_organization_role(organization, &role, is_new).await?;
    print(&[stored], args.output.output, &args.output.column)
}

fn read(name: Option<&str>) -> anyhow::Result<Value> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read the role from standard input")?;
    let mut role: Value = serde_json::from_str(&text).context("standard input is not a role in JSON")?;
    if let (Some(name), Some(role)) = (name, role.as_object_mut()) {
        role.insert("name".into(), json!(name));
    }
    if word(&role, "name").is_empty() {
        bail!("the role has no name; give one as the argument or as `name` in the JSON");
    }
    Ok(role)
}

async fn current(args: &RoleArgs, organization: &str, client: &Client) -> anyhow::Result<Value> {
    let name = args.name.as_deref().unwrap_or_default();
    let mut roles = client.organization_roles(organization).await?;
    roles.retain(|role| word(role, "name").eq_ignore_ascii_case(name));
    roles.pop().with_context(|| format!("there is no role {name:?} in this organization"))
}

fn from_flags(args: &RoleArgs, existing: Option<Value>) -> anyhow::Result<Value> {
    let Some(name) = &args.name else { bail!("the role's name is missing") };
    if args.permission.is_empty() && args.display_name.is_none() {
        bail!("say what the role may do with --permission TYPE:ACTION, or give it as JSON with --stdin");
    }
    let before = |field: &str| existing.as_ref().and_then(|role| role.get(field)).cloned();
    let permissions = if args.permission.is_empty() {
        before("organization_permissions").unwrap_or_else(|| json!([]))
    } else {
        args.permission.iter().map(|text| permission(text)).collect::<anyhow::Result<Value>>()?
    };
    let display_name = args.display_name.clone().map(Value::String);
    Ok(json!({
        "name": name,
        "display_name": display_name.or_else(|| before("display_name")).unwrap_or_else(|| json!("")),
        "site_permissions": [],
        "organization_permissions": permissions,
        "user_permissions": [],
        "organization_member_permissions": before("organization_member_permissions").unwrap_or_else(|| json!([])),
    }))
}

fn permission(text: &str) -> anyhow::Result<Value> {
    match text.split_once(':') {
        Some((kind, action)) if !kind.is_empty() && !action.is_empty() => {
            Ok(json!({ "negate": false, "resource_type": kind, "action": action }))
        }
        Some(_) | None => {
            bail!("{text:?} is no permission; write it as TYPE:ACTION, for example template:read")
        }
    }
}

fn print(roles: &[Value], format: Format, columns: &[String]) -> anyhow::Result<()> {
    match format {
        Format::Json => output::json(&roles),
        Format::Table => {
            output::line(&table::render(roles, COLUMNS, SHOWN, columns)?);
            Ok(())
        }
    }
}

fn permissions(role: &Value, field: &str) -> String {
    let count = role.get(field).and_then(Value::as_array).map_or(0, Vec::len);
    format!("{count} permissions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_a_type_and_an_action() {
        assert_eq!(
            permission("template:read").unwrap(),
            json!({ "negate": false, "resource_type": "template", "action": "read" })
        );
        for wrong in ["template", ":read", "template:"] {
            assert!(permission(wrong).is_err(), "{wrong}");
        }
    }
}
