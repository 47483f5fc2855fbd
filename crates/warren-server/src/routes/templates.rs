//! Templates.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::{ErrorResponse, MessageResponse},
    templates::{CreateTemplateRequest, Template, UpdateActiveTemplateVersion, UpdateTemplateMeta},
};
use warren_app::templates::{NewTemplate, TemplateChange, TemplateDetail, TemplateSearch};
use warren_vocab::{OrganizationId, TemplateId};

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params, Search},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_in_organization, create))
        .routes(routes!(by_name))
        .routes(routes!(get, update, delete))
        .routes(routes!(promote))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    q: String,
}

#[utoipa::path(get, path = "/api/v2/templates", params(("q" = Option<String>, Query)),
    responses((status = 200, body = Vec<Template>), (status = 400, body = ErrorResponse)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<Vec<Template>>> {
    let search = TemplateSearch::parse(&query.q, &caller.actor().user.username)?;
    show(state.app.search_templates(caller.actor(), None, &search).await?)
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}/templates",
    params(("organization" = String, Path), ("q" = Option<String>, Query)),
    responses((status = 200, body = Vec<Template>), (status = 400, body = ErrorResponse)))]
async fn list_in_organization(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<Vec<Template>>> {
    let organization = state.app.find_organization(caller.actor(), &organization).await?;
    let id = OrganizationId::from_uuid(organization.id);
    let search = TemplateSearch::parse(&query.q, &caller.actor().user.username)?;
    show(state.app.search_templates(caller.actor(), Some(id), &search).await?)
}

#[utoipa::path(post, path = "/api/v2/organizations/{organization}/templates", params(("organization" = String, Path)),
    request_body = CreateTemplateRequest,
    responses((status = 201, body = Template), (status = 409, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
    JsonBody(body): JsonBody<CreateTemplateRequest>,
) -> ApiResult<(StatusCode, Json<Template>)> {
    let organization = state.app.find_organization(caller.actor(), &organization).await?;
    let new = NewTemplate {
        organization: OrganizationId::from_uuid(organization.id),
        version: body.template_version_id,
        name: body.name,
        display_name: body.display_name,
        description: body.description,
        icon: body.icon,
        default_ttl_ms: body.default_ttl_ms.unwrap_or(0),
        allow_user_cancel_workspace_jobs: body.allow_user_cancel_workspace_jobs.unwrap_or(true),
    };
    let detail = state.app.create_template(caller.actor(), new).await?;
    Ok((StatusCode::CREATED, Json(view::templates::template(detail)?)))
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}/templates/{templatename}",
    params(("organization" = String, Path), ("templatename" = String, Path)),
    responses((status = 200, body = Template), (status = 404, body = ErrorResponse)))]
async fn by_name(
    State(state): State<AppState>,
    caller: Caller,
    Params((organization, name)): Params<(String, String)>,
) -> ApiResult<Json<Template>> {
    let organization = state.app.find_organization(caller.actor(), &organization).await?;
    let id = OrganizationId::from_uuid(organization.id);
    let detail = state.app.find_template_by_name(caller.actor(), id, &name).await?;
    Ok(Json(view::templates::template(detail)?))
}

#[utoipa::path(get, path = "/api/v2/templates/{template}", params(("template" = TemplateId, Path)),
    responses((status = 200, body = Template), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(template): Params<TemplateId>,
) -> ApiResult<Json<Template>> {
    let detail = state.app.find_template(caller.actor(), template).await?;
    Ok(Json(view::templates::template(detail)?))
}

#[utoipa::path(patch, path = "/api/v2/templates/{template}", params(("template" = TemplateId, Path)),
    request_body = UpdateTemplateMeta, responses((status = 200, body = Template), (status = 404, body = ErrorResponse)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Params(template): Params<TemplateId>,
    JsonBody(body): JsonBody<UpdateTemplateMeta>,
) -> ApiResult<Json<Template>> {
    let change = TemplateChange {
        name: body.name,
        display_name: body.display_name,
        description: body.description,
        icon: body.icon,
        default_ttl_ms: body.default_ttl_ms,
        allow_user_cancel_workspace_jobs: body.allow_user_cancel_workspace_jobs,
    };
    let detail = state.app.update_template(caller.actor(), template, change).await?;
    Ok(Json(view::templates::template(detail)?))
}

#[utoipa::path(delete, path = "/api/v2/templates/{template}", params(("template" = TemplateId, Path)),
    responses((status = 200, body = MessageResponse), (status = 400, body = ErrorResponse)))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Params(template): Params<TemplateId>,
) -> ApiResult<Json<MessageResponse>> {
    state.app.delete_template(caller.actor(), template).await?;
    Ok(Json(MessageResponse { message: String::from("Template has been deleted!") }))
}

#[utoipa::path(patch, path = "/api/v2/templates/{template}/versions", params(("template" = TemplateId, Path)),
    request_body = UpdateActiveTemplateVersion,
    responses((status = 200, body = MessageResponse), (status = 400, body = ErrorResponse)))]
async fn promote(
    State(state): State<AppState>,
    caller: Caller,
    Params(template): Params<TemplateId>,
    JsonBody(body): JsonBody<UpdateActiveTemplateVersion>,
) -> ApiResult<Json<MessageResponse>> {
    state.app.promote_version(caller.actor(), template, body.id).await?;
    Ok(Json(MessageResponse { message: String::from("Updated the active template version!") }))
}

fn show(details: Vec<TemplateDetail>) -> ApiResult<Json<Vec<Template>>> {
    Ok(Json(details.into_iter().map(view::templates::template).collect::<ApiResult<_>>()?))
}
