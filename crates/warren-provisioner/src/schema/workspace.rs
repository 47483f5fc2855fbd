//! The tables of the data sources about the workspace, its owner and the provisioner's machine.

use super::{Attribute, ID, Schema, Type, block, computed, data};

pub(super) const SCHEMAS: &[Schema] = &[
    data("coder_workspace", block(WORKSPACE, &[])),
    data("coder_workspace_owner", block(OWNER, &[])).version(0),
    data("coder_provisioner", block(PROVISIONER, &[])),
];

const WORKSPACE: &[Attribute] = &[
    ID,
    computed("access_url", Type::Str),
    computed("access_port", Type::Number),
    computed("name", Type::Str),
    computed("start_count", Type::Number),
    computed("prebuild_count", Type::Number),
    computed("is_prebuild", Type::Bool),
    computed("is_prebuild_claim", Type::Bool),
    computed("transition", Type::Str),
    computed("template_id", Type::Str),
    computed("template_name", Type::Str),
    computed("template_version", Type::Str),
];

const OWNER: &[Attribute] = &[
    ID,
    computed("name", Type::Str),
    computed("full_name", Type::Str),
    computed("email", Type::Str),
    computed("ssh_public_key", Type::Str),
    computed("ssh_private_key", Type::Str).sensitive(),
    computed("groups", Type::ListOfStr),
    computed("session_token", Type::Str).sensitive(),
    computed("oidc_access_token", Type::Str).sensitive(),
    computed("login_type", Type::Str),
    computed("rbac_roles", Type::ListOfRoles),
];

const PROVISIONER: &[Attribute] = &[ID, computed("os", Type::Str), computed("arch", Type::Str)];
