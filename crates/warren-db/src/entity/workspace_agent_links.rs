//! The connections of an agent. A row is made with the first of them and lasts as long as the agent.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_agent_links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub agent_id: Uuid,
    /// The server that has the newest connection to the tunnel; none when that has ended.
    pub replica_id: Option<Uuid>,
    /// Grows with every connection to the tunnel.
    pub epoch: i64,
    /// The newest control connection.
    pub control_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}
