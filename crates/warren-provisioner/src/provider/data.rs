//! Reading the provider's data sources.

use uuid::Uuid;
use warren_build_proto::WorkspaceMetadata;
use warren_vocab::Transition;

use super::Session;
use crate::{
    parameter,
    schema::{Finding, Schema, complete},
    value::Value,
};

/// Reads a data source.
///
/// # Errors
/// A finding for the template's author or the workspace's owner.
pub(crate) fn read(
    schema: &Schema,
    config: &Value,
    session: &Session,
    access_url: &str,
) -> Result<Value, Finding> {
    let mut state = complete(&schema.block, config, &Value::Null);
    if state.get("id").is_null() {
        state.set("id", Uuid::new_v4().to_string());
    }
    match schema.name {
        "coder_workspace" => workspace(&mut state, &session.metadata, access_url),
        "coder_workspace_owner" => owner(&mut state, &session.metadata),
        "coder_provisioner" => provisioner(&mut state),
        "coder_parameter" => parameter::read(&mut state, session)?,
        // A preset's id is its name; nobody acts upon it yet.
        "coder_workspace_preset" => {
            let name = state.get("name").clone();
            state.set("id", name);
        }
        name => return Err(Finding::error(format!("{name} is not supported yet"))),
    }
    Ok(state)
}

fn workspace(state: &mut Value, metadata: &WorkspaceMetadata, access_url: &str) {
    let port = url::Url::parse(access_url).ok().and_then(|url| url.port_or_known_default()).unwrap_or(80);
    let (transition, start_count) = match metadata.transition {
        Transition::Start => ("start", 1),
        Transition::Stop => ("stop", 0),
        Transition::Delete => ("destroy", 0),
    };
    if let Some(workspace) = &metadata.workspace {
        state.set("id", workspace.id.to_string());
    }
    state.set("name", metadata.workspace.as_ref().map_or("default", |workspace| &workspace.name));
    state.set("access_url", access_url);
    state.set("access_port", i64::from(port));
    state.set("transition", transition);
    state.set("start_count", start_count);
    state.set("prebuild_count", 0);
    state.set("is_prebuild", false);
    state.set("is_prebuild_claim", false);
    let template = metadata.template.as_ref();
    state.set("template_id", template.map(|template| template.id.to_string()).unwrap_or_default());
    state.set("template_name", template.map_or("", |template| &template.name));
    state.set("template_version", template.map_or("", |template| &template.version));
}

fn owner(state: &mut Value, metadata: &WorkspaceMetadata) {
    let owner = &metadata.owner;
    let or = |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
    if let Some(id) = owner.id {
        state.set("id", id.to_string());
    }
    state.set("name", or(&owner.name, "default"));
    state.set("full_name", or(&owner.full_name, "default"));
    state.set("email", or(&owner.email, "default@example.com"));
    state.set("login_type", owner.login_type.as_str());
    state.set("ssh_public_key", owner.ssh_public_key.as_str());
    state.set("ssh_private_key", owner.ssh_private_key.expose());
    state.set("session_token", owner.session_token.expose());
    state.set("oidc_access_token", owner.oidc_access_token.expose());
    state.set("groups", Value::texts(owner.groups.iter().map(String::as_str)));
    let role = |role: &warren_build_proto::RoleMetadata| {
        Value::object([("name", role.name.as_str().into()), ("org_id", role.org_id.as_str().into())])
    };
    state.set("rbac_roles", Value::List(owner.roles.iter().map(role).collect()));
}

fn provisioner(state: &mut Value) {
    // Templates compare these with the names that Go gives to systems and architectures.
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "armv7",
        other => other,
    };
    state.set("os", os);
    state.set("arch", arch);
}
