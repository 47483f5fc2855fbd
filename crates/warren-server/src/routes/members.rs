//! Who belongs to an organization.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::ErrorResponse,
    organizations::{OrganizationMember, OrganizationMemberWithUserData, PaginatedMembersResponse},
    roles::UpdateRoles,
    users::MinimalUser,
};
use warren_app::organizations::members::{Member, MemberSearch};
use warren_db::{
    entity::{custom_roles, organization_members},
    query::{self, Page},
};
use warren_vocab::OrganizationId;

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params, Search, int32},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_paginated))
        .routes(routes!(get, add, remove))
        .routes(routes!(set_roles))
        .routes(routes!(available_users))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default, deserialize_with = "int32")]
    limit: u64,
    #[serde(default, deserialize_with = "int32")]
    offset: u64,
}

impl ListQuery {
    fn page(&self) -> Page {
        Page { limit: self.limit, offset: self.offset }
    }
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}/members",
    params(("organization" = String, Path)),
    responses((status = 200, body = Vec<OrganizationMemberWithUserData>), (status = 404, body = ErrorResponse)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
) -> ApiResult<Json<Vec<OrganizationMemberWithUserData>>> {
    let organization = organization_id(&state, &caller, &organization).await?;
    let all = state.app.list_members(caller.actor(), organization, MemberSearch::default(), Page::default());
    let (members, _) = all.await?;
    Ok(Json(shown(&state, organization, members).await?))
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}/paginated-members",
    params(("organization" = String, Path), ("q" = Option<String>, Query), ("limit" = Option<u32>, Query),
        ("offset" = Option<u32>, Query)),
    responses((status = 200, body = PaginatedMembersResponse), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
async fn list_paginated(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<PaginatedMembersResponse>> {
    let organization = organization_id(&state, &caller, &organization).await?;
    let wanted = MemberSearch::parse(&query.q)?;
    let (members, count) = state.app.list_members(caller.actor(), organization, wanted, query.page()).await?;
    let members = shown(&state, organization, members).await?;
    Ok(Json(PaginatedMembersResponse { members, count: i64::try_from(count).unwrap_or(i64::MAX) }))
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}/members/{user}",
    params(("organization" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = OrganizationMemberWithUserData), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params((organization, user)): Params<(String, String)>,
) -> ApiResult<Json<OrganizationMemberWithUserData>> {
    let organization = organization_id(&state, &caller, &organization).await?;
    let member = state.app.find_member(caller.actor(), organization, &user).await?;
    let custom = custom_roles(&state, organization).await?;
    Ok(Json(view::organizations::member_with_user(member, &custom)?))
}

#[utoipa::path(post, path = "/api/v2/organizations/{organization}/members/{user}",
    params(("organization" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = OrganizationMember), (status = 403, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
async fn add(
    State(state): State<AppState>,
    caller: Caller,
    Params((organization, user)): Params<(String, String)>,
) -> ApiResult<Json<OrganizationMember>> {
    let organization = organization_id(&state, &caller, &organization).await?;
    let row = state.app.add_member(caller.actor(), organization, &user).await?;
    shown_one(&state, organization, row).await
}

#[utoipa::path(delete, path = "/api/v2/organizations/{organization}/members/{user}",
    params(("organization" = String, Path), ("user" = String, Path)),
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Params((organization, user)): Params<(String, String)>,
) -> ApiResult<StatusCode> {
    let organization = organization_id(&state, &caller, &organization).await?;
    state.app.remove_member(caller.actor(), organization, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(put, path = "/api/v2/organizations/{organization}/members/{user}/roles",
    params(("organization" = String, Path), ("user" = String, Path)), request_body = UpdateRoles,
    responses((status = 200, body = OrganizationMember), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn set_roles(
    State(state): State<AppState>,
    caller: Caller,
    Params((organization, user)): Params<(String, String)>,
    JsonBody(body): JsonBody<UpdateRoles>,
) -> ApiResult<Json<OrganizationMember>> {
    let organization = organization_id(&state, &caller, &organization).await?;
    let row = state.app.set_member_roles(caller.actor(), organization, &user, body.roles).await?;
    shown_one(&state, organization, row).await
}

#[utoipa::path(get,
    path = "/api/v2/organizations/{organization}/members/{user}/workspaces/available-users",
    params(("organization" = String, Path), ("user" = String, Path), ("q" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query)),
    responses((status = 200, body = Vec<MinimalUser>), (status = 403, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
async fn available_users(
    State(state): State<AppState>,
    caller: Caller,
    Params((organization, _user)): Params<(String, String)>,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<Vec<MinimalUser>>> {
    let organization = organization_id(&state, &caller, &organization).await?;
    let text = Some(query.q.trim().to_owned()).filter(|text| !text.is_empty());
    let users = state.app.workspace_owners(caller.actor(), organization, text, query.page()).await?;
    Ok(Json(users.iter().map(view::users::minimal).collect()))
}

async fn organization_id(state: &AppState, caller: &Caller, which: &str) -> ApiResult<OrganizationId> {
    let row = state.app.find_organization(caller.actor(), which).await?;
    Ok(OrganizationId::from_uuid(row.id))
}

async fn custom_roles(state: &AppState, organization: OrganizationId) -> ApiResult<Vec<custom_roles::Model>> {
    Ok(query::custom_roles::list(state.app.db().reader(), &[organization]).await?)
}

async fn shown(
    state: &AppState,
    organization: OrganizationId,
    members: Vec<Member>,
) -> ApiResult<Vec<OrganizationMemberWithUserData>> {
    let custom = custom_roles(state, organization).await?;
    members.into_iter().map(|member| view::organizations::member_with_user(member, &custom)).collect()
}

async fn shown_one(
    state: &AppState,
    organization: OrganizationId,
    row: organization_members::Model,
) -> ApiResult<Json<OrganizationMember>> {
    let custom = custom_roles(state, organization).await?;
    Ok(Json(view::organizations::member(row, &custom)))
}
