//! Workspaces.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::ErrorResponse,
    workspaces::{CreateWorkspaceRequest, Workspace, WorkspacesResponse},
};
use warren_app::workspaces::{NewWorkspace, Source, WorkspaceSearch};
use warren_db::query::Page;
use warren_vocab::{BuildReason, UserId, WorkspaceId};

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search, int32},
    state::AppState,
    view,
};

mod watch;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(create))
        .routes(routes!(create_in_organization))
        .routes(routes!(get, rename))
        .routes(routes!(by_name))
        .routes(routes!(usage))
        .merge(watch::router())
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

#[utoipa::path(get, path = "/api/v2/workspaces",
    params(("q" = Option<String>, Query), ("limit" = Option<u64>, Query), ("offset" = Option<u64>, Query)),
    responses((status = 200, body = WorkspacesResponse), (status = 400, body = ErrorResponse)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<WorkspacesResponse>> {
    let search = WorkspaceSearch::parse(&query.q, &caller.actor().user.username)?;
    let page = Page { limit: query.limit, offset: query.offset };
    let (details, count) = state.app.list_workspaces(caller.actor(), search, page).await?;
    let at = state.app.now();
    let workspaces = details.into_iter().map(|detail| view::workspaces::workspace(detail, at));
    let workspaces = workspaces.collect::<ApiResult<_>>()?;
    Ok(Json(WorkspacesResponse { workspaces, count: i64::try_from(count).unwrap_or(i64::MAX) }))
}

#[utoipa::path(post, path = "/api/v2/users/{user}/workspaces", params(("user" = String, Path)),
    request_body = CreateWorkspaceRequest,
    responses((status = 201, body = Workspace), (status = 400, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<CreateWorkspaceRequest>,
) -> ApiResult<(StatusCode, Json<Workspace>)> {
    make(&state, &caller, &user, body).await
}

/// The older form of the same; the organization follows from the template.
#[utoipa::path(post, path = "/api/v2/organizations/{organization}/members/{user}/workspaces",
    params(("organization" = String, Path), ("user" = String, Path)), request_body = CreateWorkspaceRequest,
    responses((status = 201, body = Workspace), (status = 400, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
async fn create_in_organization(
    State(state): State<AppState>,
    caller: Caller,
    Params((organization, user)): Params<(String, String)>,
    JsonBody(body): JsonBody<CreateWorkspaceRequest>,
) -> ApiResult<(StatusCode, Json<Workspace>)> {
    state.app.find_organization(caller.actor(), &organization).await?;
    make(&state, &caller, &user, body).await
}

#[derive(Deserialize)]
struct GetQuery {
    #[serde(default)]
    include_deleted: bool,
}

#[utoipa::path(get, path = "/api/v2/workspaces/{workspace}",
    params(("workspace" = WorkspaceId, Path), ("include_deleted" = Option<bool>, Query)),
    responses((status = 200, body = Workspace), (status = 404, body = ErrorResponse), (status = 410, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(workspace): Params<WorkspaceId>,
    Search(query): Search<GetQuery>,
) -> ApiResult<Json<Workspace>> {
    let detail = state.app.find_workspace(caller.actor(), workspace, query.include_deleted).await?;
    Ok(Json(view::workspaces::workspace(detail, state.app.now())?))
}

#[derive(Deserialize)]
struct RenameBody {
    name: String,
}

#[utoipa::path(patch, path = "/api/v2/workspaces/{workspace}", params(("workspace" = WorkspaceId, Path)),
    request_body = Object, responses((status = 204), (status = 409, body = ErrorResponse)))]
async fn rename(
    State(state): State<AppState>,
    caller: Caller,
    Params(workspace): Params<WorkspaceId>,
    JsonBody(body): JsonBody<RenameBody>,
) -> ApiResult<StatusCode> {
    state.app.rename_workspace(caller.actor(), workspace, &body.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/v2/users/{user}/workspace/{workspacename}",
    params(("user" = String, Path), ("workspacename" = String, Path), ("include_deleted" = Option<bool>, Query)),
    responses((status = 200, body = Workspace), (status = 404, body = ErrorResponse)))]
async fn by_name(
    State(state): State<AppState>,
    caller: Caller,
    Params((user, name)): Params<(String, String)>,
    Search(query): Search<GetQuery>,
) -> ApiResult<Json<Workspace>> {
    let owner = state.app.find_user(caller.actor(), &user).await?;
    let owner = UserId::from_uuid(owner.id);
    let detail =
        state.app.find_workspace_by_name(caller.actor(), owner, &name, query.include_deleted).await?;
    Ok(Json(view::workspaces::workspace(detail, state.app.now())?))
}

#[utoipa::path(post, path = "/api/v2/workspaces/{workspace}/usage", params(("workspace" = WorkspaceId, Path)),
    responses((status = 204), (status = 404, body = ErrorResponse)))]
async fn usage(
    State(state): State<AppState>,
    caller: Caller,
    Params(workspace): Params<WorkspaceId>,
) -> ApiResult<StatusCode> {
    state.app.note_workspace_use(caller.actor(), workspace).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn make(
    state: &AppState,
    caller: &Caller,
    user: &str,
    body: CreateWorkspaceRequest,
) -> ApiResult<(StatusCode, Json<Workspace>)> {
    let owner = state.app.find_user(caller.actor(), user).await?;
    let source = match (body.template_id, body.template_version_id) {
        (Some(template), None) => Source::Template(template),
        (None, Some(version)) => Source::Version(version),
        (Some(_), Some(_)) | (None, None) => {
            let text = "give exactly one of template_id and template_version_id";
            return Err(ApiError::bad_request("Validation failed.").field("template_id", text));
        }
    };
    let new = NewWorkspace {
        source,
        name: body.name,
        autostart_schedule: body.autostart_schedule,
        ttl_ms: body.ttl_ms,
        parameters: body.rich_parameter_values.into_iter().map(|one| (one.name, one.value)).collect(),
        reason: BuildReason::Initiator,
    };
    let detail = state.app.create_workspace(caller.actor(), &owner, new).await?;
    Ok((StatusCode::CREATED, Json(view::workspaces::workspace(detail, state.app.now())?)))
}
