//! Bringing values into the shape that a schema demands.

use std::collections::BTreeMap;

use super::{Attribute, Block, Literal, Nested, Nesting};
use crate::value::Value;

/// Gives an object exactly the attributes of its block: unknown ones are dropped, absent ones become null, absent
/// blocks become empty. A state written by another version of the provider passes through here.
pub(crate) fn conform(block: &Block, value: &Value) -> Value {
    if !matches!(value, Value::Map(_)) {
        return value.clone();
    }
    let attributes = block.attributes.iter().map(|a| (a.name.to_owned(), value.get(a.name).clone()));
    let blocks = block.blocks.iter().map(|nested| {
        let inner = match value.get(nested.name) {
            Value::Unknown => Value::Unknown,
            other => Value::List(other.items().iter().map(|item| conform(&nested.block, item)).collect()),
        };
        (nested.name.to_owned(), inner)
    });
    Value::Map(attributes.chain(blocks).collect())
}

/// Fills an object: defaults where the template gave nothing, `gap` where the provider gives the value.
pub(crate) fn complete(block: &Block, value: &Value, gap: &Value) -> Value {
    let mut filled: BTreeMap<String, Value> =
        block.attributes.iter().map(|a| (a.name.to_owned(), complete_attribute(a, value, gap))).collect();
    for nested in block.blocks {
        filled.insert(nested.name.to_owned(), complete_nested(nested, value.get(nested.name), gap));
    }
    Value::Map(filled)
}

/// Says whether two objects are equal in all that a template can set.
pub(crate) fn same_config(block: &Block, a: &Value, b: &Value) -> bool {
    block.attributes.iter().filter(|attribute| attribute.configurable()).all(|attribute| {
        attribute.filled() && (a.get(attribute.name).is_null() || b.get(attribute.name).is_null())
            || same_value(a.get(attribute.name), b.get(attribute.name))
    }) && block.blocks.iter().all(|nested| same_nested(nested, a.get(nested.name), b.get(nested.name)))
}

/// Says whether two values mean the same: what is not set equals the zero of its type, as it always did for
/// providers of this protocol.
pub(crate) fn same_value(a: &Value, b: &Value) -> bool {
    a == b || is_zero(a) && is_zero(b)
}

/// Says whether two groups of nested blocks are equal in all that a template can set.
pub(crate) fn same_nested(nested: &Nested, a: &Value, b: &Value) -> bool {
    if a.is_unknown() || b.is_unknown() {
        return false;
    }
    let (a, b) = (a.items(), b.items());
    if a.len() != b.len() {
        return false;
    }
    match nested.nesting {
        Nesting::List => a.iter().zip(b).all(|(a, b)| same_config(&nested.block, a, b)),
        Nesting::Set => {
            let contains =
                |all: &[Value], one: &Value| all.iter().any(|v| same_config(&nested.block, v, one));
            a.iter().all(|one| contains(b, one)) && b.iter().all(|one| contains(a, one))
        }
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) => true,
        Value::Str(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Unknown | Value::Bool(true) | Value::Int(_) | Value::Float(_) => false,
    }
}

fn complete_attribute(attribute: &Attribute, value: &Value, gap: &Value) -> Value {
    let given = value.get(attribute.name);
    if !given.is_null() {
        return given.clone();
    }
    match attribute.default {
        Some(Literal::Bool(default)) => default.into(),
        Some(Literal::Int(default)) => default.into(),
        Some(Literal::Str(default)) => default.into(),
        None if attribute.filled() => gap.clone(),
        None => Value::Null,
    }
}

fn complete_nested(nested: &Nested, given: &Value, gap: &Value) -> Value {
    if given.is_unknown() {
        return Value::Unknown;
    }
    if nested.computed && given.items().is_empty() {
        return if gap.is_unknown() {
            Value::Unknown
        } else {
            Value::List(vec![complete(&nested.block, &Value::Null, gap)])
        };
    }
    Value::List(given.items().iter().map(|item| complete(&nested.block, item, gap)).collect())
}
