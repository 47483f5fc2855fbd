//! The routes of the OpenAPI document, with samples of what they take.

use reqwest::Method;
use serde_json::{Map, Value, json};
use warren_server::{PERMISSIONS, Who};

/// An id that names nothing.
const NOBODY: &str = "3f2a7bd0-0000-4000-8000-000000000001";
/// Schemas within schemas that a sample follows.
const DEPTH_MAX: usize = 6;

/// A route with what its document says.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) template: String,
    pub(super) body: Option<Value>,
    parameters: Vec<Value>,
    schemas: Value,
    who: Who,
}

/// A query parameter.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) is_number: bool,
}

/// Every documented route.
pub(super) fn routes() -> Vec<Route> {
    let document: Value = serde_json::from_str(&warren_server::openapi().to_json().unwrap()).unwrap();
    let mut routes = Vec::new();
    for row in PERMISSIONS {
        let operation = &document["paths"][row.path][row.method.to_lowercase()];
        assert!(operation.is_object(), "{} {} is not documented", row.method, row.path);
        let body = operation.get("requestBody").cloned();
        routes.push(Route {
            method: row.method.parse().unwrap(),
            template: row.path.to_owned(),
            body,
            parameters: operation["parameters"].as_array().cloned().unwrap_or_default(),
            schemas: document["components"]["schemas"].clone(),
            who: row.who,
        });
    }
    routes
}

impl Route {
    pub(super) fn is_mutating(&self) -> bool {
        self.method != Method::GET
    }

    pub(super) fn needs_user(&self) -> bool {
        self.who == Who::User
    }

    pub(super) fn takes_json(&self) -> bool {
        self.schema().is_some()
    }

    fn schema(&self) -> Option<&Value> {
        self.body.as_ref()?.get("content")?.get("application/json")?.get("schema")
    }

    /// The path with the caller and the default organization, and ids that name nothing.
    pub(super) fn path_for_owner(&self) -> String {
        self.path_with("", "")
    }

    /// The same path with another value for one parameter.
    pub(super) fn path_with(&self, parameter: &str, value: &str) -> String {
        let segment = |segment: &str| match segment {
            one if !parameter.is_empty() && one == format!("{{{parameter}}}") => value.to_owned(),
            "{user}" => String::from("me"),
            "{organization}" => String::from("default"),
            "{os}" => String::from("linux"),
            "{arch}" => String::from("amd64"),
            one if self.is_number(one) => String::from("1"),
            one if one.starts_with('{') => NOBODY.to_owned(),
            one => one.to_owned(),
        };
        self.template.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    fn is_number(&self, segment: &str) -> bool {
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return false;
        };
        self.parameters.iter().any(|one| {
            one["in"] == "path" && one["name"] == name && is_integer(&one["schema"], &self.schemas)
        })
    }

    pub(super) fn path_parameters(&self) -> Vec<&str> {
        let segments = self.template.split('/');
        segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect()
    }

    pub(super) fn query_parameters(&self) -> Vec<Parameter> {
        let queries = self.parameters.iter().filter(|parameter| parameter["in"] == "query");
        let parameter = |parameter: &Value| {
            let is_number = is_integer(&parameter["schema"], &self.schemas);
            Parameter { name: parameter["name"].as_str().unwrap().to_owned(), is_number }
        };
        queries.map(parameter).collect()
    }

    /// A body with every field of the document.
    pub(super) fn sample_body(&self) -> Value {
        self.schema().map_or_else(|| json!({}), |schema| self.sample(schema, 0))
    }

    /// Whether the document says that the field must be given.
    pub(super) fn requires(&self, field: &str) -> bool {
        let schema = self.schema().map(|schema| self.resolved(schema));
        let required = schema.and_then(|schema| schema["required"].as_array());
        required.is_some_and(|names| names.iter().any(|name| name == field))
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => &self.schemas[reference.rsplit('/').next().unwrap_or_default()],
            None => schema,
        }
    }

    fn sample(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        if let Some(words) = schema["enum"].as_array() {
            return words.first().cloned().unwrap_or_default();
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            if let Some(choices) = schema[key].as_array() {
                let choice = choices.iter().find(|choice| choice["type"] != "null");
                return choice.map_or(Value::Null, |choice| self.sample(choice, depth + 1));
            }
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").cloned().unwrap_or_default(),
            kind => kind.clone(),
        };
        match kind.as_str() {
            Some("string") => match schema["format"].as_str() {
                Some("uuid") => json!(NOBODY),
                Some("date-time") => json!("2026-01-02T03:04:05Z"),
                _ => json!("sample"),
            },
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(false),
            Some("array") => json!([self.sample(&schema["items"], depth + 1)]),
            _ => {
                let fields = schema["properties"].as_object().into_iter().flatten();
                let sample =
                    |(name, schema): (&String, &Value)| (name.clone(), self.sample(schema, depth + 1));
                Value::Object(fields.map(sample).collect::<Map<_, _>>())
            }
        }
    }
}

fn is_integer(schema: &Value, schemas: &Value) -> bool {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => &schemas[reference.rsplit('/').next().unwrap_or_default()],
        None => schema,
    };
    let kind = &schema["type"];
    kind == "integer" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("integer")))
}
