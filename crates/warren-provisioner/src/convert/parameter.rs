//! The template's parameters, from its plan.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use warren_build_proto::{Parameter, ParameterOption, ParameterValidation};

use super::{
    ConvertError, Modules,
    module::{Item, text},
};

/// Lists the parameters in the order of the plan.
pub(super) fn parameters(modules: &Modules) -> Result<Vec<Parameter>, ConvertError> {
    let parameters: Vec<_> = modules.data("coder_parameter").map(parameter).collect();
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<_> =
        parameters.iter().map(|p| p.name.as_str()).filter(|name| !seen.insert(*name)).collect();
    if twice.is_empty() {
        return Ok(parameters);
    }
    let verb = if twice.len() == 1 { "appears" } else { "appear" };
    let names: Vec<_> = twice.iter().map(|name| format!("{name:?}")).collect();
    let names = names.join(" and ");
    Err(ConvertError(format!("coder_parameter names must be unique but {names} {verb} multiple times")))
}

fn parameter(item: &Item) -> Parameter {
    Parameter {
        name: item.text("name"),
        display_name: item.text("display_name"),
        description: item.text("description"),
        kind: item.text("type"),
        form_type: item.text("form_type"),
        mutable: item.flag("mutable"),
        default_value: item.text("default"),
        icon: item.text("icon"),
        required: !item.flag("optional"),
        ephemeral: item.flag("ephemeral"),
        order: item.int("order"),
        options: item.blocks("option").iter().map(option).collect(),
        validation: item.blocks("validation").first().map(validation).unwrap_or_default(),
    }
}

fn option(block: &Json) -> ParameterOption {
    ParameterOption {
        name: text(&block["name"]),
        description: text(&block["description"]),
        value: text(&block["value"]),
        icon: text(&block["icon"]),
    }
}

fn validation(block: &Json) -> ParameterValidation {
    let bound = |name: &str, disabled: &str| {
        if block[disabled].as_bool() == Some(true) {
            return None;
        }
        block[name].as_i64().and_then(|n| i32::try_from(n).ok())
    };
    ParameterValidation {
        regex: text(&block["regex"]),
        error: text(&block["error"]),
        min: bound("min", "min_disabled"),
        max: bound("max", "max_disabled"),
        monotonic: text(&block["monotonic"]),
    }
}
