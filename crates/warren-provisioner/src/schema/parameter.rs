//! The table of `coder_parameter`.

use super::{
    Attribute, ID, Literal, Mode, Rule, Schema, Type, attribute, block, computed, data, list, optional,
    required,
};

pub(super) const SCHEMAS: &[Schema] = &[data("coder_parameter", block(PARAMETER, &[OPTION, VALIDATION]))];

const PARAMETER: &[Attribute] = &[
    ID,
    required("name", Type::Str).rules(&[Rule::NotEmpty]),
    optional("display_name", Type::Str),
    optional("description", Type::Str),
    optional("icon", Type::Str).rules(&[Rule::Icon]),
    optional("type", Type::Str).default(Literal::Str("string")).rules(&[Rule::OneOf(&[
        "string",
        "number",
        "bool",
        "list(string)",
    ])]),
    attribute("form_type", Type::Str, Mode::OptionalComputed).rules(&[Rule::OneOf(&[
        "radio",
        "slider",
        "input",
        "dropdown",
        "checkbox",
        "switch",
        "multi-select",
        "tag-select",
        "textarea",
        "error",
    ])]),
    optional("styling", Type::Str).default(Literal::Str("{}")),
    optional("mutable", Type::Bool).default(Literal::Bool(false)),
    optional("default", Type::Str),
    optional("ephemeral", Type::Bool).default(Literal::Bool(false)),
    optional("order", Type::Number),
    computed("optional", Type::Bool),
    computed("value", Type::Str),
];

const OPTION: super::Nested = list(
    "option",
    0,
    block(
        &[
            required("name", Type::Str),
            required("value", Type::Str),
            optional("description", Type::Str),
            optional("icon", Type::Str).rules(&[Rule::Icon]),
        ],
        &[],
    ),
);

const VALIDATION: super::Nested = list(
    "validation",
    1,
    block(
        &[
            optional("min", Type::Number),
            optional("max", Type::Number),
            optional("monotonic", Type::Str).rules(&[Rule::OneOf(&["increasing", "decreasing"])]),
            optional("regex", Type::Str),
            optional("error", Type::Str),
            computed("min_disabled", Type::Bool),
            computed("max_disabled", Type::Bool),
        ],
        &[],
    ),
);
