//! Every column that holds sealed values, for work on all of them: it walks through a table by its primary key.

use sea_orm::{
    ConnectionTrait, DbErr, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, Order, Query, SimpleExpr, Value},
};
use uuid::Uuid;

use crate::{DbResult, Tx};

/// A column of sealed bytes. Empty values mean "none" and are not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedColumn {
    pub table: &'static str,
    pub column: &'static str,
    keys: &'static [KeyColumn],
    /// Whether the row exists only for this value.
    is_all_there_is: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyColumn {
    Id(&'static str),
    Text(&'static str),
}

/// A row's primary key.
#[derive(Debug, Clone, PartialEq)]
pub struct RowKey(Vec<Value>);

/// All columns of sealed bytes. A test compares the list with the schema.
pub const COLUMNS: &[SealedColumn] = &[
    SealedColumn {
        table: "ai_provider_keys",
        column: "sealed",
        keys: &[KeyColumn::Id("id")],
        is_all_there_is: true,
    },
    SealedColumn {
        table: "user_ai_provider_keys",
        column: "sealed",
        keys: &[KeyColumn::Id("user_id"), KeyColumn::Id("provider_id")],
        is_all_there_is: true,
    },
    SealedColumn {
        table: "git_ssh_keys",
        column: "sealed_private_key",
        keys: &[KeyColumn::Id("user_id")],
        is_all_there_is: true,
    },
    SealedColumn {
        table: "mesh_keys",
        column: "sealed",
        keys: &[KeyColumn::Id("id")],
        is_all_there_is: true,
    },
    SealedColumn {
        table: "user_links",
        column: "sealed_access_token",
        keys: &[KeyColumn::Id("user_id"), KeyColumn::Text("login_type")],
        is_all_there_is: false,
    },
    SealedColumn {
        table: "user_links",
        column: "sealed_refresh_token",
        keys: &[KeyColumn::Id("user_id"), KeyColumn::Text("login_type")],
        is_all_there_is: false,
    },
    SealedColumn {
        table: "workspace_build_states",
        column: "state",
        keys: &[KeyColumn::Id("build_id")],
        is_all_there_is: false,
    },
    SealedColumn {
        table: "workspace_host_keys",
        column: "sealed_seed",
        keys: &[KeyColumn::Id("workspace_id"), KeyColumn::Text("agent_name")],
        is_all_there_is: true,
    },
];

/// Columns of bytes that are not sealed: hashes, and files that users upload.
pub const NOT_SEALED: &[(&str, &str)] = &[
    ("api_keys", "hashed_secret"),
    ("files", "data"),
    ("sealing_keys", "canary"),
    ("users", "hashed_one_time_passcode"),
    ("workspace_agents", "token_hash"),
];

/// Reads the next rows after a key, in the order of their keys.
pub async fn batch(
    connection: &impl ConnectionTrait,
    column: SealedColumn,
    after: Option<&RowKey>,
    limit: u64,
) -> DbResult<Vec<(RowKey, Vec<u8>)>> {
    let mut query = Query::select();
    query.from(Alias::new(column.table)).column(Alias::new(column.column)).limit(limit);
    for key in column.keys {
        query.column(key.name()).order_by(key.name(), Order::Asc);
    }
    if let Some(RowKey(values)) = after {
        query.and_where(is_after(column.keys, values));
    }
    let rows = connection.query_all(&query).await?;
    let read = |row: QueryResult| Ok((key_of(column, &row)?, row.try_get("", column.column)?));
    Ok(rows.into_iter().map(read).collect::<Result<_, DbErr>>()?)
}

/// Puts another value in place of the one that was read; `false` when the row has changed since.
pub async fn replace(
    tx: &Tx,
    column: SealedColumn,
    key: &RowKey,
    old: Vec<u8>,
    new: Vec<u8>,
) -> DbResult<bool> {
    let mut query = Query::update();
    query.table(Alias::new(column.table)).value(Alias::new(column.column), new);
    query.and_where(Expr::col(Alias::new(column.column)).eq(old));
    for (name, value) in column.keys.iter().zip(&key.0) {
        query.and_where(Expr::col(name.name()).eq(value.clone()));
    }
    Ok(tx.execute(&query).await?.rows_affected() > 0)
}

/// Removes the rows that are nothing without their sealed value and empties the values of the others.
pub async fn forget_all(tx: &Tx) -> DbResult<u64> {
    let mut n_rows = 0;
    for column in COLUMNS.iter().filter(|column| column.is_all_there_is) {
        let delete = Query::delete().from_table(Alias::new(column.table)).to_owned();
        n_rows += tx.execute(&delete).await?.rows_affected();
    }
    for column in COLUMNS.iter().filter(|column| !column.is_all_there_is) {
        let name = Alias::new(column.column);
        let mut empty = Query::update();
        empty.table(Alias::new(column.table)).value(name.clone(), Vec::<u8>::new());
        empty.and_where(Expr::col(name).ne(Vec::<u8>::new()));
        n_rows += tx.execute(&empty).await?.rows_affected();
    }
    Ok(n_rows)
}

impl KeyColumn {
    fn name(self) -> Alias {
        match self {
            Self::Id(name) | Self::Text(name) => Alias::new(name),
        }
    }
}

/// `(a, b) > (x, y)`, spelled out.
fn is_after(keys: &[KeyColumn], values: &[Value]) -> SimpleExpr {
    let mut after = Expr::val(false).eq(true);
    for (index, (key, value)) in keys.iter().zip(values).enumerate().rev() {
        let larger = Expr::col(key.name()).gt(value.clone());
        let equal = Expr::col(key.name()).eq(value.clone());
        after = if index + 1 == keys.len() { larger } else { larger.or(equal.and(after)) };
    }
    after
}

fn key_of(column: SealedColumn, row: &QueryResult) -> Result<RowKey, DbErr> {
    let value = |key: &KeyColumn| match key {
        KeyColumn::Id(name) => row.try_get::<Uuid>("", name).map(Value::from),
        KeyColumn::Text(name) => row.try_get::<String>("", name).map(Value::from),
    };
    column.keys.iter().map(value).collect::<Result<_, _>>().map(RowKey)
}
