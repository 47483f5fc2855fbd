//! The `validation` block of a parameter.

use regex::Regex;

use super::{Kind, list};
use crate::value::Value;

/// Checks a value against the block; the error is the sentence for the user.
pub(super) fn check(kind: Kind, rules: &Value, value: &str, previous: Option<&str>) -> Result<(), String> {
    if kind != Kind::Number {
        for name in ["min", "max"] {
            if !rules.get(name).is_null() {
                return Err(format!("a {name} cannot be specified for a {} type", kind.as_str()));
            }
        }
    }
    let regex = rules.get("regex").as_str().filter(|regex| !regex.is_empty());
    if kind != Kind::Str && regex.is_some() {
        return Err(format!("a regex cannot be specified for a {} type", kind.as_str()));
    }
    match kind {
        Kind::Str => regex.map_or(Ok(()), |regex| check_regex(regex, rules.get("error").text(), value)),
        Kind::Number => check_number(rules, value, previous),
        Kind::Bool if value == "true" || value == "false" => Ok(()),
        Kind::Bool => Err("boolean value can be either \"true\" or \"false\"".to_owned()),
        Kind::List if list(value).is_some() => Ok(()),
        Kind::List => Err(format!("value {value:?} is not valid list of strings")),
    }
}

fn check_regex(pattern: &str, error: &str, value: &str) -> Result<(), String> {
    if error.is_empty() {
        return Err("an error must be specified with a regex validation".to_owned());
    }
    let regex = Regex::new(pattern).map_err(|_| format!("the regex {pattern:?} is not valid"))?;
    if regex.is_match(value) {
        return Ok(());
    }
    Err(format!("{error} (value {value:?} does not match {pattern:?})"))
}

fn check_number(rules: &Value, value: &str, previous: Option<&str>) -> Result<(), String> {
    let number = whole(value)?;
    let custom = |text: String| match rules.get("error").text() {
        "" => text,
        custom => custom.to_owned(),
    };
    if let Some(min) = rules.get("min").as_int().filter(|min| number < *min) {
        return Err(custom(format!("value {number} is less than the minimum {min}")));
    }
    if let Some(max) = rules.get("max").as_int().filter(|max| number > *max) {
        return Err(custom(format!("value {number} is more than the maximum {max}")));
    }
    let Some(before) = previous.filter(|text| !text.is_empty()) else { return Ok(()) };
    let words = match rules.get("monotonic").text() {
        "increasing" if number < whole(before)? => "greater",
        "decreasing" if number > whole(before)? => "lower",
        _ => return Ok(()),
    };
    Err(format!("parameter value '{number}' must be equal or {words} than previous value: {before}"))
}

fn whole(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("value {text:?} is not a number"))
}
