//! `warren whoami`.

use serde::Serialize;
use warren_api::users::SlimRole;
use warren_vocab::{OrganizationId, UserId};

use crate::{
    args::OutputArgs,
    context::Context,
    output::{self, Format},
    table::{self, Column},
};

#[derive(Serialize)]
struct Row {
    url: String,
    username: String,
    user_id: UserId,
    organization_ids: Vec<OrganizationId>,
    roles: Vec<SlimRole>,
}

const COLUMNS: &[Column<Row>] = &[
    Column { name: "url", cell: |row| row.url.clone() },
    Column { name: "username", cell: |row| row.username.clone() },
    Column { name: "user_id", cell: |row| row.user_id.to_string() },
    Column { name: "organization_ids", cell: |row| join(row.organization_ids.iter()) },
    Column { name: "roles", cell: |row| join(row.roles.iter().map(|role| &role.name)) },
];

pub(super) async fn run(args: &OutputArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let user = client.user("me").await?;
    let rows = [Row {
        url: client.base().as_str().trim_end_matches('/').to_owned(),
        username: user.username,
        user_id: user.id,
        organization_ids: user.organization_ids,
        roles: user.roles,
    }];
    match args.output {
        Format::Json => output::json(&rows),
        Format::Table => {
            output::line(&table::render(
                &rows,
                COLUMNS,
                &["url", "username", "user_id", "roles"],
                &args.column,
            )?);
            Ok(())
        }
    }
}

fn join<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}
