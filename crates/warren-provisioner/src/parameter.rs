//! Working out the value of a `coder_parameter`: which one applies, and whether the template allows it.
//!
//! Owns: the rules of parameters as a pure function. Their order is what users see first, so it is kept.
//! Must not: know where values come from.

mod form;
mod rule;

use form::form_type;

use crate::{provider::Session, schema::Finding, value::Value};

/// The type of a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Str,
    Number,
    Bool,
    List,
}

impl Kind {
    fn parse(text: &str) -> Self {
        match text {
            "number" => Self::Number,
            "bool" => Self::Bool,
            "list(string)" => Self::List,
            _ => Self::Str,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Str => "string",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::List => "list(string)",
        }
    }

    /// The loose reading: any number, and the booleans that Go's parser takes.
    fn accepts(self, text: &str) -> bool {
        match self {
            Self::Str => true,
            Self::Number => text.parse::<f64>().is_ok(),
            Self::Bool => ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"]
                .contains(&text),
            Self::List => list(text).is_some(),
        }
    }
}

/// Fills in a parameter's value, form type and computed flags.
///
/// # Errors
/// What is wrong with the parameter or its value.
pub(crate) fn read(parameter: &mut Value, session: &Session) -> Result<(), Finding> {
    let name = parameter.get("name").text().to_owned();
    let resolved = resolve(parameter, session.parameter(&name), session.previous_parameter(&name))?;
    let optional = !parameter.get("default").is_null();
    parameter.set("optional", optional);
    parameter.set("value", resolved.value);
    parameter.set("form_type", resolved.form_type);
    let validation = parameter.get("validation").items().iter().map(|rule| {
        let mut rule = rule.clone();
        let (min_disabled, max_disabled) = (rule.get("min").is_null(), rule.get("max").is_null());
        rule.set("min_disabled", min_disabled);
        rule.set("max_disabled", max_disabled);
        rule
    });
    let validation = validation.collect();
    parameter.set("validation", Value::List(validation));
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Resolved {
    value: String,
    form_type: String,
}

fn resolve(parameter: &Value, given: Option<&str>, previous: Option<&str>) -> Result<Resolved, Finding> {
    let flag = |name: &str| parameter.get(name).as_bool() == Some(true);
    let default = parameter.get("default").as_str();
    if flag("ephemeral") && !flag("mutable") {
        return Err(Finding::error("parameter can't be immutable and ephemeral").at("ephemeral"));
    }
    if flag("ephemeral") && default.is_none() {
        return Err(Finding::error("ephemeral parameter requires the default property").at("ephemeral"));
    }
    let kind = Kind::parse(parameter.get("type").text());
    let options = parameter.get("option").items();
    let form_type = form_type(kind, !options.is_empty(), parameter.get("form_type").as_str())?.to_owned();
    check_options(kind, &form_type, options)?;
    let rules = parameter.get("validation").items().first();
    let (value, whose) = match (given, default) {
        (Some(given), _) => (given, "value"),
        (None, Some(default)) => (default, "default value"),
        (None, None) if rules.is_none() => return Ok(Resolved { value: String::new(), form_type }),
        (None, None) => ("", "value"),
    };
    check_membership(&form_type, options, value, whose)?;
    if let Some(rules) = rules {
        rule::check(kind, rules, value, previous).map_err(|detail| {
            Finding::error(format!("Invalid parameter {whose} according to 'validation' block"))
                .detail(detail)
        })?;
    }
    if !kind.accepts(value) {
        let summary = format!("Parameter {whose} is not of type {:?}", kind.as_str());
        return Err(Finding::error(summary).detail(format!("the parameter's {whose} is {value:?}")));
    }
    Ok(Resolved { value: value.to_owned(), form_type })
}

fn check_options(kind: Kind, form_type: &str, options: &[Value]) -> Result<(), Finding> {
    for (property, summary) in
        [("name", "Option names must be unique."), ("value", "Option values must be unique.")]
    {
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = options.iter().map(|o| o.get(property).text()).find(|text| !seen.insert(*text)) {
            let detail = format!("multiple options found with the same {property} {twice:?}");
            return Err(Finding::error(summary).detail(detail).at("option"));
        }
    }
    // The options of a multi-select are the members of the list.
    let kind = if form_type == "multi-select" { Kind::Str } else { kind };
    for option in options {
        let (name, value) = (option.get("name").text(), option.get("value").text());
        if !kind.accepts(value) {
            let summary = format!("Option {name:?} with value={value:?} is not of type {:?}", kind.as_str());
            return Err(Finding::error(summary).at("option"));
        }
    }
    Ok(())
}

fn check_membership(form_type: &str, options: &[Value], value: &str, whose: &str) -> Result<(), Finding> {
    if options.is_empty() {
        return Ok(());
    }
    let known = |value: &str| options.iter().any(|option| option.get("value").text() == value);
    let all = || options.iter().map(|option| option.get("value").text()).collect::<Vec<_>>();
    let whose = capitalised(whose);
    if form_type == "multi-select" {
        let Some(values) = list(value) else {
            let summary = "When using list(string) type, value must be a json encoded list of strings";
            return Err(Finding::error(summary).detail(format!("value {value:?} is no such list")));
        };
        let missing: Vec<_> = values.iter().filter(|value| !known(value)).collect();
        if !missing.is_empty() {
            return Err(Finding::error(format!("{whose}s must be a valid option"))
                .detail(format!("values {missing:?} are missing from the options {:?}", all())));
        }
        return Ok(());
    }
    if known(value) {
        return Ok(());
    }
    let hint = if value.is_empty() {
        ". The value is empty, did you forget to set it with a default or from user input?"
    } else {
        ""
    };
    Err(Finding::error(format!("{whose} must be a valid option{hint}"))
        .detail(format!("the value {value:?} must be defined as one of the options {:?}", all())))
}

fn list(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
