//! The kinds of values that options have: how each is read from a text or a file, and shown.

mod lists;
mod scalars;
mod words;

use serde_json::Value;

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Switch,
    Number,
    Duration,
    Text,
    Url,
    Address,
    Path,
    /// One of some words.
    Word,
    List,
    Map,
    Secret,
    SecretList,
}

/// A value of the tree that an option sets.
pub trait Setting {
    /// Returns what it looks like.
    fn kind(&self) -> Kind;

    /// Takes the texts of a flag's occurrences, or the one of a variable. A single value takes the last.
    ///
    /// # Errors
    /// With what is expected instead.
    fn set_texts(&mut self, texts: &[String]) -> Result<(), String>;

    /// Takes a value of a configuration file.
    ///
    /// # Errors
    /// With what is expected instead.
    fn set_value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Null => Ok(()),
            Value::String(text) => self.set_texts(std::slice::from_ref(text)),
            Value::Bool(_) | Value::Number(_) => self.set_texts(&[value.to_string()]),
            Value::Array(_) => Err("a single value".into()),
            Value::Object(_) => Err("a single value".into()),
        }
    }

    /// Returns the value as one would write it on the command line; empty for nothing and for secrets.
    fn text(&self) -> String;

    /// Returns the value as the API shows it; secrets are empty.
    fn json(&self) -> Value {
        Value::String(self.text())
    }

    /// Returns the words that a [`Kind::Word`] may be.
    fn words(&self) -> &'static [&'static str] {
        &[]
    }
}

impl Kind {
    /// Whether the value must not be shown.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::SecretList)
    }

    /// Names the kind for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Number => "number",
            Self::Duration => "duration",
            Self::Text | Self::Word => "text",
            Self::Url => "URL",
            Self::Address => "address",
            Self::Path => "path",
            Self::List => "list",
            Self::Map => "map",
            Self::Secret => "secret",
            Self::SecretList => "list of secrets",
        }
    }
}

fn last(texts: &[String]) -> &str {
    texts.last().map(|text| text.trim()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
