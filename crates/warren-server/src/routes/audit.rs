//! The audit log: reading, exporting, and made-up entries for tests.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    audit::{AuditLogResponse, CreateTestAuditLogRequest},
    error::ErrorResponse,
};
use warren_app::audit::{COUNT_MAX, TestEntry};
use warren_db::query::Page;
use warren_vocab::OrganizationId;

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Search, int32},
    state::AppState,
    view,
};

mod export;

/// Entries of one answer; an export has no such limit.
const LIMIT_MAX: u64 = 1000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(export_all)).routes(routes!(test_generate))
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

#[utoipa::path(get, path = "/api/v2/audit",
    params(("q" = Option<String>, Query), ("limit" = i32, Query), ("offset" = Option<i32>, Query)),
    responses((status = 200, body = AuditLogResponse), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<AuditLogResponse>> {
    if query.limit == 0 || query.limit > LIMIT_MAX {
        let invalid = ApiError::bad_request("Query parameters have invalid values.");
        return Err(invalid.field("limit", format!("must be given, from 1 to {LIMIT_MAX}")));
    }
    let page = Page { limit: query.limit, offset: query.offset };
    let (details, count) = state.app.list_audit_logs(caller.actor(), &query.q, page).await?;
    let audit_logs = details.into_iter().map(view::audit::log).collect::<ApiResult<_>>()?;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Json(AuditLogResponse { audit_logs, count: number(count), count_cap: number(COUNT_MAX) }))
}

#[derive(Deserialize)]
struct ExportQuery {
    #[serde(default)]
    q: String,
    format: export::Format,
}

#[utoipa::path(get, path = "/api/v2/audit/export",
    params(("q" = Option<String>, Query), ("format" = export::Format, Query)),
    responses((status = 200, description = "All entries that fit, newest first", body = String),
        (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse)))]
async fn export_all(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<ExportQuery>,
) -> ApiResult<Response> {
    let export = state.app.export_audit_logs(caller.actor(), &query.q).await?;
    Ok(export::response(state.app, export, query.format))
}

#[utoipa::path(post, path = "/api/v2/audit/testgenerate", request_body = CreateTestAuditLogRequest,
    responses((status = 204), (status = 403, body = ErrorResponse)))]
async fn test_generate(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(request): JsonBody<CreateTestAuditLogRequest>,
) -> ApiResult<StatusCode> {
    let mut fields = request.additional_fields.unwrap_or_default();
    if let Some(reason) = request.build_reason {
        fields.insert(String::from("build_reason"), reason.as_str().into());
    }
    let test = TestEntry {
        action: request.action,
        resource: request.resource_type,
        id: request.resource_id,
        organization: request.organization_id.and_then(OrganizationId::non_nil),
        request: request.request_id,
        time: request.time,
        fields,
    };
    state.app.create_test_entry(caller.actor(), test).await?;
    Ok(StatusCode::NO_CONTENT)
}
