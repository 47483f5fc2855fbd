//! What a change of a resource would do. Every attribute that a template can set forces a replacement.

use crate::{
    schema::{Schema, complete, same_nested, same_value},
    value::Value,
};

/// The planned state and the names of what makes a replacement necessary.
#[derive(Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) state: Value,
    pub(crate) replace: Vec<&'static str>,
}

/// Plans a resource from its state before (null: there is none) and the state that Terraform proposes (null: it
/// is to go).
pub(crate) fn plan(schema: &Schema, prior: &Value, proposed: &Value) -> Planned {
    if proposed.is_null() {
        return Planned { state: Value::Null, replace: vec![] };
    }
    if prior.is_null() {
        return Planned { state: complete(&schema.block, proposed, &Value::Unknown), replace: vec![] };
    }
    let wanted = complete(&schema.block, proposed, &Value::Null);
    let replace = changed(schema, prior, &wanted);
    if replace.is_empty() {
        return Planned { state: prior.clone(), replace };
    }
    Planned { state: complete(&schema.block, &without_computed(schema, proposed), &Value::Unknown), replace }
}

fn changed(schema: &Schema, prior: &Value, wanted: &Value) -> Vec<&'static str> {
    let attributes = schema.block.attributes.iter().filter(|attribute| {
        let (before, after) = (prior.get(attribute.name), wanted.get(attribute.name));
        attribute.configurable() && !(attribute.filled() && after.is_null()) && !same_value(before, after)
    });
    let blocks = schema.block.blocks.iter().filter(|nested| {
        let (before, after) = (prior.get(nested.name), wanted.get(nested.name));
        !same_nested(nested, before, after)
    });
    attributes.map(|attribute| attribute.name).chain(blocks.map(|nested| nested.name)).collect()
}

/// Forgets what the provider had filled in, so that it becomes unknown again.
fn without_computed(schema: &Schema, proposed: &Value) -> Value {
    let mut value = proposed.clone();
    for attribute in schema.block.attributes.iter().filter(|attribute| attribute.filled()) {
        value.set(attribute.name, Value::Null);
    }
    value
}
