//! Roles of the site and of organizations, and questions about one's own rights.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::ErrorResponse,
    roles::{
        AssignableRoles, AuthorizationCheck, AuthorizationRequest, AuthorizationResponse, CustomRoleRequest,
        ExternalApiKeyScopes, Role, UpdateRoles, UserRoles,
    },
    users::User,
};
use warren_app::{authcheck::Question, roles::RoleDraft};
use warren_vocab::{OrganizationId, UserId};

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(site_roles))
        .routes(routes!(user_roles, set_user_roles))
        .routes(routes!(organization_roles, create_role, update_role))
        .routes(routes!(delete_role))
        .routes(routes!(auth_check))
        .routes(routes!(scopes))
}

#[utoipa::path(get, path = "/api/v2/users/roles", responses((status = 200, body = Vec<AssignableRoles>)))]
async fn site_roles(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<Vec<AssignableRoles>>> {
    let roles = state.app.site_roles(caller.actor())?;
    Ok(Json(roles.into_iter().map(view::roles::assignable).collect()))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/roles", params(("user" = String, Path)),
    responses((status = 200, body = UserRoles), (status = 404, body = ErrorResponse)))]
async fn user_roles(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<UserRoles>> {
    let held = state.app.roles_of(caller.actor(), &user).await?;
    let organizations = held.organizations.into_iter().map(|(id, roles)| (id.to_string(), roles));
    Ok(Json(UserRoles { roles: held.site, organization_roles: organizations.collect() }))
}

#[utoipa::path(put, path = "/api/v2/users/{user}/roles", params(("user" = String, Path)),
    request_body = UpdateRoles,
    responses((status = 200, body = User), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn set_user_roles(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<UpdateRoles>,
) -> ApiResult<Json<User>> {
    let user = state.app.set_site_roles(caller.actor(), &user, body.roles).await?;
    let detail = state.app.user_details(vec![user]).await?.pop().ok_or_else(ApiError::not_found)?;
    Ok(Json(view::users::user(detail)?))
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}/members/roles",
    params(("organization" = String, Path)),
    responses((status = 200, body = Vec<AssignableRoles>), (status = 404, body = ErrorResponse)))]
async fn organization_roles(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
) -> ApiResult<Json<Vec<AssignableRoles>>> {
    let id = organization_id(&state, &caller, &organization).await?;
    let roles = state.app.organization_roles(caller.actor(), id).await?;
    Ok(Json(roles.into_iter().map(view::roles::assignable).collect()))
}

#[utoipa::path(post, path = "/api/v2/organizations/{organization}/members/roles",
    params(("organization" = String, Path)), request_body = CustomRoleRequest,
    responses((status = 200, body = Role), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse),
        (status = 409, body = ErrorResponse)))]
async fn create_role(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
    JsonBody(body): JsonBody<CustomRoleRequest>,
) -> ApiResult<Json<Role>> {
    let id = organization_id(&state, &caller, &organization).await?;
    Ok(Json(view::roles::role(state.app.create_role(caller.actor(), id, draft(body)).await?)))
}

#[utoipa::path(put, path = "/api/v2/organizations/{organization}/members/roles",
    params(("organization" = String, Path)), request_body = CustomRoleRequest,
    responses((status = 200, body = Role), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn update_role(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
    JsonBody(body): JsonBody<CustomRoleRequest>,
) -> ApiResult<Json<Role>> {
    let id = organization_id(&state, &caller, &organization).await?;
    Ok(Json(view::roles::role(state.app.update_role(caller.actor(), id, draft(body)).await?)))
}

#[utoipa::path(delete, path = "/api/v2/organizations/{organization}/members/roles/{roleName}",
    params(("organization" = String, Path), ("roleName" = String, Path)),
    responses((status = 204), (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn delete_role(
    State(state): State<AppState>,
    caller: Caller,
    Params((organization, role)): Params<(String, String)>,
) -> ApiResult<StatusCode> {
    let id = organization_id(&state, &caller, &organization).await?;
    state.app.delete_role(caller.actor(), id, &role).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/v2/authcheck", request_body = AuthorizationRequest,
    responses((status = 200, body = AuthorizationResponse), (status = 400, body = ErrorResponse)))]
async fn auth_check(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<AuthorizationRequest>,
) -> ApiResult<Json<AuthorizationResponse>> {
    let mut questions = BTreeMap::new();
    for (name, check) in body.checks {
        let question = question(&caller, &check).map_err(|(field, detail)| {
            let message = format!("The check {name:?} is not valid: {detail}");
            ApiError::bad_request(message).field(format!("checks.{name}.{field}"), detail)
        })?;
        questions.insert(name, question);
    }
    Ok(Json(AuthorizationResponse(state.app.answer_questions(caller.actor(), questions).await?)))
}

#[utoipa::path(get, path = "/api/v2/auth/scopes", responses((status = 200, body = ExternalApiKeyScopes)))]
async fn scopes() -> Json<ExternalApiKeyScopes> {
    Json(ExternalApiKeyScopes { external: warren_authz::requestable_scopes() })
}

async fn organization_id(state: &AppState, caller: &Caller, which: &str) -> ApiResult<OrganizationId> {
    let row = state.app.find_organization(caller.actor(), which).await?;
    Ok(OrganizationId::from_uuid(row.id))
}

fn draft(body: CustomRoleRequest) -> RoleDraft {
    RoleDraft {
        name: body.name,
        display_name: body.display_name,
        site_permissions: view::roles::texts(body.site_permissions),
        user_permissions: view::roles::texts(body.user_permissions),
        organization_permissions: view::roles::texts(body.organization_permissions),
        member_permissions: view::roles::texts(body.organization_member_permissions),
    }
}

fn question(caller: &Caller, check: &AuthorizationCheck) -> Result<Question, (&'static str, String)> {
    let object = &check.object;
    let optional = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let owner = match object.owner_id.as_str() {
        "me" => Some(caller.actor().id()),
        text => {
            optional(text).map(|id| id.parse::<UserId>()).transpose().map_err(in_field("object.owner_id"))?
        }
    };
    let organization = optional(&object.organization_id).map(|id| id.parse()).transpose();
    let id = optional(&object.resource_id).map(|id| id.parse()).transpose();
    Ok(Question {
        action: check.action.parse().map_err(in_field("action"))?,
        resource: object.resource_type.parse().map_err(in_field("object.resource_type"))?,
        id: id.map_err(in_field("object.resource_id"))?,
        owner,
        organization: organization.map_err(in_field("object.organization_id"))?,
        any_organization: object.any_org,
    })
}

fn in_field<E: std::fmt::Display>(field: &'static str) -> impl Fn(E) -> (&'static str, String) {
    move |error| (field, error.to_string())
}
