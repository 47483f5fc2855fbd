//! Which parameter values a build runs with. Pure.

use std::collections::BTreeMap;

use warren_db::entity::template_version_parameters::Model as Parameter;

use crate::error::{AppError, AppResult, Explanation};

/// What decides the values of a build.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) declared: &'a [Parameter],
    /// What the request gives; names that are not declared are ignored.
    pub(crate) given: &'a BTreeMap<String, String>,
    /// What the build before ran with.
    pub(crate) previous: &'a BTreeMap<String, String>,
}

/// Chooses for each declared parameter the given value, else the previous one, else the default, and checks it.
///
/// # Errors
/// Invalid with one validation per wrong parameter.
pub(crate) fn resolve(values: Values<'_>) -> AppResult<BTreeMap<String, String>> {
    let mut chosen = BTreeMap::new();
    let mut why = Explanation::new("The workspace's parameters are not acceptable.");
    for parameter in values.declared {
        match choose(parameter, &values) {
            Ok(Some(value)) => drop(chosen.insert(parameter.name.clone(), value)),
            Ok(None) => {}
            Err(reason) => why = why.field(parameter.name.clone(), reason),
        }
    }
    if why.validations.is_empty() { Ok(chosen) } else { Err(AppError::Invalid(why)) }
}

fn choose(parameter: &Parameter, values: &Values<'_>) -> Result<Option<String>, String> {
    let given = values.given.get(&parameter.name);
    let previous = values.previous.get(&parameter.name);
    if let (Some(given), Some(previous)) = (given, previous)
        && !parameter.mutable
        && given != previous
    {
        return Err(String::from("cannot be changed after the workspace was created"));
    }
    let kept = previous.filter(|_| !parameter.ephemeral);
    let Some(value) = given.or(kept) else {
        if parameter.required {
            return Err(String::from("is required; give it a value"));
        }
        return Ok(Some(parameter.default_value.clone()));
    };
    check_value(parameter, value, previous)?;
    Ok(Some(value.clone()))
}

fn check_value(parameter: &Parameter, value: &str, previous: Option<&String>) -> Result<(), String> {
    if value.is_empty() && parameter.required {
        return Err(String::from("must not be empty"));
    }
    check_option(parameter, value)?;
    match parameter.type_.as_str() {
        "bool" if value != "true" && value != "false" => Err(String::from("must be true or false")),
        "number" => check_number(parameter, value, previous),
        "list(string)" => serde_json::from_str::<Vec<String>>(value)
            .map(drop)
            .map_err(|_| String::from("must be a JSON array of strings")),
        _ => Ok(()),
    }
}

fn check_option(parameter: &Parameter, value: &str) -> Result<(), String> {
    let options = parameter.options.as_array().map(Vec::as_slice).unwrap_or_default();
    if options.is_empty() {
        return Ok(());
    }
    let allowed: Vec<_> = options.iter().filter_map(|option| option["value"].as_str()).collect();
    let many = parameter.type_ == "list(string)";
    let chosen = if many { serde_json::from_str(value).unwrap_or_default() } else { vec![value.to_owned()] };
    match chosen.iter().find(|one| !allowed.contains(&one.as_str())) {
        Some(_) => Err(format!("must be one of {}", allowed.join(", "))),
        None => Ok(()),
    }
}

fn check_number(parameter: &Parameter, value: &str, previous: Option<&String>) -> Result<(), String> {
    let number: f64 = value.parse().map_err(|_| String::from("must be a number"))?;
    if parameter.validation_min.is_some_and(|min| number < f64::from(min)) {
        return Err(format!("must be at least {}", parameter.validation_min.unwrap_or_default()));
    }
    if parameter.validation_max.is_some_and(|max| number > f64::from(max)) {
        return Err(format!("must be at most {}", parameter.validation_max.unwrap_or_default()));
    }
    let Some(previous) = previous.and_then(|text| text.parse::<f64>().ok()) else { return Ok(()) };
    match parameter.validation_monotonic.as_str() {
        "increasing" if number < previous => Err(format!("must not be lower than before ({previous})")),
        "decreasing" if number > previous => Err(format!("must not be higher than before ({previous})")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
