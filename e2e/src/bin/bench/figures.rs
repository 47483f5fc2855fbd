//! Collecting and printing figures.

use std::fmt::Write;

use serde_json::{Value, json};

/// What was measured, in order.
#[derive(Default)]
pub struct Figures {
    rows: Vec<Figure>,
}

struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    how: String,
}

impl Figures {
    /// Adds a figure and says it at once, so that a case that fails later takes none with it. `how` says from how many runs
    /// it comes and which of them it is.
    pub fn add(&mut self, what: impl Into<String>, value: f64, unit: &'static str, how: impl Into<String>) {
        let what = what.into();
        eprintln!("bench: {what}: {value:.3} {unit}");
        self.rows.push(Figure { what, value, unit, how: how.into() });
    }

    /// A Markdown table.
    pub fn table(&self) -> String {
        let mut text = String::from("| what | figure | how |\n|---|---|---|\n");
        for Figure { what, value, unit, how } in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {what} | {value:.3} {unit} | {how} |");
        }
        text
    }

    /// The same as one JSON document.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|figure| {
            json!({"what": figure.what, "value": figure.value, "unit": figure.unit, "how": figure.how})
        });
        Value::Array(rows.collect())
    }
}
