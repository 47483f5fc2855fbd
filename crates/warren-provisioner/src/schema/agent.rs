//! The table of `coder_agent`.

use super::{
    Attribute, Finding, ID, Literal, Rule, Schema, Step, Type, block, check::repeated, computed, list,
    optional, required, resource, set,
};
use crate::value::Value;

pub(super) const SCHEMAS: &[Schema] =
    &[resource("coder_agent", block(AGENT, &[METADATA, DISPLAY_APPS, MONITORING])).check(check)];

const AGENT: &[Attribute] = &[
    ID,
    required("arch", Type::Str).rules(&[Rule::OneOf(&["amd64", "armv7", "arm64"])]),
    required("os", Type::Str).rules(&[Rule::OneOf(&["linux", "darwin", "windows"])]),
    optional("auth", Type::Str).default(Literal::Str("token")).rules(&[Rule::OneOf(&[
        "token",
        "google-instance-identity",
        "aws-instance-identity",
        "azure-instance-identity",
    ])]),
    optional("api_key_scope", Type::Str)
        .default(Literal::Str("all"))
        .rules(&[Rule::OneOf(&["all", "no_user_data"])]),
    optional("dir", Type::Str),
    optional("env", Type::MapOfStr),
    optional("startup_script", Type::Str),
    optional("shutdown_script", Type::Str),
    optional("startup_script_behavior", Type::Str)
        .default(Literal::Str("non-blocking"))
        .rules(&[Rule::OneOf(&["non-blocking", "blocking"])]),
    optional("connection_timeout", Type::Number)
        .default(Literal::Int(120))
        .rules(&[Rule::Range(0, i64::MAX)]),
    optional("troubleshooting_url", Type::Str),
    optional("motd_file", Type::Str),
    optional("order", Type::Number),
    computed("token", Type::Str).sensitive(),
    computed("init_script", Type::Str),
];

const METADATA: super::Nested = list(
    "metadata",
    0,
    block(
        &[
            required("key", Type::Str),
            optional("display_name", Type::Str),
            required("script", Type::Str),
            optional("timeout", Type::Number),
            required("interval", Type::Number),
            optional("order", Type::Number),
        ],
        &[],
    ),
);

const DISPLAY_APPS: super::Nested = set(
    "display_apps",
    1,
    block(
        &[
            optional("vscode", Type::Bool).default(Literal::Bool(true)),
            optional("vscode_insiders", Type::Bool).default(Literal::Bool(false)),
            optional("web_terminal", Type::Bool).default(Literal::Bool(true)),
            optional("port_forwarding_helper", Type::Bool).default(Literal::Bool(true)),
            optional("ssh_helper", Type::Bool).default(Literal::Bool(true)),
        ],
        &[],
    ),
)
.computed();

const MONITORING: super::Nested = set(
    "resources_monitoring",
    1,
    block(
        &[],
        &[
            set("memory", 1, block(&[required("enabled", Type::Bool), THRESHOLD], &[])),
            set(
                "volume",
                0,
                block(
                    &[
                        required("path", Type::Str).rules(&[Rule::AbsolutePath]),
                        required("enabled", Type::Bool),
                        THRESHOLD,
                    ],
                    &[],
                ),
            ),
        ],
    ),
);

const THRESHOLD: Attribute = required("threshold", Type::Number).rules(&[Rule::Range(0, 100)]);

fn check(agent: &Value) -> Vec<Finding> {
    let mut findings = vec![];
    if let Some(key) = repeated(agent.get("metadata").items(), "key") {
        findings.push(Finding::error(format!("duplicate agent metadata key {key:?}")).at("metadata"));
    }
    for monitoring in agent.get("resources_monitoring").items() {
        let (memory, volume) = (monitoring.get("memory"), monitoring.get("volume"));
        if memory.items().is_empty() && volume.items().is_empty() && !monitoring.has_unknown() {
            let text = "resources_monitoring must define at least one monitor";
            findings.push(Finding::error(text).at("resources_monitoring"));
        }
        if let Some(path) = repeated(volume.items(), "path") {
            let finding = Finding::error(format!("duplicate volume path {path:?}"));
            findings.push(finding.at("resources_monitoring"));
        }
    }
    if let Some(dir) = agent.get("dir").as_str()
        && !matches!(dir, "" | "$HOME" | "~")
    {
        let text = "the agent's \"dir\" is deprecated; let scripts change the directory themselves";
        findings.push(Finding { path: vec![Step::Name("dir".into())], ..Finding::warning(text) });
    }
    findings
}
