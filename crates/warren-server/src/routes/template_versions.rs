//! Template versions. The route of their logs is with the other job logs.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    agents::WorkspaceResource,
    error::{ErrorResponse, MessageResponse},
    templates::{CreateTemplateVersionRequest, TemplateVersion, TemplateVersionParameter},
};
use warren_app::{details::VersionDetail, job_input::VariableValue, template_versions::NewVersion};
use warren_db::query::Page;
use warren_vocab::{JobId, OrganizationId, TemplateId, TemplateVersionId};

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search, int32},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(list))
        .routes(routes!(by_name))
        .routes(routes!(by_names))
        .routes(routes!(previous))
        .routes(routes!(get))
        .routes(routes!(parameters))
        .routes(routes!(resources))
        .routes(routes!(presets))
        .routes(routes!(external_auth))
        .routes(routes!(cancel))
}

#[utoipa::path(post, path = "/api/v2/organizations/{organization}/templateversions",
    params(("organization" = String, Path)), request_body = CreateTemplateVersionRequest,
    responses((status = 201, body = TemplateVersion), (status = 400, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Params(organization): Params<String>,
    JsonBody(body): JsonBody<CreateTemplateVersionRequest>,
) -> ApiResult<(StatusCode, Json<TemplateVersion>)> {
    let organization = state.app.find_organization(caller.actor(), &organization).await?;
    let new = new_version(OrganizationId::from_uuid(organization.id), body)?;
    let detail = state.app.create_version(caller.actor(), new).await?;
    Ok((StatusCode::CREATED, Json(view::templates::version(detail)?)))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    include_archived: bool,
    #[serde(default, deserialize_with = "int32")]
    limit: u64,
    #[serde(default, deserialize_with = "int32")]
    offset: u64,
}

#[utoipa::path(get, path = "/api/v2/templates/{template}/versions",
    params(("template" = TemplateId, Path), ("include_archived" = Option<bool>, Query), ("limit" = Option<u64>, Query),
        ("offset" = Option<u64>, Query)),
    responses((status = 200, body = Vec<TemplateVersion>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(template): Params<TemplateId>,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<Vec<TemplateVersion>>> {
    let page = Page { limit: query.limit, offset: query.offset };
    let details = state.app.list_versions(caller.actor(), template, query.include_archived, page).await?;
    Ok(Json(details.into_iter().map(view::templates::version).collect::<ApiResult<_>>()?))
}

#[utoipa::path(get, path = "/api/v2/templates/{template}/versions/{templateversionname}",
    params(("template" = TemplateId, Path), ("templateversionname" = String, Path)),
    responses((status = 200, body = TemplateVersion), (status = 404, body = ErrorResponse)))]
async fn by_name(
    State(state): State<AppState>,
    caller: Caller,
    Params((template, name)): Params<(TemplateId, String)>,
) -> ApiResult<Json<TemplateVersion>> {
    let detail = state.app.find_version_by_name(caller.actor(), template, &name).await?;
    Ok(Json(view::templates::version(detail)?))
}

#[utoipa::path(get,
    path = "/api/v2/organizations/{organization}/templates/{templatename}/versions/{templateversionname}",
    params(("organization" = String, Path), ("templatename" = String, Path), ("templateversionname" = String, Path)),
    responses((status = 200, body = TemplateVersion), (status = 404, body = ErrorResponse)))]
async fn by_names(
    State(state): State<AppState>,
    caller: Caller,
    Params(names): Params<(String, String, String)>,
) -> ApiResult<Json<TemplateVersion>> {
    Ok(Json(view::templates::version(find_by_names(&state, &caller, &names).await?)?))
}

#[utoipa::path(get,
    path = "/api/v2/organizations/{organization}/templates/{templatename}/versions/{templateversionname}/previous",
    params(("organization" = String, Path), ("templatename" = String, Path), ("templateversionname" = String, Path)),
    responses((status = 200, body = TemplateVersion), (status = 204), (status = 404, body = ErrorResponse)))]
async fn previous(
    State(state): State<AppState>,
    caller: Caller,
    Params(names): Params<(String, String, String)>,
) -> ApiResult<Response> {
    let detail = find_by_names(&state, &caller, &names).await?;
    match state.app.previous_version(&detail).await? {
        Some(previous) => Ok(Json(view::templates::version(previous)?).into_response()),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

#[utoipa::path(get, path = "/api/v2/templateversions/{templateversion}",
    params(("templateversion" = TemplateVersionId, Path)),
    responses((status = 200, body = TemplateVersion), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(version): Params<TemplateVersionId>,
) -> ApiResult<Json<TemplateVersion>> {
    let detail = state.app.find_version(caller.actor(), version).await?;
    Ok(Json(view::templates::version(detail)?))
}

#[utoipa::path(get, path = "/api/v2/templateversions/{templateversion}/rich-parameters",
    params(("templateversion" = TemplateVersionId, Path)),
    responses((status = 200, body = Vec<TemplateVersionParameter>), (status = 404, body = ErrorResponse)))]
