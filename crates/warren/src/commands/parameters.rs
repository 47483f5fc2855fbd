//! The values of template parameters: from flags, or asked for.

use anyhow::bail;
use warren_api::{templates::TemplateVersionParameter, workspaces::WorkspaceBuildParameter};

use crate::{args::ParameterArgs, prompt};

/// Returns the values to send for a new workspace; what is left out gets the template's default.
///
/// # Errors
/// When a flag names no parameter, or a required value is missing and there is nobody to ask.
pub(super) fn resolve(
    declared: &[TemplateVersionParameter],
    args: &ParameterArgs,
) -> anyhow::Result<Vec<WorkspaceBuildParameter>> {
    let mut values = given(declared, args)?;
    for parameter in declared.iter().filter(|parameter| !parameter.ephemeral) {
        if values.iter().any(|value| value.name == parameter.name) {
            continue;
        }
        let default = args.parameter_default.iter().find(|(name, _)| *name == parameter.name);
        let value = match default {
            Some((_, value)) => value.clone(),
            None if !parameter.required && (args.use_parameter_defaults || !prompt::can_ask()) => continue,
            None => ask(parameter)?,
        };
        values.push(WorkspaceBuildParameter { name: parameter.name.clone(), value });
    }
    Ok(values)
}

/// Returns the values to send with an update: flags for any parameter, answers for those that are new.
///
/// # Errors
/// As [`resolve`].
pub(super) fn of(
    kept: &[TemplateVersionParameter],
    new: &[TemplateVersionParameter],
    args: &ParameterArgs,
) -> anyhow::Result<Vec<WorkspaceBuildParameter>> {
    let (of_kept, of_new) = args
        .parameter
        .iter()
        .cloned()
        .partition::<Vec<_>, _>(|(name, _)| kept.iter().any(|parameter| parameter.name == *name));
    let mut values = given(kept, &ParameterArgs { parameter: of_kept, ..args.clone() })?;
    values.extend(resolve(new, &ParameterArgs { parameter: of_new, ..args.clone() })?);
    Ok(values)
}

/// Returns the values of the `--parameter` flags alone.
///
/// # Errors
/// When a flag names no parameter.
pub(super) fn given(
    declared: &[TemplateVersionParameter],
    args: &ParameterArgs,
) -> anyhow::Result<Vec<WorkspaceBuildParameter>> {
    let mut values: Vec<WorkspaceBuildParameter> = Vec::new();
    for (name, value) in &args.parameter {
        if !declared.iter().any(|parameter| parameter.name == *name) {
            let names =
                declared.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>().join(", ");
            let known = if names.is_empty() { "it has none".into() } else { format!("it has {names}") };
            bail!("the template has no parameter {name:?}; {known}");
        }
        values.retain(|other| other.name != *name);
        values.push(WorkspaceBuildParameter { name: name.clone(), value: value.clone() });
    }
    Ok(values)
}

fn ask(parameter: &TemplateVersionParameter) -> anyhow::Result<String> {
    let title = if parameter.display_name.is_empty() { &parameter.name } else { &parameter.display_name };
    let question = match parameter.description_plaintext.lines().next() {
        Some(description) => format!("{title} ({description}):"),
        None => format!("{title}:"),
    };
    let flag = format!("--parameter {}=<value>", parameter.name);
    if parameter.options.is_empty() {
        let default = (!parameter.required).then_some(parameter.default_value.as_str());
        return prompt::text(&question, default, &flag);
    }
    let mut options: Vec<_> = parameter.options.iter().collect();
    options.sort_by_key(|option| option.value != parameter.default_value);
    let names = options.iter().map(|option| option.name.clone()).collect();
    let chosen = prompt::select(&question, names, &flag)?;
    Ok(options
        .into_iter()
        .find(|option| option.name == chosen)
        .map(|option| option.value.clone())
        .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(name: &str, required: bool) -> TemplateVersionParameter {
        serde_json::from_value(serde_json::json!({
            "name": name, "description": "", "description_plaintext": "", "type": "string", "form_type": "input",
            "mutable": true, "default_value": "d", "icon": "", "options": [], "required": required, "ephemeral": false,
        }))
        .unwrap()
    }

    fn args(parameters: &[(&str, &str)], defaults: &[(&str, &str)]) -> ParameterArgs {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        ParameterArgs {
            parameter: owned(parameters),
            parameter_default: owned(defaults),
            use_parameter_defaults: true,
        }
    }

    #[test]
    fn a_flag_wins_over_a_default_and_the_last_flag_over_the_first() {
        let declared = [declared("a", true), declared("b", true), declared("c", false)];
        let values = resolve(&declared, &args(&[("a", "1"), ("a", "2")], &[("a", "3"), ("b", "4")])).unwrap();
        let pairs: Vec<_> = values.iter().map(|value| (value.name.as_str(), value.value.as_str())).collect();
        assert_eq!(pairs, [("a", "2"), ("b", "4")]);
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_the_known_ones() {
        let error = resolve(&[declared("size", false)], &args(&[("sise", "1")], &[])).unwrap_err();
        assert_eq!(error.to_string(), "the template has no parameter \"sise\"; it has size");
    }
}
