//! The environment of Terraform and of all it starts.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use warren_build_proto::NamedValue;

/// What Terraform's processes see.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    variables: Vec<(OsString, OsString)>,
    /// What the build's log should say about the server's own variables.
    pub(crate) notices: Vec<String>,
}

/// Variables of the host that show their value in the log.
const SHOWN: [&str; 8] = [
    "TF_LOG",
    "TF_LOG_PATH",
    "TF_INPUT",
    "TF_IN_AUTOMATION",
    "TF_REGISTRY_DISCOVERY_RETRY",
    "TF_REGISTRY_CLIENT_TIMEOUT",
    "TF_CLI_CONFIG_FILE",
    "TF_IGNORE",
];
/// Variables of the host that would make Terraform look for its files elsewhere.
const REFUSED: [&str; 4] = ["TF_DATA_DIR", "TF_WORKSPACE", "TF_REATTACH_PROVIDERS", "TF_PLUGIN_CACHE_DIR"];

/// What Warren itself adds.
#[derive(Debug)]
pub(crate) struct Additions<'a> {
    pub(crate) reattach: String,
    pub(crate) plugin_cache: &'a Path,
    /// Where process workspaces keep their homes.
    pub(crate) process_root: &'a Path,
    pub(crate) variables: &'a [NamedValue],
}

impl Environment {
    /// Starts from the server's environment. Its own settings (`CODER_*`, `WARREN_*`) are no business of a
    /// template; values of the build reach the provider by memory instead.
    pub(crate) fn new(
        host: impl IntoIterator<Item = (OsString, OsString)>,
        additions: &Additions<'_>,
    ) -> Self {
        let mut variables = vec![];
        let mut notices = vec![];
        for (name, value) in host {
            let text = name.to_string_lossy().into_owned();
            if text.starts_with("CODER_") || text.starts_with("WARREN_") || REFUSED.contains(&text.as_str()) {
                continue;
            }
            if text == "TF_CLI_CONFIG_FILE" && !Path::new(&value).exists() {
                let file = value.to_string_lossy();
                notices.push(format!("ignoring TF_CLI_CONFIG_FILE: there is no file {file}"));
                continue;
            }
            if text.starts_with("TF_") {
                notices.push(format!("terraform environment variable: {text}={}", shown(&text, &value)));
            }
            variables.push((name, value));
        }
        let own = [
            ("TF_REATTACH_PROVIDERS", OsString::from(&additions.reattach)),
            ("TF_PLUGIN_CACHE_DIR", additions.plugin_cache.into()),
            ("WARREN_PROCESS_ROOT", additions.process_root.into()),
            // Terraform would ask its maker for news otherwise.
            ("CHECKPOINT_DISABLE", "1".into()),
        ];
        variables.extend(own.map(|(name, value)| (name.into(), value)));
        let given = additions.variables.iter();
        variables.extend(
            given.map(|given| (format!("TF_VAR_{}", given.name).into(), given.value.expose().into())),
        );
        Self { variables, notices }
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

fn shown(name: &str, value: &OsStr) -> String {
    if SHOWN.contains(&name) { value.to_string_lossy().into_owned() } else { "<value redacted>".to_owned() }
}

#[cfg(test)]
mod tests {
    use warren_build_proto::SecretText;

    use super::*;

    fn environment(host: &[(&str, &str)]) -> Environment {
        let variables = [NamedValue { name: "region".into(), value: SecretText::new("eu") }];
        let additions = Additions {
            reattach: "{}".into(),
            plugin_cache: Path::new("/cache"),
            process_root: Path::new("/workspaces"),
            variables: &variables,
        };
        Environment::new(host.iter().map(|(name, value)| (name.into(), value.into())), &additions)
    }

    fn get(environment: &Environment, wanted: &str) -> Option<String> {
        let found = environment.variables().filter(|(name, _)| *name == wanted).last();
        found.map(|(_, value)| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_servers_own_settings_do_not_leak() {
        let host = [
            ("CODER_PG_CONNECTION_URL", "secret"),
            ("WARREN_KEY", "secret"),
            ("TF_WORKSPACE", "other"),
            ("AWS_REGION", "eu"),
            ("TF_REATTACH_PROVIDERS", "foreign"),
        ];
        let environment = environment(&host);
        for name in ["CODER_PG_CONNECTION_URL", "WARREN_KEY", "TF_WORKSPACE"] {
            assert_eq!(get(&environment, name), None, "{name}");
        }
        assert!(environment.variables().all(|(name, _)| !name.to_str().unwrap().starts_with("CODER_")));
        assert_eq!(get(&environment, "AWS_REGION").as_deref(), Some("eu"));
        assert_eq!(get(&environment, "TF_REATTACH_PROVIDERS").as_deref(), Some("{}"));
        assert_eq!(get(&environment, "TF_VAR_region").as_deref(), Some("eu"));
    }

    #[test]
    fn terraforms_variables_are_listed_with_secrets_hidden() {
        let environment = environment(&[("TF_TOKEN_app", "secret"), ("TF_LOG", "JSON")]);
        assert_eq!(
            environment.notices,
            [
                "terraform environment variable: TF_TOKEN_app=<value redacted>",
                "terraform environment variable: TF_LOG=JSON",
            ]
        );
    }

    #[test]
    fn a_configuration_file_that_does_not_exist_is_ignored() {
        let environment = environment(&[("TF_CLI_CONFIG_FILE", "/nowhere/terraformrc")]);
        assert_eq!(get(&environment, "TF_CLI_CONFIG_FILE"), None);
        assert!(environment.notices[0].contains("/nowhere/terraformrc"));
    }
}
