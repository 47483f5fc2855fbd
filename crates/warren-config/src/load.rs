//! From flags, environment and file to the tree. A flag wins over a variable, a variable over the file.

mod environment;
mod file;

use std::{collections::BTreeMap, io, path::PathBuf};

use crate::{
    options::{Opt, options},
    source::Source,
    tree::ServerConfig,
};

/// What a process was given.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The texts of each flag that was used, by name without dashes.
    pub flags: BTreeMap<String, Vec<String>>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The configuration file that a flag names.
    pub file: Option<PathBuf>,
}

/// Why the settings cannot be used; each text is one sentence for whoever starts the server.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{origin} is set to {value}, which is not {expected}")]
    Value { origin: String, value: String, expected: String },
    #[error("the environment variable {name} is no option of the server; {hint}")]
    UnknownVariable { name: String, hint: String },
    #[error("{} has the unknown key {key}; {hint}", file.display())]
    UnknownKey { file: PathBuf, key: String, hint: String },
    #[error("the configuration file {} cannot be read: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: io::Error },
    #[error("the configuration file {} is not YAML: {reason}", file.display())]
    Syntax { file: PathBuf, reason: String },
    #[error("HOME is not set; name a directory with --data-dir")]
    NoHome,
}

/// Puts the settings together.
///
/// # Errors
/// When a value cannot be used, a key is unknown, or the file cannot be read.
pub fn load(inputs: &Inputs) -> Result<ServerConfig, ConfigError> {
    let mut config = ServerConfig::default();
    environment::refuse_unknown(&inputs.env)?;
    let path =
        inputs.file.clone().or_else(|| environment::get(&inputs.env, FILE).map(|(_, path)| path.into()));
    if let Some(path) = path {
        file::apply(&path, &mut config)?;
    }
    for option in options() {
        if let Some((name, text)) = environment::get(&inputs.env, option.env) {
            set(&mut config, option, &name, Source::Env, &[text.to_owned()])?;
        }
        if let Some(texts) = inputs.flags.get(option.flag) {
            set(&mut config, option, &format!("--{}", option.flag), Source::Flag, texts)?;
        }
    }
    if config.database.data_dir.as_os_str().is_empty() {
        config.database.data_dir = environment::data_dir(&inputs.env).ok_or(ConfigError::NoHome)?;
    }
    Ok(config)
}

/// The variable that names the file.
pub(crate) const FILE: &str = "CONFIG_PATH";

fn set(
    config: &mut ServerConfig,
    option: &'static Opt,
    origin: &str,
    source: Source,
    texts: &[String],
) -> Result<(), ConfigError> {
    (option.field.get_mut)(config).set_texts(texts).map_err(|expected| {
        let value = if option.is_secret() { "a secret".to_owned() } else { format!("{:?}", texts.join(",")) };
        ConfigError::Value { origin: origin.to_owned(), value, expected }
    })?;
    config.sources.set(option.flag, source);
    Ok(())
}

#[cfg(test)]
mod tests;
