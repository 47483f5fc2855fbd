//! The environment of sessions, scripts and processes.
//!
//! Owns which variable wins over which. Pure: reads no process state and starts nothing.

use std::collections::BTreeMap;

use warren_wire::agent::Manifest;

/// Variables by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// What an environment is made of, besides the variables that a session asks for.
pub(crate) struct Sources<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) token: &'a str,
    pub(crate) server_url: &'a str,
    /// Variables of the agent process.
    pub(crate) process: &'a Variables,
    pub(crate) user: &'a str,
    pub(crate) home: &'a str,
    pub(crate) shell: &'a str,
    /// Directory of the agent's own executable, put at the end of `PATH`.
    pub(crate) executable_dir: &'a str,
    /// Directory of executables that scripts install, put at the front of `PATH`.
    pub(crate) script_bin_dir: &'a str,
}

/// Builds the environment; later steps win over earlier ones except where said.
///
/// 1. What identifies the workspace; 2. the agent process's and then the session's variables, only under names that
///    step 1 did not set; 3. the template's variables with `$NAME` expanded; 4. `PATH` with our directories.
pub(crate) fn build(
    sources: &Sources<'_>,
    requested: impl IntoIterator<Item = (String, String)>,
) -> Variables {
    let identity = identity(sources);
    let mut variables = Variables::new();
    variables.insert("USER".into(), sources.user.into());
    variables.insert("LOGNAME".into(), sources.user.into());
    variables.insert("HOME".into(), sources.home.into());
    variables.insert("SHELL".into(), sources.shell.into());
    variables.extend(sources.process.clone());
    variables.extend(requested);
    variables.remove("CODER_SSH_SESSION_TYPE");
    variables.extend(identity);
    for (name, value) in &sources.manifest.environment_variables {
        let expanded = expand(value, &variables);
        variables.insert(name.clone(), expanded);
    }
    let path = path(variables.get("PATH"), sources);
    variables.insert("PATH".into(), path);
    variables
}

/// Replaces `$NAME` and `${NAME}` by the variable's value, an unknown name by nothing.
pub(crate) fn expand(text: &str, variables: &Variables) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, after) = split_name(rest);
        match name {
            Some(name) => out.push_str(variables.get(name).map_or("", String::as_str)),
            None => out.push('$'),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Expands `~` at the start of a path, and variables anywhere in it.
pub(crate) fn expand_path(text: &str, home: &str, variables: &Variables) -> String {
    let expanded = expand(text, variables);
    if expanded == "~" {
        return home.to_owned();
    }
    match expanded.strip_prefix("~/") {
        Some(rest) => format!("{}/{rest}", home.trim_end_matches('/')),
        None => expanded,
    }
}

fn identity(sources: &Sources<'_>) -> Variables {
    let manifest = sources.manifest;
    let mut variables = Variables::from([
        ("CODER".into(), "true".into()),
        ("CODER_WORKSPACE_NAME".into(), manifest.workspace_name.clone()),
        ("CODER_WORKSPACE_AGENT_NAME".into(), manifest.agent_name.clone()),
        ("CODER_WORKSPACE_OWNER_NAME".into(), manifest.owner_username.clone()),
        ("CODER_WORKSPACE_ID".into(), manifest.workspace_id.to_string()),
        ("CODER_AGENT_TOKEN".into(), sources.token.into()),
        ("CODER_AGENT_URL".into(), sources.server_url.into()),
        ("CS_DISABLE_GETTING_STARTED_OVERRIDE".into(), "true".into()),
    ]);
    if !manifest.vs_code_port_proxy_uri.is_empty() {
        variables.insert("VSCODE_PROXY_URI".into(), manifest.vs_code_port_proxy_uri.clone());
    }
    variables
}

fn path(inherited: Option<&String>, sources: &Sources<'_>) -> String {
    let inherited =
        inherited.map_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", String::as_str);
    let parts = [sources.script_bin_dir, inherited, sources.executable_dir];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(":")
}

/// Splits the name of a variable off what follows a `$`.
fn split_name(rest: &str) -> (Option<&str>, &str) {
    if let Some(braced) = rest.strip_prefix('{')
        && let Some(end) = braced.find('}')
    {
        return (Some(&braced[..end]), &braced[end + 1..]);
    }
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
        return (None, rest);
    }
    (Some(&rest[..end]), &rest[end..])
}

#[cfg(test)]
mod tests;
