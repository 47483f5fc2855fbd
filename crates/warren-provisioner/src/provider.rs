//! The `coder/coder` provider, as Terraform sees it.
//!
//! Owns: the plugin service of one build. Values of the build reach it by memory ([`Session`]), so neither
//! Terraform nor other providers find them in their environment.
//! Must not: run anything or write files other than its socket.

mod data;
mod plan;
mod resource;
mod serve;
mod session;

use std::sync::{Arc, Mutex};

use tonic::{Request, Response, Status};

pub(crate) use serve::ProviderSocket;
pub(crate) use session::Session;

use crate::{
    proto::tfplugin5::{self as wire, DynamicValue, provider_server},
    schema::{self, Finding, Kind, Schema, Severity, Step},
    value::Value,
};

/// The plugin service of one build.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    session: Arc<Session>,
    /// The `url` of the template's provider block.
    url: Arc<Mutex<Option<String>>>,
}

impl Provider {
    pub(crate) fn new(session: Session) -> Self {
        Self { session: Arc::new(session), url: Arc::default() }
    }

    /// The URL at which agents reach the server.
    fn access_url(&self) -> String {
        let url = self.url.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        url.clone().unwrap_or_else(|| self.session.metadata.access_url.clone())
    }
}

#[tonic::async_trait]
impl provider_server::Provider for Provider {
    async fn get_schema(
        &self,
        _: Request<wire::get_provider_schema::Request>,
    ) -> Result<Response<wire::get_provider_schema::Response>, Status> {
        let of = |kind| {
            schema::all()
                .filter(|schema| schema.kind == kind)
                .map(|schema| (schema.name.to_owned(), schema::to_wire(schema)))
                .collect()
        };
        Ok(Response::new(wire::get_provider_schema::Response {
            provider: Some(schema::provider_schema()),
            resource_schemas: of(Kind::Resource),
            data_source_schemas: of(Kind::Data),
            diagnostics: vec![],
            server_capabilities: Some(wire::ServerCapabilities {
                plan_destroy: false,
                get_provider_schema_optional: true,
            }),
        }))
    }

    async fn prepare_provider_config(
        &self,
        request: Request<wire::prepare_provider_config::Request>,
    ) -> Result<Response<wire::prepare_provider_config::Response>, Status> {
        let config = request.into_inner().config;
        let url = decode(&config)?.get("url").as_str().map(str::to_owned);
        let diagnostics = match url {
            Some(url) if url::Url::parse(&url).is_err() => {
                vec![Finding::error(format!("the provider's \"url\" {url:?} is not a URL")).at("url")]
            }
            Some(_) | None => vec![],
        };
        let diagnostics = to_diagnostics(diagnostics);
        Ok(Response::new(wire::prepare_provider_config::Response { prepared_config: config, diagnostics }))
    }

    async fn configure(
        &self,
        request: Request<wire::configure::Request>,
    ) -> Result<Response<wire::configure::Response>, Status> {
        let config = decode(&request.into_inner().config)?;
        let mut url = self.url.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *url = config.get("url").as_str().map(str::to_owned);
        Ok(Response::new(wire::configure::Response::default()))
    }

    async fn validate_resource_type_config(
        &self,
        request: Request<wire::validate_resource_type_config::Request>,
    ) -> Result<Response<wire::validate_resource_type_config::Response>, Status> {
        let request = request.into_inner();
        let schema = find(Kind::Resource, &request.type_name)?;
        let diagnostics = to_diagnostics(schema::check(schema, &decode(&request.config)?));
        Ok(Response::new(wire::validate_resource_type_config::Response { diagnostics }))
    }

    async fn validate_data_source_config(
        &self,
        request: Request<wire::validate_data_source_config::Request>,
    ) -> Result<Response<wire::validate_data_source_config::Response>, Status> {
        let request = request.into_inner();
        let schema = find(Kind::Data, &request.type_name)?;
        let diagnostics = to_diagnostics(schema::check(schema, &decode(&request.config)?));
        Ok(Response::new(wire::validate_data_source_config::Response { diagnostics }))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<wire::upgrade_resource_state::Request>,
    ) -> Result<Response<wire::upgrade_resource_state::Response>, Status> {
        let request = request.into_inner();
        let schema = find(Kind::Resource, &request.type_name)?;
        let state = Value::from_json(&request.raw_state.unwrap_or_default().json).map_err(invalid)?;
        let state = schema::conform(&schema.block, &state);
        Ok(Response::new(wire::upgrade_resource_state::Response {
            upgraded_state: encode(&state),
            diagnostics: vec![],
        }))
    }

