//! Workspace builds. The route of their logs is with the other job logs.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::{ErrorResponse, MessageResponse},
    workspaces::{CreateWorkspaceBuildRequest, WorkspaceBuild, WorkspaceBuildParameter},
};
use warren_app::{builds::NewBuild, details::BuildDetail};
use warren_db::query::Page;
use warren_vocab::{BuildId, BuildReason, JobStatus, UserId, WorkspaceId};

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search, int32},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(by_number))
        .routes(routes!(get))
        .routes(routes!(parameters))
        .routes(routes!(cancel))
}

#[derive(Deserialize)]
struct ListQuery {
    since: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "int32")]
    limit: u64,
    #[serde(default, deserialize_with = "int32")]
    offset: u64,
}

#[utoipa::path(get, path = "/api/v2/workspaces/{workspace}/builds",
    params(("workspace" = WorkspaceId, Path), ("since" = Option<String>, Query), ("limit" = Option<u64>, Query),
        ("offset" = Option<u64>, Query)),
    responses((status = 200, body = Vec<WorkspaceBuild>), (status = 404, body = ErrorResponse)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(workspace): Params<WorkspaceId>,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<Vec<WorkspaceBuild>>> {
    let page = Page { limit: query.limit, offset: query.offset };
    let details = state.app.list_builds(caller.actor(), workspace, query.since, page).await?;
    let at = state.app.now();
    let builds = details.into_iter().map(|detail| view::workspaces::build(detail, at));
    Ok(Json(builds.collect::<ApiResult<_>>()?))
}

#[utoipa::path(post, path = "/api/v2/workspaces/{workspace}/builds", params(("workspace" = WorkspaceId, Path)),
    request_body = CreateWorkspaceBuildRequest,
    responses((status = 201, body = WorkspaceBuild), (status = 400, body = ErrorResponse),
        (status = 406, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Params(workspace): Params<WorkspaceId>,
    JsonBody(body): JsonBody<CreateWorkspaceBuildRequest>,
) -> ApiResult<(StatusCode, Json<WorkspaceBuild>)> {
    if body.dry_run {
        return Err(ApiError::bad_request("Validation failed.").field("dry_run", "is not supported"));
    }
    let new = NewBuild {
        version: body.template_version_id,
        parameters: body.rich_parameter_values.into_iter().map(|one| (one.name, one.value)).collect(),
        reason: reason(body.reason)?,
        orphan: body.orphan,
        ..NewBuild::of(body.transition)
    };
    let detail = state.app.create_build(caller.actor(), workspace, new).await?;
    Ok((StatusCode::CREATED, show(&state, detail)?))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/workspace/{workspacename}/builds/{buildnumber}",
    params(("user" = String, Path), ("workspacename" = String, Path), ("buildnumber" = i32, Path)),
    responses((status = 200, body = WorkspaceBuild), (status = 404, body = ErrorResponse)))]
async fn by_number(
    State(state): State<AppState>,
    caller: Caller,
    Params((user, name, number)): Params<(String, String, i32)>,
) -> ApiResult<Json<WorkspaceBuild>> {
    let owner = state.app.find_user(caller.actor(), &user).await?;
    let owner = UserId::from_uuid(owner.id);
    let workspace = state.app.find_workspace_by_name(caller.actor(), owner, &name, true).await?.workspace;
    let id = WorkspaceId::from_uuid(workspace.id);
    show(&state, state.app.find_build_by_number(caller.actor(), id, number).await?)
}

#[utoipa::path(get, path = "/api/v2/workspacebuilds/{workspacebuild}", params(("workspacebuild" = BuildId, Path)),
    responses((status = 200, body = WorkspaceBuild), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(build): Params<BuildId>,
) -> ApiResult<Json<WorkspaceBuild>> {
    show(&state, state.app.find_build(caller.actor(), build).await?)
}

#[utoipa::path(get, path = "/api/v2/workspacebuilds/{workspacebuild}/parameters",
    params(("workspacebuild" = BuildId, Path)),
    responses((status = 200, body = Vec<WorkspaceBuildParameter>), (status = 404, body = ErrorResponse)))]
async fn parameters(
    State(state): State<AppState>,
    caller: Caller,
    Params(build): Params<BuildId>,
) -> ApiResult<Json<Vec<WorkspaceBuildParameter>>> {
    let rows = state.app.build_parameters(caller.actor(), build).await?;
    let shown = rows.into_iter().map(|row| WorkspaceBuildParameter { name: row.name, value: row.value });
    Ok(Json(shown.collect()))
}

#[derive(Deserialize)]
struct CancelQuery {
    expect_status: Option<String>,
}

#[utoipa::path(patch, path = "/api/v2/workspacebuilds/{workspacebuild}/cancel",
    params(("workspacebuild" = BuildId, Path), ("expect_status" = Option<String>, Query)),
    responses((status = 200, body = MessageResponse), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 412, body = ErrorResponse)))]
async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Params(build): Params<BuildId>,
    Search(query): Search<CancelQuery>,
) -> ApiResult<Json<MessageResponse>> {
    let expected = match query.expect_status.as_deref() {
        None => None,
        Some("running") => Some(JobStatus::Running),
        Some("pending") => Some(JobStatus::Pending),
        Some(_) => {
            let invalid = ApiError::bad_request("Query parameters have invalid values.");
            return Err(invalid.field("expect_status", "must be running or pending"));
        }
    };
    state.app.cancel_build(caller.actor(), build, expected).await?;
    Ok(Json(MessageResponse { message: String::from("Job has been marked as canceled...") }))
}

/// Reasons that only the server gives are refused.
fn reason(given: Option<BuildReason>) -> ApiResult<BuildReason> {
    let Some(reason) = given else { return Ok(BuildReason::Initiator) };
    match reason {
        BuildReason::Dashboard
        | BuildReason::Cli
        | BuildReason::SshConnection
        | BuildReason::VscodeConnection
        | BuildReason::JetbrainsConnection
        | BuildReason::TaskManualPause
        | BuildReason::TaskResume => Ok(reason),
        BuildReason::Initiator
        | BuildReason::Autostart
        | BuildReason::Autostop
        | BuildReason::Dormancy
        | BuildReason::TaskAutoPause => {
            Err(ApiError::bad_request("Validation failed.").field("reason", "is given by the server only"))
        }
    }
}

fn show(state: &AppState, detail: BuildDetail) -> ApiResult<Json<WorkspaceBuild>> {
    Ok(Json(view::workspaces::build(detail, state.app.now())?))
}
