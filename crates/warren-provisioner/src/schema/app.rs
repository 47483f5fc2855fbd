//! The table of `coder_app`.

use super::{
    Attribute, Finding, ID, Literal, Rule, Schema, Type, block, check::conflicts, optional, required,
    resource, set,
};
use crate::value::Value;

pub(super) const SCHEMAS: &[Schema] = &[resource("coder_app", block(APP, &[HEALTHCHECK])).check(check)];

const APP: &[Attribute] = &[
    ID,
    required("agent_id", Type::Str),
    required("slug", Type::Str).rules(&[Rule::Pattern("^[a-z0-9](-?[a-z0-9])*$")]),
    optional("display_name", Type::Str).rules(&[Rule::MaxBytes(64)]),
    optional("icon", Type::Str).rules(&[Rule::Icon]),
    optional("url", Type::Str),
    optional("command", Type::Str),
    optional("subdomain", Type::Bool),
    optional("share", Type::Str).default(Literal::Str("owner")).rules(&[Rule::OneOf(&[
        "owner",
        "authenticated",
        "public",
    ])]),
    optional("external", Type::Bool).default(Literal::Bool(false)),
    optional("group", Type::Str).rules(&[Rule::MaxBytes(64)]),
    optional("order", Type::Number),
    optional("hidden", Type::Bool).default(Literal::Bool(false)),
    optional("open_in", Type::Str)
        .default(Literal::Str("slim-window"))
        .rules(&[Rule::OneOf(&["tab", "slim-window"])]),
    optional("tooltip", Type::Str).rules(&[Rule::MaxBytes(2048)]),
];

const HEALTHCHECK: super::Nested = set(
    "healthcheck",
    1,
    block(
        &[
            required("url", Type::Str),
            required("interval", Type::Number).rules(&[Rule::Range(1, i32::MAX as i64)]),
            required("threshold", Type::Number).rules(&[Rule::Range(1, i32::MAX as i64)]),
        ],
        &[],
    ),
);

fn check(app: &Value) -> Vec<Finding> {
    let mut findings = conflicts(app, "command", &["url", "subdomain", "healthcheck"]);
    if app.get("external").as_bool() == Some(true) {
        // The default of "share" is no choice of the template's author.
        let chosen = app.get("share").as_str().is_some_and(|share| share != "owner");
        findings.extend(conflicts(app, "external", &["healthcheck", "command", "subdomain"]));
        if chosen {
            findings.push(Finding::error("\"external\": conflicts with share").at("external"));
        }
    }
    let shown = ["display_name", "icon", "order"].into_iter().find(|name| !app.get(name).is_null());
    if let (Some(true), Some(name)) = (app.get("hidden").as_bool(), shown) {
        let text = format!("the app is hidden, so {name:?} has no effect");
        findings.push(Finding::warning(text).at("hidden"));
    }
    findings
}
