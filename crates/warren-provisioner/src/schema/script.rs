//! The tables of `coder_script` and `coder_env`.

use super::{Attribute, Finding, ID, Literal, Rule, Schema, Type, block, optional, required, resource};
use crate::value::Value;

pub(super) const SCHEMAS: &[Schema] = &[
    resource("coder_script", block(SCRIPT, &[])).check(check_script),
    resource("coder_env", block(ENV, &[])),
];

const SCRIPT: &[Attribute] = &[
    ID,
    required("agent_id", Type::Str),
    required("display_name", Type::Str),
    required("script", Type::Str),
    optional("icon", Type::Str).rules(&[Rule::Icon]),
    optional("log_path", Type::Str),
    optional("cron", Type::Str),
    optional("start_blocks_login", Type::Bool).default(Literal::Bool(false)),
    optional("run_on_start", Type::Bool).default(Literal::Bool(false)),
    optional("run_on_stop", Type::Bool).default(Literal::Bool(false)),
    // Zero, the value of a timeout that is not set, can only come from the default.
    optional("timeout", Type::Number).default(Literal::Int(0)).rules(&[Rule::Range(0, i32::MAX as i64)]),
];

const ENV: &[Attribute] = &[
    ID,
    required("agent_id", Type::Str),
    required("name", Type::Str).rules(&[Rule::Pattern("^[a-zA-Z_][a-zA-Z0-9_]*$")]),
    optional("value", Type::Str),
    optional("merge_strategy", Type::Str)
        .default(Literal::Str("replace"))
        .rules(&[Rule::OneOf(&["replace", "append", "prepend", "error"])]),
];

fn check_script(script: &Value) -> Vec<Finding> {
    let mut findings = cron(script.get("cron"));
    let on = |name: &str| script.get(name).as_bool();
    let off = |name: &str| matches!(on(name), None | Some(false)) && !script.get(name).is_unknown();
    let no_cron = script.get("cron").is_null() || script.get("cron").as_str() == Some("");
    if off("run_on_start") && off("run_on_stop") && no_cron {
        findings.push(Finding::error(
            "at least one of \"run_on_start\", \"run_on_stop\", or \"cron\" must be set",
        ));
    }
    if on("start_blocks_login") == Some(true) && off("run_on_start") {
        let text = "\"start_blocks_login\" can only be set if \"run_on_start\" is set";
        findings.push(Finding::error(text).at("start_blocks_login"));
    }
    findings
}

fn cron(value: &Value) -> Vec<Finding> {
    let Some(text) = value.as_str().filter(|text| !text.is_empty()) else { return vec![] };
    let known = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    if known.contains(&text) || text.starts_with("@every ") {
        return vec![];
    }
    let finding = match text.split_whitespace().count() {
        6 => return vec![],
        5 => Finding::warning(format!(
            "the cron expression {text:?} has five fields; write the seconds first, for example \"0 {text}\""
        )),
        n => Finding::error(format!(
            "the cron expression {text:?} has {n} fields; six are expected, seconds first"
        )),
    };
    vec![finding.at("cron")]
}
