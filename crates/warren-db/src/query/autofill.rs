//! What an account typed into a template's form before.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect};
use warren_vocab::{TemplateId, UserId};

use crate::{
    DbResult,
    entity::{workspace_build_parameters as parameters, workspace_builds as builds, workspaces},
};

/// Parameters that are looked at, the newest first.
const ROWS_MAX: u64 = 1000;

/// The last value of each parameter over the builds of an account's workspaces of a template, by name.
pub async fn last_values(
    connection: &impl ConnectionTrait,
    owner: UserId,
    template: TemplateId,
) -> DbResult<Vec<(String, String)>> {
    let query = parameters::Entity::find()
        .select_only()
        .column(parameters::Column::Name)
        .column(parameters::Column::Value)
        .join(
            JoinType::InnerJoin,
            parameters::Entity::belongs_to(builds::Entity)
                .from(parameters::Column::BuildId)
                .to(builds::Column::Id)
                .into(),
        )
        .join(
            JoinType::InnerJoin,
            builds::Entity::belongs_to(workspaces::Entity)
                .from(builds::Column::WorkspaceId)
                .to(workspaces::Column::Id)
                .into(),
        )
        .filter(workspaces::Column::OwnerId.eq(owner.as_uuid()))
        .filter(workspaces::Column::TemplateId.eq(template.as_uuid()))
        .order_by_desc(builds::Column::CreatedAt)
        .limit(ROWS_MAX);
    let rows: Vec<(String, String)> = query.into_tuple().all(connection).await?;
    let mut last = BTreeMap::new();
    for (name, value) in rows {
        last.entry(name).or_insert(value);
    }
    Ok(last.into_iter().collect())
}
