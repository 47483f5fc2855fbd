//! The table of `coder_metadata`.

use super::{
    Attribute, Finding, ID, Literal, Rule, Schema, Type, block, check::repeated, computed, list, optional,
    required, resource,
};
use crate::value::Value;

pub(super) const SCHEMAS: &[Schema] = &[resource("coder_metadata", block(METADATA, &[ITEM])).check(check)];

const METADATA: &[Attribute] = &[
    ID,
    required("resource_id", Type::Str),
    optional("hide", Type::Bool),
    optional("icon", Type::Str).rules(&[Rule::Icon]),
    optional("daily_cost", Type::Number),
];

const ITEM: super::Nested = list(
    "item",
    0,
    block(
        &[
            required("key", Type::Str),
            optional("value", Type::Str),
            optional("sensitive", Type::Bool).default(Literal::Bool(false)),
            computed("is_null", Type::Bool),
        ],
        &[],
    ),
);

fn check(metadata: &Value) -> Vec<Finding> {
    repeated(metadata.get("item").items(), "key")
        .map(|key| Finding::error(format!("duplicate resource metadata key {key:?}")).at("item"))
        .into_iter()
        .collect()
}
