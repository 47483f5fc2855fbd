//! Tracked fields and what changed in them. Secrets show that they changed and nothing else.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Bytes of a text that an entry keeps; a README is longer than anybody reads in a log.
const TEXT_BYTES_MAX: usize = 4096;

/// The tracked fields of a row, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tracked {
    fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq)]
struct Field {
    name: &'static str,
    value: Value,
    is_secret: bool,
}

impl Tracked {
    /// No fields yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field whose values are shown.
    pub fn plain(mut self, name: &'static str, value: impl Serialize) -> Self {
        // Values of rows are texts, numbers, times and stored JSON, which all have a JSON form.
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.fields.push(Field { name, value: clean(value), is_secret: false });
        self
    }

    /// Adds a field of which an entry shows only that it changed. The value is compared and never stored.
    pub fn secret(mut self, name: &'static str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.fields.push(Field { name, value, is_secret: true });
        self
    }
}

/// What a new row sets: fields that are not empty.
pub fn created(new: &Tracked) -> Value {
    let set = new.fields.iter().filter(|field| !is_empty(&field.value));
    object(set.map(|field| (field.name, shown(field, None, Some(&field.value)))))
}

/// What a row had: fields that are not empty.
pub fn deleted(old: &Tracked) -> Value {
    let set = old.fields.iter().filter(|field| !is_empty(&field.value));
    object(set.map(|field| (field.name, shown(field, Some(&field.value), None))))
}

/// What differs between two states of a row.
pub fn changed(old: &Tracked, new: &Tracked) -> Value {
    let pairs = old.fields.iter().filter_map(|before| {
        let after = new.fields.iter().find(|after| after.name == before.name)?;
        (before.value != after.value).then_some((before, after))
    });
    object(pairs.map(|(old, new)| (new.name, shown(new, Some(&old.value), Some(&new.value)))))
}

/// A text without what a database or a terminal could trip over, and not longer than a number of bytes.
pub fn clean_text(text: &str, bytes_max: usize) -> String {
    let is_bad = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    let end = text.floor_char_boundary(bytes_max);
    let kept: String =
        text[..end].chars().map(|letter| if is_bad(letter) { '\u{fffd}' } else { letter }).collect();
    if end < text.len() { format!("{kept}… ({} bytes)", text.len()) } else { kept }
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn shown(field: &Field, old: Option<&Value>, new: Option<&Value>) -> Value {
    if field.is_secret {
        return json!({ "old": "", "new": "", "secret": true });
    }
    let mut shown = Map::new();
    if let Some(old) = old {
        shown.insert(String::from("old"), old.clone());
    }
    if let Some(new) = new {
        shown.insert(String::from("new"), new.clone());
    }
    shown.insert(String::from("secret"), Value::Bool(false));
    Value::Object(shown)
}

fn clean(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean_text(&text, TEXT_BYTES_MAX)),
        Value::Array(items) => items.into_iter().map(clean).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| (clean_text(&name, TEXT_BYTES_MAX), clean(value));
            Value::Object(fields.into_iter().map(field).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is_set) => !is_set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[cfg(test)]
mod tests;
