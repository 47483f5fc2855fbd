//! What the provider knows about the build it serves.

use std::collections::BTreeMap;

use warren_build_proto::{NamedValue, WorkspaceMetadata};

/// The values of one build.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) metadata: WorkspaceMetadata,
    parameters: BTreeMap<String, String>,
    previous_parameters: BTreeMap<String, String>,
}

impl Session {
    pub(crate) fn new(
        metadata: WorkspaceMetadata,
        parameters: &[NamedValue],
        previous: &[NamedValue],
    ) -> Self {
        let map = |values: &[NamedValue]| {
            values.iter().map(|value| (value.name.clone(), value.value.expose().to_owned())).collect()
        };
        Self { metadata, parameters: map(parameters), previous_parameters: map(previous) }
    }

    /// The value that the user gave to a parameter; an empty one counts.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The parameter's value in the build before.
    pub(crate) fn previous_parameter(&self, name: &str) -> Option<&str> {
        self.previous_parameters.get(name).map(String::as_str)
    }

    /// The script that starts an agent, ready to run.
    pub(crate) fn agent_script(&self, os: &str, arch: &str, auth: &str, access_url: &str) -> String {
        let key = (os.to_owned(), arch.to_owned());
        let Some(script) = self.metadata.agent_scripts.0.get(&key) else { return String::new() };
        script.replace("${ACCESS_URL}", &with_slash(access_url)).replace("${AUTH_TYPE}", auth)
    }
}

fn with_slash(url: &str) -> String {
    match url::Url::parse(url).and_then(|url| url.join("/")) {
        Ok(url) => url.to_string(),
        Err(_) => url.to_owned(),
    }
}
