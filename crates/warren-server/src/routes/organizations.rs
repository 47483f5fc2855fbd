//! Organizations and their settings.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::{ErrorResponse, MessageResponse},
    organizations::{
        CreateOrganizationRequest, Organization, UpdateOrganizationRequest,
        UpdateWorkspaceSharingSettingsRequest, WorkspaceSharingSettings,
    },
};
use warren_app::organizations::{NewOrganization, OrganizationChange, SharingChange};

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(sharing, update_sharing))
}

#[utoipa::path(get, path = "/api/v2/organizations", responses((status = 200, body = Vec<Organization>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<Vec<Organization>>> {
    let rows = state.app.list_organizations(caller.actor()).await?;
    Ok(Json(rows.into_iter().map(view::organizations::organization).collect()))
}

#[utoipa::path(post, path = "/api/v2/organizations", request_body = CreateOrganizationRequest,
    responses((status = 201, body = Organization), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateOrganizationRequest>,
) -> ApiResult<(StatusCode, Json<Organization>)> {
    let new = NewOrganization {
        name: body.name,
        display_name: body.display_name,
        description: body.description,
        icon: body.icon,
    };
    let row = state.app.create_organization(caller.actor(), new).await?;
    Ok((StatusCode::CREATED, Json(view::organizations::organization(row))))
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

#[utoipa::path(patch, path = "/api/v2/organizations/{organization}", params(("organization" = String, Path)),
    request_body = UpdateOrganizationRequest,
    responses((status = 200, body = Organization), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse),
        (status = 409, body = ErrorResponse)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
    JsonBody(body): JsonBody<UpdateOrganizationRequest>,
) -> ApiResult<Json<Organization>> {
    let change = OrganizationChange {
        name: body.name,
        display_name: body.display_name,
        description: body.description,
        icon: body.icon,
        default_member_roles: body.default_org_member_roles,
    };
    let row = state.app.update_organization(caller.actor(), &organization, change).await?;
    Ok(Json(view::organizations::organization(row)))
}

#[utoipa::path(delete, path = "/api/v2/organizations/{organization}", params(("organization" = String, Path)),
    responses((status = 200, body = MessageResponse), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
) -> ApiResult<Json<MessageResponse>> {
    state.app.delete_organization(caller.actor(), &organization).await?;
    Ok(Json(MessageResponse { message: String::from("Organization has been deleted.") }))
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}/settings/workspace-sharing",
    params(("organization" = String, Path)),
    responses((status = 200, body = WorkspaceSharingSettings), (status = 404, body = ErrorResponse)))]
async fn sharing(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
) -> ApiResult<Json<WorkspaceSharingSettings>> {
    let row = state.app.find_organization(caller.actor(), &organization).await?;
    Ok(Json(view::organizations::sharing(&row)))
}

#[utoipa::path(patch, path = "/api/v2/organizations/{organization}/settings/workspace-sharing",
    params(("organization" = String, Path)), request_body = UpdateWorkspaceSharingSettingsRequest,
    responses((status = 200, body = WorkspaceSharingSettings), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn update_sharing(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
    JsonBody(body): JsonBody<UpdateWorkspaceSharingSettingsRequest>,
) -> ApiResult<Json<WorkspaceSharingSettings>> {
    let change = SharingChange { disabled: body.sharing_disabled, owners: body.shareable_workspace_owners };
    let row = state.app.update_sharing(caller.actor(), &organization, change).await?;
    Ok(Json(view::organizations::sharing(&row)))
}
