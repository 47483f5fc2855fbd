//! Controls for whoever runs the provider as a program of its own, such as a browser test.

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde::Deserialize;

use crate::world::{Faults, Person, Shared, Signature};

pub(crate) fn router() -> Router<Shared> {
    Router::new().route("/control", post(control))
}

/// What to change; what is left out stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    person: Option<Person>,
    faults: Option<Faults>,
    signature: Option<Signature>,
    devices_are_confirmed: Option<bool>,
    gives_refresh: Option<bool>,
    token_seconds: Option<i64>,
}

async fn control(State(shared): State<Shared>, Json(control): Json<Control>) -> StatusCode {
    shared.write(|world| {
        world.person = control.person.unwrap_or_else(|| world.person.clone());
        world.faults = control.faults.unwrap_or_else(|| world.faults.clone());
        world.signature = control.signature.unwrap_or(world.signature);
        world.devices_are_confirmed = control.devices_are_confirmed.unwrap_or(world.devices_are_confirmed);
        world.gives_refresh = control.gives_refresh.unwrap_or(world.gives_refresh);
        world.token_seconds = control.token_seconds.or(world.token_seconds);
    });
    StatusCode::NO_CONTENT
}
