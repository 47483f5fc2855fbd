//! Making and refreshing the provider's virtual resources. There is nothing to delete.

use uuid::Uuid;

use super::Session;
use crate::{
    schema::{Schema, complete},
    value::Value,
};

/// Turns a plan into a state: everything that was to be known after apply becomes known.
pub(crate) fn create(schema: &Schema, planned: Value, session: &Session, access_url: &str) -> Value {
    let mut state = complete(&schema.block, &without_unknown(planned), &Value::Null);
    if state.get("id").is_null() {
        state.set("id", new_id());
    }
    match schema.name {
        "coder_agent" => {
            let state = refresh(schema.name, state, session, access_url);
            complete(&schema.block, &state, &Value::Null)
        }
        "coder_metadata" => with_null_flags(state),
        _ => state,
    }
}

/// Reads a resource. An agent gets a new token with every read, so that a workspace which is started again has
/// a token that nobody has seen before.
pub(crate) fn refresh(name: &str, mut state: Value, session: &Session, access_url: &str) -> Value {
    if name != "coder_agent" || state.is_null() {
        return state;
    }
    let script = {
        let text = |name: &str| state.get(name).text();
        session.agent_script(text("os"), text("arch"), text("auth"), access_url)
    };
    state.set("token", new_id());
    state.set("init_script", script);
    state
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}

fn with_null_flags(mut metadata: Value) -> Value {
    let items = metadata.get("item").items().iter().map(|item| {
        let mut item = item.clone();
        let is_null = item.get("value").is_null();
        item.set("is_null", is_null);
        if is_null {
            item.set("value", "");
        }
        item
    });
    let items = items.collect();
    metadata.set("item", Value::List(items));
    metadata
}

fn without_unknown(value: Value) -> Value {
    match value {
        Value::Unknown => Value::Null,
        Value::List(items) => Value::List(items.into_iter().map(without_unknown).collect()),
        Value::Map(map) => Value::Map(map.into_iter().map(|(k, v)| (k, without_unknown(v))).collect()),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) => value,
    }
}
