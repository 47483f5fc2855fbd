//! Copying one table in batches, ordered by its key.

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, EntityTrait, IdenStatic, IntoActiveModel,
    Iterable, ModelTrait, PaginatorTrait, PrimaryKeyToColumn, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};

use super::{CopyError, CopyProgress, SEEDED, counter};
use crate::{Tx, database::Transaction};

/// Bound values in one statement that both engines take.
const VALUES_MAX: u64 = 30_000;

/// Fails when a table of the target has rows that no migration has put there, and removes those that one has.
pub(super) async fn require_empty<E>(target: &Tx, name: &'static str) -> Result<(), CopyError>
where
    E: EntityTrait,
    E::Model: Sync,
{
    if SEEDED.contains(&name) {
        E::delete_many().exec(target).await.map_err(|_| CopyError::NotEmpty { table: name })?;
        return Ok(());
    }
    match E::find().count(target).await? {
        0 => Ok(()),
        _ => Err(CopyError::NotEmpty { table: name }),
    }
}

/// Copies the rows and the counter of generated keys, and compares the numbers of rows.
pub(super) async fn copy<E>(
    source: &Transaction,
    target: &Tx,
    name: &'static str,
    batch: u64,
    progress: &mut impl FnMut(CopyProgress),
) -> Result<u64, CopyError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    E::ActiveModel: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
{
    let n_rows = E::find().count(source).await?;
    let n_columns = u64::try_from(E::Column::iter().count()).unwrap_or(u64::MAX);
    let limit = Ord::max(Ord::min(batch, VALUES_MAX / n_columns), 1);
    let (mut n_copied, mut last) = (0, None);
    progress(CopyProgress { table: name, n_copied, n_rows });
    loop {
        let rows = page::<E>(source, last.as_ref(), limit).await?;
        let Some(newest) = rows.last() else { break };
        last = Some(newest.clone());
        n_copied += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let rows = rows.into_iter().map(|row| row.into_active_model().reset_all());
        E::insert_many(rows).exec_without_returning(target).await?;
        progress(CopyProgress { table: name, n_copied, n_rows });
    }
    counter::copy(source, target, name, <E::PrimaryKey as sea_orm::PrimaryKeyTrait>::auto_increment())
        .await?;
    let target_rows = E::find().count(target).await?;
    if target_rows != n_rows {
        return Err(CopyError::Count { table: name, source_rows: n_rows, target_rows });
    }
    Ok(n_rows)
}

/// Reads the rows after one, by the whole key.
async fn page<E>(
    source: &impl ConnectionTrait,
    after: Option<&E::Model>,
    limit: u64,
) -> Result<Vec<E::Model>, CopyError>
where
    E: EntityTrait,
{
    let columns: Vec<E::Column> = E::PrimaryKey::iter().map(|key| key.into_column()).collect();
    let mut query = E::find().limit(limit);
    for column in &columns {
        query = query.order_by_asc(*column);
    }
    if let Some(row) = after {
        let keys = columns.iter().map(|column| SimpleExpr::from(Expr::col(column.as_str().to_owned())));
        let values = columns.iter().map(|column| SimpleExpr::from(Expr::val(row.get(*column))));
        query = query.filter(Expr::tuple(keys).gt(Expr::tuple(values)));
    }
    Ok(query.all(source).await?)
}
