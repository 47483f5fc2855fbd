//! Templates.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::{ErrorResponse, MessageResponse},
    templates::{CreateTemplateRequest, Template, UpdateActiveTemplateVersion, UpdateTemplateMeta},
};
use warren_app::templates::{NewTemplate, TemplateChange, TemplateDetail};
use warren_vocab::{OrganizationId, TemplateId};

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params},
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

#[utoipa::path(get, path = "/api/v2/templates", responses((status = 200, body = Vec<Template>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<Vec<Template>>> {
    show(state.app.list_templates(caller.actor(), None).await?)
}

#[utoipa::path(get, path = "/api/v2/organizations/{organization}/templates", params(("organization" = String, Path)),
    responses((status = 200, body = Vec<Template>)))]
async fn list_in_organization(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
) -> ApiResult<Json<Vec<Template>>> {
    let organization = state.app.find_organization(caller.actor(), &organization).await?;
    let id = OrganizationId::from_uuid(organization.id);
    show(state.app.list_templates(caller.actor(), Some(id)).await?)
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
