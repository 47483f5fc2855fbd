//! Which server an agent is connected to, and by which connections.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use serde_json::json;
use uuid::Uuid;
use warren_vocab::{AgentId, ReplicaId};

use crate::{
    DbResult, Tx, channels,
    entity::{workspace_agent_links as links, workspace_agents as agents},
};

/// Writes down that agents have connected to a server, and gives the epochs. Agents that do not exist are left out.
pub async fn claim(tx: &Tx, replica: ReplicaId, ids: &[AgentId]) -> DbResult<Vec<(AgentId, i64)>> {
    let known = agents::Entity::find().select_only().column(agents::Column::Id);
    let known = known.filter(agents::Column::Id.is_in(uuids(ids))).order_by_asc(agents::Column::Id);
    let known: Vec<Uuid> = known.into_tuple().all(tx).await?;
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let rows = known.iter().map(|id| {
        let row =
            links::Model { agent_id: *id, replica_id: Some(replica.as_uuid()), epoch: 1, control_id: None };
        row.into_active_model()
    });
    let mut newer = OnConflict::column(links::Column::AgentId);
    newer.update_column(links::Column::ReplicaId);
    let epoch = Expr::col((links::Entity, links::Column::Epoch)).add(1);
    newer.value(links::Column::Epoch, epoch);
    links::Entity::insert_many(rows).on_conflict(newer).exec_without_returning(tx).await?;
    notify(tx, replica, known.iter().copied());
    let written = links::Entity::find().filter(links::Column::AgentId.is_in(known)).all(tx).await?;
    Ok(written.into_iter().map(|row| (AgentId::from_uuid(row.agent_id), row.epoch)).collect())
}

/// Writes down that agents are not connected to a server any more, where nothing newer is written.
pub async fn release(tx: &Tx, replica: ReplicaId, claims: &[(AgentId, i64)]) -> DbResult<()> {
    for (agent, epoch) in claims {
        let update = links::Entity::update_many()
            .col_expr(links::Column::ReplicaId, Expr::value(None::<Uuid>))
            .filter(links::Column::AgentId.eq(agent.as_uuid()))
            .filter(links::Column::ReplicaId.eq(replica.as_uuid()))
            .filter(links::Column::Epoch.eq(*epoch));
        update.exec(tx).await?;
    }
    notify(tx, replica, claims.iter().map(|(agent, _)| agent.as_uuid()));
    Ok(())
}

/// Finds what is written about agents.
pub async fn find(connection: &impl ConnectionTrait, ids: &[AgentId]) -> DbResult<Vec<links::Model>> {
    Ok(links::Entity::find().filter(links::Column::AgentId.is_in(uuids(ids))).all(connection).await?)
}

/// Writes down which control connection of an agent is the newest.
pub async fn set_control(tx: &Tx, id: AgentId, control: Uuid) -> DbResult<()> {
    let row = links::Model { agent_id: id.as_uuid(), replica_id: None, epoch: 0, control_id: Some(control) };
    let mut newer = OnConflict::column(links::Column::AgentId);
    newer.update_column(links::Column::ControlId);
    links::Entity::insert(row.into_active_model()).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(())
}

fn uuids(ids: &[AgentId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.as_uuid()).collect()
}

fn notify(tx: &Tx, replica: ReplicaId, ids: impl Iterator<Item = Uuid>) {
    let ids: Vec<Uuid> = ids.collect();
    tx.notify(channels::AGENT_LINKS, json!({ "replica": replica, "agents": ids }));
}