async fn parameters(
    State(state): State<AppState>,
    caller: Caller,
    Params(version): Params<TemplateVersionId>,
) -> ApiResult<Json<Vec<TemplateVersionParameter>>> {
    let rows = state.app.version_parameters(caller.actor(), version).await?;
    Ok(Json(rows.into_iter().map(view::templates::parameter).collect::<ApiResult<_>>()?))
}

#[utoipa::path(get, path = "/api/v2/templateversions/{templateversion}/resources",
    params(("templateversion" = TemplateVersionId, Path)),
    responses((status = 200, body = Vec<WorkspaceResource>), (status = 404, body = ErrorResponse)))]
async fn resources(
    State(state): State<AppState>,
    caller: Caller,
    Params(version): Params<TemplateVersionId>,
) -> ApiResult<Json<Vec<WorkspaceResource>>> {
    let detail = state.app.find_version(caller.actor(), version).await?;
    let rows = state.app.version_resources(caller.actor(), version).await?;
    Ok(Json(view::agents::resources_of(&rows, JobId::from_uuid(detail.version.job_id), state.app.now())?))
}

/// No template has presets yet; clients ask before they make a workspace.
#[utoipa::path(get, path = "/api/v2/templateversions/{templateversion}/presets",
    params(("templateversion" = TemplateVersionId, Path)), responses((status = 200, body = Vec<Object>)))]
async fn presets(
    State(state): State<AppState>,
    caller: Caller,
    Params(version): Params<TemplateVersionId>,
) -> ApiResult<Json<Vec<Value>>> {
    state.app.find_version(caller.actor(), version).await?;
    Ok(Json(Vec::new()))
}

/// No template needs an external account yet; clients ask before they make a workspace.
#[utoipa::path(get, path = "/api/v2/templateversions/{templateversion}/external-auth",
    params(("templateversion" = TemplateVersionId, Path)), responses((status = 200, body = Vec<Object>)))]
async fn external_auth(
    State(state): State<AppState>,
    caller: Caller,
    Params(version): Params<TemplateVersionId>,
) -> ApiResult<Json<Vec<Value>>> {
    state.app.find_version(caller.actor(), version).await?;
    Ok(Json(Vec::new()))
}

#[utoipa::path(patch, path = "/api/v2/templateversions/{templateversion}/cancel",
    params(("templateversion" = TemplateVersionId, Path)),
    responses((status = 200, body = MessageResponse), (status = 400, body = ErrorResponse)))]
async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Params(version): Params<TemplateVersionId>,
) -> ApiResult<Json<MessageResponse>> {
    state.app.cancel_version(caller.actor(), version).await?;
    Ok(Json(MessageResponse { message: String::from("Job has been marked as canceled...") }))
}

async fn find_by_names(
    state: &AppState,
    caller: &Caller,
    (organization, template, version): &(String, String, String),
) -> ApiResult<VersionDetail> {
    let organization = state.app.find_organization(caller.actor(), organization).await?;
    let id = OrganizationId::from_uuid(organization.id);
    let template = state.app.find_template_by_name(caller.actor(), id, template).await?.template;
    let id = TemplateId::from_uuid(template.id);
    Ok(state.app.find_version_by_name(caller.actor(), id, version).await?)
}

fn new_version(organization: OrganizationId, body: CreateTemplateVersionRequest) -> ApiResult<NewVersion> {
    let invalid =
        |field: &str, detail: &str| ApiError::bad_request("Validation failed.").field(field, detail);
    if body.storage_method != "file" {
        return Err(invalid("storage_method", "must be \"file\""));
    }
    if body.provisioner != "terraform" {
        return Err(invalid("provisioner", "must be \"terraform\""));
    }
    if !body.example_id.is_empty() {
        return Err(invalid("example_id", "is not supported; upload the template's files and give file_id"));
    }
    let file = body.file_id.ok_or_else(|| invalid("file_id", "is required"))?;
    let variable =
        |one: warren_api::templates::VariableValue| VariableValue { name: one.name, value: one.value };
    Ok(NewVersion {
        organization,
        template: body.template_id,
        name: body.name,
        message: body.message,
        file,
        tags: body.tags,
        variables: body.user_variable_values.into_iter().map(variable).collect(),
    })
}
