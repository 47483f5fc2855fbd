//! Values that both engines store alike: PostgreSQL knows no NUL character, neither in text nor in JSON, and keeps times
//! to the microsecond.

use chrono::SubsecRound;
use sea_orm::{Statement, sea_query::Value};

const NUL: char = '\0';
const REPLACEMENT: &str = "\u{FFFD}";

/// Digits of a second that both engines keep.
const TIME_DIGITS: u16 = 6;

/// Replaces NUL characters in the values of a statement, so that output of a program never stops a write, and cuts times.
pub(crate) fn storable(mut statement: Statement) -> Statement {
    for value in statement.values.iter_mut().flat_map(|values| values.0.iter_mut()) {
        match value {
            Value::String(Some(text)) if text.contains(NUL) => *text = text.replace(NUL, REPLACEMENT),
            Value::Json(Some(json)) => clean(json),
            Value::ChronoDateTimeUtc(Some(time)) => *time = time.trunc_subsecs(TIME_DIGITS),
            // Other values are the same everywhere.
            _ => {}
        }
    }
    statement
}

fn clean(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::String(text) if text.contains(NUL) => *text = text.replace(NUL, REPLACEMENT),
        serde_json::Value::Array(items) => items.iter_mut().for_each(clean),
        serde_json::Value::Object(fields) => {
            if fields.keys().any(|key| key.contains(NUL)) {
                let cleaned = std::mem::take(fields).into_iter();
                *fields = cleaned.map(|(key, value)| (key.replace(NUL, REPLACEMENT), value)).collect();
            }
            fields.values_mut().for_each(clean);
        }
        serde_json::Value::String(_)
        | serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_) => {}
    }
}
