//! What calls used that were cut off.

use sea_orm::{EntityTrait, IntoActiveModel, sea_query::OnConflict};

use crate::{DbResult, Tx, entity::chat_cut_calls::*};

/// Books a call. One that is booked already stays as it is.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    let key = [Column::ChatId, Column::HistoryVersion, Column::GenerationAttempt];
    let keep = OnConflict::columns(key).do_nothing().to_owned();
    Entity::insert(model.into_active_model()).on_conflict(keep).exec_without_returning(tx).await?;
    Ok(())
}
