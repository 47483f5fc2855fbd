//! Organizations and their members.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::ErrorResponse,
    organizations::{Organization, OrganizationMember},
};
use warren_vocab::OrganizationId;

use crate::{auth::Caller, error::ApiResult, extract::Params, state::AppState, view};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(member))
}

#[utoipa::path(get, path = "/api/v2/organizations", responses((status = 200, body = Vec<Organization>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<Vec<Organization>>> {
    let rows = state.app.list_organizations(caller.actor()).await?;
    Ok(Json(rows.into_iter().map(view::organizations::organization).collect()))
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}", params(("organization" = String, Path)),
    responses((status = 200, body = Organization), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
) -> ApiResult<Json<Organization>> {
    let row = state.app.find_organization(caller.actor(), &organization).await?;
    Ok(Json(view::organizations::organization(row)))
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}/members/{user}",
    params(("organization" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = OrganizationMember), (status = 404, body = ErrorResponse)))]
async fn member(
    State(state): State<AppState>,
    caller: Caller,
    Params((organization, user)): Params<(String, String)>,
) -> ApiResult<Json<OrganizationMember>> {
    let organization = state.app.find_organization(caller.actor(), &organization).await?;
    let id = OrganizationId::from_uuid(organization.id);
    let (member, _) = state.app.find_member(caller.actor(), id, &user).await?;
    Ok(Json(view::organizations::member(member)))
}
