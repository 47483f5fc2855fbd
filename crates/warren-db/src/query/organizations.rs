//! Organizations and memberships.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use warren_authz::ListFilter;
use warren_vocab::{OrganizationId, UserId};

use super::{
    is_false, same_text,
    visible::{Place, visible},
};
use crate::{
    DbResult, Tx,
    entity::{
        organization_members as members,
        organizations::{Column, Entity, Model},
        templates, workspaces,
    },
};

/// An organization lies in itself.
const PLACE: Place<Column> =
    Place { id: Column::Id, owner: None, organization: Some(Column::Id), is_shared_with_everybody: false };

/// Ids in one query; databases limit the number of its values.
const IDS_MAX: usize = 10_000;

/// Finds the default organization.
pub async fn default(connection: &impl ConnectionTrait) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(Column::IsDefault.eq(true)).filter(is_false(Column::Deleted));
    Ok(query.one(connection).await?)
}

/// Finds the default organization and keeps other transactions that ask the same waiting until this one ends.
pub async fn lock_default(tx: &Tx) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(Column::IsDefault.eq(true)).filter(is_false(Column::Deleted));
    Ok(query.lock_exclusive().one(tx).await?)
}

/// Finds an organization.
pub async fn by_id(connection: &impl ConnectionTrait, id: OrganizationId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).filter(is_false(Column::Deleted)).one(connection).await?)
}

/// Finds an organization by name, whatever its case.
pub async fn by_name(connection: &impl ConnectionTrait, name: &str) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(same_text(Column::Name, name)).filter(is_false(Column::Deleted));
    Ok(query.one(connection).await?)
}

/// Lists all organizations by name, for showing them beside what belongs to them.
pub async fn list(connection: &impl ConnectionTrait) -> DbResult<Vec<Model>> {
    let query = Entity::find().filter(is_false(Column::Deleted)).order_by_asc(Column::Name);
    Ok(query.all(connection).await?)
}

/// Lists the organizations that the caller may read by name.
pub async fn list_readable(connection: &impl ConnectionTrait, readable: &ListFilter) -> DbResult<Vec<Model>> {
    let query = Entity::find().filter(is_false(Column::Deleted)).filter(visible(readable, PLACE));
    Ok(query.order_by_asc(Column::Name).all(connection).await?)
}

/// Adds an organization.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes all fields of an organization.
pub async fn update(tx: &Tx, model: Model) -> DbResult<()> {
    model.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Counts the live workspaces and templates of an organization.
pub async fn contents(connection: &impl ConnectionTrait, id: OrganizationId) -> DbResult<(u64, u64)> {
    let workspaces = workspaces::Entity::find()
        .filter(workspaces::Column::OrganizationId.eq(id.as_uuid()))
        .filter(is_false(workspaces::Column::Deleted));
    let templates = templates::Entity::find()
        .filter(templates::Column::OrganizationId.eq(id.as_uuid()))
        .filter(is_false(templates::Column::Deleted));
    Ok((workspaces.count(connection).await?, templates.count(connection).await?))
}

/// Lists the memberships of accounts.
pub async fn memberships(
    connection: &impl ConnectionTrait,
    users: &[UserId],
) -> DbResult<Vec<members::Model>> {
    let mut rows = Vec::new();
    for part in users.chunks(IDS_MAX) {
        let ids = part.iter().map(|user| user.as_uuid());
        rows.extend(
            members::Entity::find().filter(members::Column::UserId.is_in(ids)).all(connection).await?,
        );
    }
    Ok(rows)
}

/// Lists the memberships of an account in organizations that are not deleted.
pub async fn memberships_with_organization(
    connection: &impl ConnectionTrait,
    user: UserId,
) -> DbResult<Vec<(members::Model, Model)>> {
    let rows = memberships(connection, &[user]).await?;
    let ids = rows.iter().map(|row| row.organization_id);
    let found = Entity::find().filter(Column::Id.is_in(ids)).filter(is_false(Column::Deleted));
    let found = found.all(connection).await?;
    let with = |row: members::Model| {
        let organization = found.iter().find(|one| one.id == row.organization_id).cloned();
        organization.map(|organization| (row, organization))
    };
    Ok(rows.into_iter().filter_map(with).collect())
}

/// Finds one membership.
pub async fn membership(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    user: UserId,
) -> DbResult<Option<members::Model>> {
    Ok(members::Entity::find_by_id((organization.as_uuid(), user.as_uuid())).one(connection).await?)
}

/// Adds a membership.
pub async fn insert_member(tx: &Tx, model: members::Model) -> DbResult<()> {
    members::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes every membership of an account.
pub async fn delete_memberships(tx: &Tx, user: UserId) -> DbResult<u64> {
    let delete = members::Entity::delete_many().filter(members::Column::UserId.eq(user.as_uuid()));
    Ok(delete.exec(tx).await?.rows_affected)
}

/// Removes one membership.
pub async fn delete_member(tx: &Tx, organization: OrganizationId, user: UserId) -> DbResult<bool> {
    let delete = members::Entity::delete_by_id((organization.as_uuid(), user.as_uuid()));
    Ok(delete.exec(tx).await?.rows_affected > 0)
}
