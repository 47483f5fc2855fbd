//! The configuration file: YAML, whose keys are those of the table.

use std::{fs, path::Path};

use serde_json::Value;

use super::ConfigError;
use crate::{
    nearest::nearest,
    options::{Opt, options},
    source::Source,
    tree::ServerConfig,
};

pub(super) fn apply(path: &Path, config: &mut ServerConfig) -> Result<(), ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|reason| ConfigError::Unreadable { file: path.to_owned(), reason })?;
    let syntax = |reason: String| ConfigError::Syntax { file: path.to_owned(), reason };
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(());
    }
    let value: Value = serde_saphyr::from_str(&text).map_err(|error| syntax(one_line(&error.to_string())))?;
    match value {
        Value::Null => Ok(()),
        Value::Object(_) => Reader { path, config }.group("", &value),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(syntax("it must have keys at the top".into()))
        }
    }
}

struct Reader<'a> {
    path: &'a Path,
    config: &'a mut ServerConfig,
}

impl Reader<'_> {
    fn group(&mut self, prefix: &str, value: &Value) -> Result<(), ConfigError> {
        for (name, value) in value.as_object().into_iter().flatten() {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let within = format!("{key}.");
            if let Some(option) = options().find(|option| option.yaml == key) {
                self.value(option, value)?;
            } else if options().any(|option| option.yaml.starts_with(&within)) {
                match value {
                    Value::Object(_) => self.group(&key, value)?,
                    Value::Null => {}
                    Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                        return Err(self.wrong(&key, value, "a group of keys".into()));
                    }
                }
            } else {
                return Err(self.unknown(&key));
            }
        }
        Ok(())
    }

    fn value(&mut self, option: &'static Opt, value: &Value) -> Result<(), ConfigError> {
        // A key without a value, as in a template to fill in, leaves the default.
        if value.is_null() {
            return Ok(());
        }
        let outcome = (option.field.get_mut)(self.config).set_value(value);
        outcome.map_err(|expected| self.wrong(option.yaml, value, expected))?;
        self.config.sources.set(option.flag, Source::File);
        Ok(())
    }

    fn wrong(&self, key: &str, value: &Value, expected: String) -> ConfigError {
        let origin = format!("{key} in {}", self.path.display());
        ConfigError::Value { origin, value: value.to_string(), expected }
    }

    fn unknown(&self, key: &str) -> ConfigError {
        let hint = match hint(key) {
            Some(hint) => hint,
            None => "remove it; docs/configuration.md lists the keys".to_owned(),
        };
        ConfigError::UnknownKey { file: self.path.to_owned(), key: key.to_owned(), hint }
    }
}

fn hint(key: &str) -> Option<String> {
    // Secrets are looked for first: their names are near the ones of plain keys.
    let letters = |text: &str| text.replace(['-', '.', '_'], "").to_ascii_lowercase();
    let secret = options().find(|option| option.is_secret() && letters(option.flag).ends_with(&letters(key)));
    if let Some(option) = secret {
        return Some(format!("secrets are not taken from files, set WARREN_{}", option.env));
    }
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let keys = || options().map(|option| option.yaml).filter(|yaml| !yaml.is_empty());
    let moved = || keys().find(|yaml| last(yaml) == last(key));
    nearest(key, keys()).or_else(moved).map(|known| format!("did you mean {known}?"))
}

fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
