//! Tables for people: columns that can be picked and ordered by name.

use anyhow::bail;
use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// A named column and how its cell is made.
pub struct Column<T> {
    pub name: &'static str,
    pub cell: fn(&T) -> String,
}

/// Lays rows out. `wanted` picks columns by name in any case; empty means `defaults`.
///
/// # Errors
/// When a wanted column does not exist.
pub fn render<T>(
    rows: &[T],
    columns: &[Column<T>],
    defaults: &[&str],
    wanted: &[String],
) -> anyhow::Result<String> {
    let names: Vec<&str> =
        if wanted.is_empty() { defaults.to_vec() } else { wanted.iter().map(String::as_str).collect() };
    let mut picked = Vec::new();
    for name in names {
        let Some(column) = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name.trim())) else {
            let all = columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
            bail!("there is no column {name:?}; use some of {all}");
        };
        picked.push(column);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(picked.iter().map(|column| column.name.to_uppercase()));
    for row in rows {
        table.add_row(picked.iter().map(|column| (column.cell)(row)));
    }
    let text = table.to_string();
    Ok(text.lines().map(|line| line.trim_end().trim_start_matches(' ')).collect::<Vec<_>>().join("\n"))
}

/// Shows a moment, in the time of Greenwich.
pub fn time(time: DateTime<Utc>) -> String {
    // Servers write the year 1 for "never".
    if time.timestamp() <= 0 { "never".into() } else { time.format("%Y-%m-%dT%H:%M:%SZ").to_string() }
}

/// Shows how long ago a moment was.
pub fn ago(time: DateTime<Utc>) -> String {
    let seconds = (Utc::now() - time).num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// Returns a text of a JSON object; empty when it is not there.
pub fn word(object: &Value, field: &str) -> String {
    object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns the names of the objects in a list of a JSON object.
pub fn names(object: &Value, field: &str) -> String {
    let list = object.get(field).and_then(Value::as_array).into_iter().flatten();
    list.map(|item| word(item, "name")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column<(u8, &str)>] = &[
        Column { name: "id", cell: |row| row.0.to_string() },
        Column { name: "built at", cell: |row| row.1.to_owned() },
    ];

    #[test]
    fn columns_are_picked_in_the_wanted_order() {
        let text =
            render(&[(1, "a"), (22, "b")], COLUMNS, &["id"], &["Built At".into(), "id".into()]).unwrap();
        let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words, [vec!["BUILT", "AT", "ID"], vec!["a", "1"], vec!["b", "22"]]);
    }

    #[test]
    fn an_unknown_column_is_refused_with_the_known_ones() {
        let error = render(&[(1, "a")], COLUMNS, &["id"], &["size".into()]).unwrap_err();
        assert_eq!(error.to_string(), "there is no column \"size\"; use some of id, built at");
    }
}
