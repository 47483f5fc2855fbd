//! Lists and maps. In a text, a list is separated by commas and a map is JSON; in a file both are what YAML has.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;
use warren_rt::Secret;

use super::{Kind, Setting};

/// An item of a list.
trait Item: Sized {
    const KIND: Kind = Kind::List;
    fn read(text: String) -> Self;
    fn show(&self) -> Option<String>;
}

impl Item for String {
    fn read(text: String) -> Self {
        text
    }

    fn show(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl Item for PathBuf {
    fn read(text: String) -> Self {
        text.into()
    }

    fn show(&self) -> Option<String> {
        Some(self.display().to_string())
    }
}

impl Item for Secret<String> {
    const KIND: Kind = Kind::SecretList;

    fn read(text: String) -> Self {
        Self::new(text)
    }

    fn show(&self) -> Option<String> {
        None
    }
}

impl<T: Item> Setting for Vec<T> {
    fn kind(&self) -> Kind {
        T::KIND
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        let mut items = Vec::new();
        for text in texts {
            items.extend(split(text)?.into_iter().map(T::read));
        }
        *self = items;
        Ok(())
    }

    fn set_value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Null => *self = Vec::new(),
            Value::Array(items) => {
                *self = items.iter().map(|item| scalar(item).map(T::read)).collect::<Result<_, _>>()?;
            }
            Value::String(text) => self.set_texts(std::slice::from_ref(text))?,
            Value::Bool(_) | Value::Number(_) => *self = vec![T::read(scalar(value)?)],
            Value::Object(_) => return Err("a list".into()),
        }
        Ok(())
    }

    fn text(&self) -> String {
        self.iter().filter_map(Item::show).map(|item| quote(&item)).collect::<Vec<_>>().join(",")
    }

    fn json(&self) -> Value {
        self.iter().filter_map(Item::show).map(Value::String).collect()
    }
}

/// The value of a map's entry.
trait Entry: Sized {
    fn read(value: &Value) -> Result<Self, String>;
    fn show(&self) -> Value;
}

impl Entry for String {
    fn read(value: &Value) -> Result<Self, String> {
        scalar(value)
    }

    fn show(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Entry for Vec<String> {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Array(items) => items.iter().map(scalar).collect(),
            Value::Null => Ok(Self::new()),
            single => Ok(vec![scalar(single)?]),
        }
    }

    fn show(&self) -> Value {
        Value::from(self.clone())
    }
}

impl<T: Entry> Setting for BTreeMap<String, T> {
    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        let text = super::last(texts);
        if text.is_empty() {
            self.clear();
            return Ok(());
        }
        let value = serde_json::from_str::<Value>(text)
            .map_err(|_| "a JSON object such as {\"name\": \"value\"}".to_owned())?;
        self.set_value(&value)
    }

    fn set_value(&mut self, value: &Value) -> Result<(), String> {
        *self = match value {
            Value::Null => Self::new(),
            Value::Object(entries) => entries
                .iter()
                .map(|(key, value)| T::read(value).map(|value| (key.clone(), value)))
                .collect::<Result<_, _>>()?,
            Value::String(text) => return self.set_texts(std::slice::from_ref(text)),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return Err("a map of names to values".into());
            }
        };
        Ok(())
    }

    fn text(&self) -> String {
        self.json().to_string()
    }

    fn json(&self) -> Value {
        self.iter().map(|(key, value)| (key.clone(), value.show())).collect()
    }
}

fn scalar(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err("plain values inside".into()),
    }
}

/// Takes a comma separated text apart; an item with commas stands in double quotes, a quote inside is doubled.
fn split(text: &str) -> Result<Vec<String>, String> {
    let (mut items, mut item, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                item.push('"');
                letters.next();
            }
            '"' if quoted || item.trim().is_empty() => quoted = !quoted,
            ',' if !quoted => items.push(std::mem::take(&mut item)),
            other => item.push(other),
        }
    }
    if quoted {
        return Err("a comma separated list whose quotes are closed".into());
    }
    items.push(item);
    Ok(items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
}

fn quote(item: &str) -> String {
    if item.contains([',', '"']) { format!("\"{}\"", item.replace('"', "\"\"")) } else { item.to_owned() }
}
