//! The options with their values in force, for the API. Secrets are empty.

use serde_json::{Map, Value};

use crate::{
    options::{Group, Opt, options},
    source::Source,
    tree::ServerConfig,
};

/// One option with its value in force.
#[derive(Debug, Clone)]
pub struct OptionReport {
    pub name: &'static str,
    pub description: &'static str,
    pub group: Group,
    /// Without the dashes.
    pub flag: &'static str,
    /// The compatible name of the variable.
    pub env: String,
    /// The last part of the key in the file; empty for secrets.
    pub yaml: &'static str,
    pub default: String,
    /// Empty for secrets.
    pub value: Value,
    pub source: Source,
    pub hidden: bool,
    pub secret: bool,
}

/// Lists every option with the value that it has.
pub fn report(config: &ServerConfig) -> Vec<OptionReport> {
    options().map(|option| report_of(option, config)).collect()
}

/// Returns the values in force as the nested `config` object of the API.
pub fn values(config: &ServerConfig) -> Value {
    let mut root = Map::new();
    for option in options().filter(|option| !option.wire.is_empty()) {
        put(&mut root, option.wire, (option.field.get)(config).json());
    }
    Value::Object(root)
}

fn report_of(option: &'static Opt, config: &ServerConfig) -> OptionReport {
    OptionReport {
        name: option.name,
        description: option.about,
        group: option.group,
        flag: option.flag,
        env: format!("CODER_{}", option.env),
        yaml: option.yaml.rsplit('.').next().unwrap_or_default(),
        default: option.default(),
        value: (option.field.get)(config).json(),
        source: config.sources.of(option.flag),
        hidden: option.hidden,
        secret: option.is_secret(),
    }
}

fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((name, rest)) => {
            let inner = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use warren_rt::Secret;

    use super::*;

    #[test]
    fn values_are_nested_and_secrets_are_empty() {
        let mut config = ServerConfig::default();
        config.oidc.client_secret = Secret::new("hunter2".into());
        config.external_token_encryption_keys = vec![Secret::new("hunter2".into())];
        config.database.postgres_url = Secret::new("postgres://u:hunter2@h/d".into());
        let values = values(&config);
        assert_eq!(values["oauth2"]["github"]["allow_everyone"], false);
        assert_eq!(values["session_lifetime"]["default_duration"], 86_400_000_000_000_u64);
        assert_eq!(values["oidc"]["client_secret"], "");
        assert!(!values.to_string().contains("hunter2"));
        let reports = report(&config);
        assert!(!format!("{reports:?}").contains("hunter2"));
        let secret = reports.iter().find(|report| report.flag == "oidc-client-secret").unwrap();
        assert!(secret.secret && secret.value == "");
        assert_eq!(secret.env, "CODER_OIDC_CLIENT_SECRET");
    }
}
