//! Terraform values and their binary form.
//!
//! Owns: the value type of the provider, msgpack in and out, JSON in.
//! Must not: know any resource.

use std::collections::BTreeMap;

use rmpv::Value as Raw;
use thiserror::Error;

/// A value as Terraform passes it. Lists, sets and tuples are all [`Value::List`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    /// To be known after apply.
    Unknown,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
}

/// Bytes that are no Terraform value.
#[derive(Debug, Error)]
pub(crate) enum ValueError {
    #[error("the value is not valid msgpack")]
    Msgpack(#[source] rmpv::decode::Error),
    #[error("the value is not valid JSON")]
    Json(#[source] serde_json::Error),
    #[error("a map has a key that is not text")]
    Key,
    #[error("a number is out of range")]
    Number,
}

impl Value {
    /// Reads msgpack; no bytes at all mean null.
    pub(crate) fn from_msgpack(bytes: &[u8]) -> Result<Self, ValueError> {
        if bytes.is_empty() {
            return Ok(Self::Null);
        }
        let raw = rmpv::decode::read_value(&mut &*bytes).map_err(ValueError::Msgpack)?;
        Self::from_raw(raw)
    }

    /// Reads JSON.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, ValueError> {
        serde_json::from_slice(bytes).map(Self::from_json_value).map_err(ValueError::Json)
    }

    /// Writes msgpack.
    pub(crate) fn to_msgpack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &self.to_raw()).expect("writing to memory cannot fail");
        bytes
    }

    /// Builds an object.
    pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Self {
        Self::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Builds a list of texts.
    pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(Self::from).collect())
    }

    /// Returns an object's attribute; absent ones are null.
    pub(crate) fn get(&self, name: &str) -> &Value {
        match self {
            Self::Map(map) => map.get(name).unwrap_or(&Self::Null),
            Self::Null
            | Self::Unknown
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Str(_)
            | Self::List(_) => &Self::Null,
        }
    }

    /// Sets an object's attribute; nothing happens to other values.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Self::Map(map) = self {
            map.insert(name.to_owned(), value.into());
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::Str(text) = self { Some(text) } else { None }
    }

    /// Returns the text, or an empty one when there is none.
    pub(crate) fn text(&self) -> &str {
        self.as_str().unwrap_or_default()
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub(crate) fn as_int(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// Returns a list's elements; other values have none.
    pub(crate) fn items(&self) -> &[Value] {
        if let Self::List(items) = self { items } else { &[] }
    }

    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    /// Says whether the value or anything inside it is unknown.
    pub(crate) fn has_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::List(items) => items.iter().any(Self::has_unknown),
            Self::Map(map) => map.values().any(Self::has_unknown),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Str(_) => false,
        }
    }

    fn from_raw(raw: Raw) -> Result<Self, ValueError> {
        Ok(match raw {
            Raw::Nil => Self::Null,
            // Extension 0 is a plain unknown, 12 one with a hint; both are just unknown to us.
            Raw::Ext(..) => Self::Unknown,
            Raw::Boolean(value) => Self::Bool(value),
            Raw::Integer(value) => Self::Int(value.as_i64().ok_or(ValueError::Number)?),
            Raw::F32(value) => Self::from_float(f64::from(value)),
            Raw::F64(value) => Self::from_float(value),
            Raw::String(text) => Self::Str(text.into_str().ok_or(ValueError::Key)?),
            Raw::Binary(bytes) => Self::Str(String::from_utf8_lossy(&bytes).into_owned()),
            Raw::Array(items) => Self::List(items.into_iter().map(Self::from_raw).collect::<Result<_, _>>()?),
            Raw::Map(pairs) => Self::Map(
                pairs
                    .into_iter()
                    .map(|(key, value)| {
                        let key = key.as_str().ok_or(ValueError::Key)?.to_owned();
                        Ok((key, Self::from_raw(value)?))
                    })
                    .collect::<Result<_, ValueError>>()?,
            ),
        })
    }

    fn to_raw(&self) -> Raw {
        match self {
            Self::Null => Raw::Nil,
            Self::Unknown => Raw::Ext(0, vec![0]),
            Self::Bool(value) => Raw::Boolean(*value),
            Self::Int(value) => Raw::from(*value),
            Self::Float(value) => Raw::F64(*value),
            Self::Str(text) => Raw::from(text.as_str()),
            Self::List(items) => Raw::Array(items.iter().map(Self::to_raw).collect()),
            Self::Map(map) => {
                Raw::Map(map.iter().map(|(key, value)| (Raw::from(key.as_str()), value.to_raw())).collect())
            }
        }
    }

    fn from_json_value(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Self::Int(value),
                (None, Some(value)) => Self::from_float(value),
                (None, None) => Self::Str(number.to_string()),
            },
            Json::String(text) => Self::Str(text),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from_json_value).collect()),
            Json::Object(map) => {
                Self::Map(map.into_iter().map(|(key, value)| (key, Self::from_json_value(value))).collect())
            }
        }
    }

    /// Whole numbers have one form only, so that equal numbers compare equal.
    fn from_float(value: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() <= EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
            return Self::Int(value as i64);
        }
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

#[cfg(test)]
mod tests;
