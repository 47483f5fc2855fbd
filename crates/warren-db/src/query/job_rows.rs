//! Job rows as the owners of versions and builds see them; the queue itself is in the provisioner's queries.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde_json::json;
use warren_vocab::JobId;

use crate::{DbResult, Tx, channels, entity::provisioner_jobs::*};

/// Posts a job and wakes the provisioners after the commit.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    tx.notify(channels::JOBS, json!(model.id));
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Finds a job.
pub async fn by_id(connection: &impl ConnectionTrait, id: JobId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).one(connection).await?)
}

/// Finds jobs.
pub async fn by_ids(connection: &impl ConnectionTrait, ids: &[uuid::Uuid]) -> DbResult<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(connection).await?)
}

/// Lists the ids of waiting jobs, first in the queue first.
pub async fn queue(connection: &impl ConnectionTrait) -> DbResult<Vec<JobId>> {
    let query = Entity::find().select_only().column(Column::Id).filter(Column::StartedAt.is_null());
    let query = query.filter(Column::CompletedAt.is_null()).order_by_asc(Column::CreatedAt);
    Ok(query.into_tuple::<uuid::Uuid>().all(connection).await?.into_iter().map(JobId::from_uuid).collect())
}

/// Marks a job as cancelled; one without a worker is complete at once. Wakes the worker and the log readers.
pub async fn cancel(tx: &Tx, id: JobId, now: DateTime<Utc>) -> DbResult<()> {
    let update = Entity::update_many()
        .col_expr(Column::CanceledAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()));
    update.filter(Column::CompletedAt.is_null()).exec(tx).await?;
    let update = Entity::update_many()
        .col_expr(Column::CompletedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()));
    update.filter(Column::WorkerId.is_null()).filter(Column::CompletedAt.is_null()).exec(tx).await?;
    tx.notify(channels::JOBS, json!(id.as_uuid()));
    tx.notify(channels::job_logs(id), json!({}));
    Ok(())
}