    async fn read_resource(
        &self,
        request: Request<wire::read_resource::Request>,
    ) -> Result<Response<wire::read_resource::Response>, Status> {
        let request = request.into_inner();
        let schema = find(Kind::Resource, &request.type_name)?;
        let state = resource::refresh(
            schema.name,
            decode(&request.current_state)?,
            &self.session,
            &self.access_url(),
        );
        Ok(Response::new(wire::read_resource::Response { new_state: encode(&state), ..Default::default() }))
    }

    async fn plan_resource_change(
        &self,
        request: Request<wire::plan_resource_change::Request>,
    ) -> Result<Response<wire::plan_resource_change::Response>, Status> {
        let request = request.into_inner();
        let schema = find(Kind::Resource, &request.type_name)?;
        let plan = plan::plan(schema, &decode(&request.prior_state)?, &decode(&request.proposed_new_state)?);
        // Warnings have been given when the configuration was validated.
        let errors = schema::check(schema, &plan.state).into_iter().filter(|f| f.severity == Severity::Error);
        Ok(Response::new(wire::plan_resource_change::Response {
            planned_state: encode(&plan.state),
            requires_replace: plan
                .replace
                .iter()
                .map(|name| to_path(&[Step::Name((*name).into())]))
                .collect(),
            diagnostics: if plan.state.is_null() { vec![] } else { to_diagnostics(errors.collect()) },
            legacy_type_system: true,
            ..Default::default()
        }))
    }

    async fn apply_resource_change(
        &self,
        request: Request<wire::apply_resource_change::Request>,
    ) -> Result<Response<wire::apply_resource_change::Response>, Status> {
        let request = request.into_inner();
        let schema = find(Kind::Resource, &request.type_name)?;
        let planned = decode(&request.planned_state)?;
        let state = match planned {
            Value::Null => Value::Null,
            planned => resource::create(schema, planned, &self.session, &self.access_url()),
        };
        Ok(Response::new(wire::apply_resource_change::Response {
            new_state: encode(&state),
            legacy_type_system: true,
            ..Default::default()
        }))
    }

    async fn read_data_source(
        &self,
        request: Request<wire::read_data_source::Request>,
    ) -> Result<Response<wire::read_data_source::Response>, Status> {
        let request = request.into_inner();
        let schema = find(Kind::Data, &request.type_name)?;
        let config = decode(&request.config)?;
        let (state, diagnostics) = match data::read(schema, &config, &self.session, &self.access_url()) {
            Ok(state) => (encode(&state), vec![]),
            Err(finding) => (encode(&Value::Null), to_diagnostics(vec![finding])),
        };
        Ok(Response::new(wire::read_data_source::Response { state, diagnostics }))
    }

    async fn stop(&self, _: Request<wire::stop::Request>) -> Result<Response<wire::stop::Response>, Status> {
        Ok(Response::new(wire::stop::Response::default()))
    }
}

fn find(kind: Kind, name: &str) -> Result<&'static Schema, Status> {
    schema::find(kind, name).ok_or_else(|| Status::invalid_argument(format!("unknown type {name}")))
}

fn decode(value: &Option<DynamicValue>) -> Result<Value, Status> {
    match value {
        None => Ok(Value::Null),
        Some(value) if value.msgpack.is_empty() && !value.json.is_empty() => {
            Value::from_json(&value.json).map_err(invalid)
        }
        Some(value) => Value::from_msgpack(&value.msgpack).map_err(invalid),
    }
}

fn encode(value: &Value) -> Option<DynamicValue> {
    Some(DynamicValue { msgpack: value.to_msgpack(), json: vec![] })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn invalid(error: crate::value::ValueError) -> Status {
    Status::invalid_argument(error.to_string())
}

fn to_diagnostics(findings: Vec<Finding>) -> Vec<wire::Diagnostic> {
    findings
        .into_iter()
        .map(|finding| wire::Diagnostic {
            severity: match finding.severity {
                Severity::Error => wire::diagnostic::Severity::Error.into(),
                Severity::Warning => wire::diagnostic::Severity::Warning.into(),
            },
            attribute: (!finding.path.is_empty()).then(|| to_path(&finding.path)),
            summary: finding.summary,
            detail: finding.detail,
        })
        .collect()
}

fn to_path(steps: &[Step]) -> wire::AttributePath {
    use wire::attribute_path::{Step as WireStep, step::Selector};
    let selector = |step: &Step| match step {
        Step::Name(name) => Selector::AttributeName(name.clone()),
        Step::Index(index) => Selector::ElementKeyInt(*index),
    };
    wire::AttributePath {
        steps: steps.iter().map(|step| WireStep { selector: Some(selector(step)) }).collect(),
    }
}

#[cfg(test)]
mod tests;
