//! Types that templates may name but that Warren does not act upon yet.

use super::{
    Attribute, ID, Literal, Mode, Rule, Schema, Support, Type, attribute, block, computed, data, list,
    optional, required, resource, set,
};

pub(super) const SCHEMAS: &[Schema] = &[
    refused(resource("coder_agent_instance", block(AGENT_INSTANCE, &[])).version(0)),
    refused(resource("coder_external_agent", block(&[ID, required("agent_id", Type::Str)], &[]))),
    refused(resource("coder_devcontainer", block(DEVCONTAINER, &[]))),
    refused(resource("coder_ai_task", block(AI_TASK, &[SIDEBAR_APP]))),
    refused(data("coder_workspace_tags", block(&[ID, required("tags", Type::MapOfStr)], &[]))),
    refused(data("coder_external_auth", block(EXTERNAL_AUTH, &[]))),
    refused(data("coder_task", block(TASK, &[])).version(0)),
    refused(data("coder_secret", block(SECRET, &[]))),
    data("coder_workspace_preset", block(PRESET, &[PREBUILDS])).support(Support::Ignored),
];

const fn refused(schema: Schema) -> Schema {
    schema.support(Support::Refused)
}

const AGENT_INSTANCE: &[Attribute] =
    &[ID, required("agent_id", Type::Str), required("instance_id", Type::Str)];

const DEVCONTAINER: &[Attribute] = &[
    ID,
    required("agent_id", Type::Str),
    required("workspace_folder", Type::Str).rules(&[Rule::NotEmpty]),
    optional("config_path", Type::Str),
    computed("subagent_id", Type::Str),
];

const AI_TASK: &[Attribute] = &[
    ID,
    attribute("app_id", Type::Str, Mode::OptionalComputed).rules(&[Rule::Uuid]),
    computed("prompt", Type::Str),
    computed("enabled", Type::Bool),
];

const SIDEBAR_APP: super::Nested =
    set("sidebar_app", 1, block(&[required("id", Type::Str).rules(&[Rule::Uuid])], &[]));

const EXTERNAL_AUTH: &[Attribute] = &[
    required("id", Type::Str),
    optional("optional", Type::Bool).default(Literal::Bool(false)),
    computed("access_token", Type::Str).sensitive(),
];

const TASK: &[Attribute] = &[ID, computed("prompt", Type::Str), computed("enabled", Type::Bool)];

const SECRET: &[Attribute] = &[
    ID,
    optional("env", Type::Str),
    optional("file", Type::Str),
    required("help_message", Type::Str),
    computed("value", Type::Str).sensitive(),
];

const PRESET: &[Attribute] = &[
    ID,
    required("name", Type::Str).rules(&[Rule::NotEmpty]),
    optional("description", Type::Str).rules(&[Rule::MaxBytes(128)]),
    optional("icon", Type::Str).rules(&[Rule::MaxBytes(256), Rule::Icon]),
    optional("default", Type::Bool).default(Literal::Bool(false)),
    optional("parameters", Type::MapOfStr),
];

const PREBUILDS: super::Nested = set(
    "prebuilds",
    1,
    block(
        &[required("instances", Type::Number).rules(&[Rule::Range(0, i32::MAX as i64)])],
        &[
            set("expiration_policy", 1, block(&[required("ttl", Type::Number)], &[])),
            list("scheduling", 1, block(&[required("timezone", Type::Str)], &[SCHEDULE.at_least_one()])),
        ],
    ),
);

const SCHEDULE: super::Nested =
    list("schedule", 0, block(&[required("cron", Type::Str), required("instances", Type::Number)], &[]));
