//! Checking a template's values against the tables.

use regex::Regex;

use super::{Attribute, Block, Rule, Schema, Support};
use crate::value::Value;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    Warning,
}

/// One step of the way to the value that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(i64),
}

/// Something to tell the template's author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) summary: String,
    pub(crate) detail: String,
    /// Terraform turns this into a file and a line.
    pub(crate) path: Vec<Step>,
}

impl Finding {
    pub(crate) fn error(summary: impl Into<String>) -> Self {
        Self { severity: Severity::Error, summary: summary.into(), detail: String::new(), path: vec![] }
    }

    pub(crate) fn warning(summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(summary) }
    }

    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// Points at an attribute or block of the whole object.
    pub(crate) fn at(self, name: &str) -> Self {
        Self { path: vec![Step::Name(name.to_owned())], ..self }
    }
}

/// Checks a configuration; what is not known yet is not judged.
pub(crate) fn check(schema: &Schema, config: &Value) -> Vec<Finding> {
    let mut findings = vec![];
    match schema.support {
        Support::Full => {}
        Support::Refused => findings.push(unsupported(schema)),
        Support::Ignored => findings.push(
            Finding::warning(format!("{} is not supported yet", schema.name))
                .detail(format!("Warren ignores {} for now; the template works without it.", schema.name)),
        ),
    }
    check_block(&schema.block, config, &mut vec![], &mut findings);
    findings.extend((schema.check)(config));
    findings
}

/// Returns the first text that an attribute has in two of the blocks.
pub(super) fn repeated<'a>(items: &'a [Value], name: &str) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    items.iter().filter_map(|item| item.get(name).as_str()).find(|text| !seen.insert(*text))
}

/// Reports which of `others` are set although `name` is.
pub(super) fn conflicts(value: &Value, name: &str, others: &[&str]) -> Vec<Finding> {
    let is_set = |name: &str| match value.get(name) {
        Value::Null | Value::Unknown => false,
        Value::List(items) => !items.is_empty(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) | Value::Map(_) => true,
    };
    if !is_set(name) {
        return vec![];
    }
    others
        .iter()
        .filter(|other| is_set(other))
        .map(|other| Finding::error(format!("{name:?}: conflicts with {other}")).at(name))
        .collect()
}

fn unsupported(schema: &Schema) -> Finding {
    Finding::error(format!("{} is not supported yet", schema.name)).detail(format!(
        "Warren knows {} but cannot act upon it yet. Remove it from the template.",
        schema.name
    ))
}

fn check_block(block: &Block, value: &Value, path: &mut Vec<Step>, findings: &mut Vec<Finding>) {
    for attribute in block.attributes {
        path.push(Step::Name(attribute.name.to_owned()));
        check_attribute(attribute, value.get(attribute.name), path, findings);
        path.pop();
    }
    for nested in block.blocks {
        path.push(Step::Name(nested.name.to_owned()));
        for (index, item) in (0..).zip(value.get(nested.name).items()) {
            // An element of a set has no index, so the finding points at the block as a whole.
            let indexed = nested.nesting == super::Nesting::List;
            if indexed {
                path.push(Step::Index(index));
                check_block(&nested.block, item, path, findings);
                path.pop();
            } else {
                let from = findings.len();
                check_block(&nested.block, item, path, findings);
                findings[from..].iter_mut().for_each(|finding| finding.path.clone_from(path));
            }
        }
        path.pop();
    }
}

fn check_attribute(attribute: &Attribute, value: &Value, path: &[Step], findings: &mut Vec<Finding>) {
    for rule in attribute.rules {
        if let Some(summary) = broken(*rule, attribute.name, value) {
            findings.push(Finding { path: path.to_vec(), ..Finding::error(summary) });
        }
    }
}

fn broken(rule: Rule, name: &str, value: &Value) -> Option<String> {
    match (rule, value) {
        (Rule::OneOf(words), Value::Str(text)) if !words.contains(&text.as_str()) => {
            Some(format!("expected {name} to be one of {words:?}, got {text:?}"))
        }
        (Rule::Range(min, max), Value::Int(n)) if *n < min || *n > max => Some(match max {
            i64::MAX => format!("expected {name} to be at least {min}, got {n}"),
            _ => format!("expected {name} to be in the range {min} to {max}, got {n}"),
        }),
        (Rule::Range(..), Value::Float(n)) => Some(format!("expected {name} to be a whole number, got {n}")),
        (Rule::NotEmpty, Value::Str(text)) if text.is_empty() => Some(format!("{name} must not be empty")),
        (Rule::MaxBytes(max), Value::Str(text)) if text.len() > max => {
            Some(format!("{name} must not be longer than {max} bytes, got {}", text.len()))
        }
        (Rule::Pattern(pattern), Value::Str(text)) => {
            let regex = Regex::new(pattern).expect("the patterns of the tables are valid");
            (!regex.is_match(text)).then(|| format!("invalid {name} {text:?}: it must match {pattern:?}"))
        }
        (Rule::AbsolutePath, Value::Str(text)) if !text.starts_with('/') => {
            Some(format!("{name} must be an absolute path, got {text:?}"))
        }
        (Rule::Icon, Value::Str(text)) => {
            (!is_icon(text)).then(|| format!("invalid {name} {text:?}: not a URL"))
        }
        (Rule::Uuid, Value::Str(text)) if uuid::Uuid::parse_str(text).is_err() => {
            Some(format!("{name} must be a UUID, got {text:?}"))
        }
        _ => None,
    }
}

fn is_icon(text: &str) -> bool {
    let base = url::Url::parse("http://localhost/").expect("a constant URL is valid");
    !text.contains(char::is_whitespace) && base.join(text).is_ok()
}
