//! What chats cost and what may be spent.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    chats::usage::{
        ChatCostSummary, ChatCostUsersResponse, ChatUsageLimitConfig, ChatUsageLimitConfigResponse,
        ChatUsageLimitOverride, ChatUsageLimitStatus, UpsertChatUsageLimitOverrideRequest,
    },
    error::ErrorResponse,
};
use warren_chat::{LimitConfig, UserLimit};
use warren_db::query::{Page, chat_costs::Span};
use warren_vocab::UserId;

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search, int32},
    state::AppState,
    view::chat_usage as view,
};

/// What a summary covers unless the request says otherwise.
const SPAN_DEFAULT: TimeDelta = TimeDelta::days(30);
const USERS_DEFAULT: u64 = 50;
const USERS_MAX: u64 = 200;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(users))
        .routes(routes!(summary))
        .routes(routes!(limits, set_limits))
        .routes(routes!(status))
        .routes(routes!(set_override, delete_override))
}

#[derive(Deserialize)]
struct SummaryQuery {
    start_date: Option<String>,
    end_date: Option<String>,
}

#[derive(Deserialize)]
struct UsersQuery {
    start_date: Option<String>,
    end_date: Option<String>,
    #[serde(default)]
    username: String,
    #[serde(default, deserialize_with = "int32")]
    limit: u64,
    #[serde(default, deserialize_with = "int32")]
    offset: u64,
}

#[utoipa::path(get, path = "/api/experimental/chats/cost/users",
    params(("start_date" = Option<String>, Query), ("end_date" = Option<String>, Query),
        ("username" = Option<String>, Query), ("limit" = Option<u64>, Query), ("offset" = Option<u64>, Query)),
    responses((status = 200, body = ChatCostUsersResponse), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
async fn users(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<UsersQuery>,
) -> ApiResult<Json<ChatCostUsersResponse>> {
    let span = span(query.start_date.as_deref(), query.end_date.as_deref(), state.app.now())?;
    let limit = if query.limit == 0 { USERS_DEFAULT } else { query.limit.min(USERS_MAX) };
    let page = Page { limit, offset: query.offset };
    let subject = &caller.actor().subject;
    let (sums, count) = state.chat.costs_by_user(subject, span, query.username.trim(), page).await?;
    Ok(Json(ChatCostUsersResponse {
        start_date: span.from,
        end_date: span.until,
        count,
        users: sums.into_iter().map(view::user).collect(),
    }))
}

#[utoipa::path(get, path = "/api/experimental/chats/cost/{user}/summary",
    params(("user" = String, Path), ("start_date" = Option<String>, Query), ("end_date" = Option<String>, Query)),
    responses((status = 200, body = ChatCostSummary), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
async fn summary(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    Search(query): Search<SummaryQuery>,
) -> ApiResult<Json<ChatCostSummary>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let span = span(query.start_date.as_deref(), query.end_date.as_deref(), state.app.now())?;
    let found = state.chat.costs(&caller.actor().subject, UserId::from_uuid(user.id), span).await?;
    Ok(Json(view::summary(found, span)))
}

#[utoipa::path(get, path = "/api/experimental/chats/usage-limits",
    responses((status = 200, body = ChatUsageLimitConfigResponse), (status = 404, body = ErrorResponse)))]
async fn limits(
    State(state): State<AppState>,
    caller: Caller,
) -> ApiResult<Json<ChatUsageLimitConfigResponse>> {
    Ok(Json(view::limits(state.chat.limits(&caller.actor().subject).await?)))
}

#[utoipa::path(put, path = "/api/experimental/chats/usage-limits", request_body = ChatUsageLimitConfig,
    responses((status = 200, body = ChatUsageLimitConfig), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse)))]
async fn set_limits(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<ChatUsageLimitConfig>,
) -> ApiResult<Json<ChatUsageLimitConfig>> {
    let config =
        LimitConfig { default_limit_micros: body.spend_limit_micros, period: view::period_of(body.period) };
    let updated_at = state.chat.set_limit(caller.chat(), config).await?;
    Ok(Json(ChatUsageLimitConfig { updated_at, ..body }))
}

#[utoipa::path(get, path = "/api/experimental/chats/usage-limits/status",
    responses((status = 200, body = ChatUsageLimitStatus)))]
async fn status(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<ChatUsageLimitStatus>> {
    Ok(Json(view::status(state.chat.standing(&caller.actor().subject).await?)))
}

#[utoipa::path(put, path = "/api/experimental/chats/usage-limits/overrides/{user}",
    params(("user" = String, Path)), request_body = UpsertChatUsageLimitOverrideRequest,
    responses((status = 200, body = ChatUsageLimitOverride), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn set_override(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<UpsertChatUsageLimitOverrideRequest>,
) -> ApiResult<Json<ChatUsageLimitOverride>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let limit_micros = body.spend_limit_micros;
    let id = UserId::from_uuid(user.id);
    let user = state.chat.set_user_limit(caller.chat(), id, Some(limit_micros)).await?;
    Ok(Json(view::user_limit(UserLimit { user, limit_micros })))
}

#[utoipa::path(delete, path = "/api/experimental/chats/usage-limits/overrides/{user}",
    params(("user" = String, Path)),
    responses((status = 204), (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn delete_override(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<StatusCode> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    state.chat.set_user_limit(caller.chat(), UserId::from_uuid(user.id), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The last 30 days unless the request says otherwise. A date without a time is a whole day, in UTC.
fn span(start: Option<&str>, end: Option<&str>, at: DateTime<Utc>) -> ApiResult<Span> {
    let until = match end.filter(|text| !text.is_empty()) {
        Some(text) => time("end_date", text, 1)?,
        None => at,
    };
    let from = match start.filter(|text| !text.is_empty()) {
        Some(text) => time("start_date", text, 0)?,
        None => until.checked_sub_signed(SPAN_DEFAULT).unwrap_or(until),
    };
    if from >= until {
        let error = ApiError::bad_request("The time between the two dates is empty.");
        return Err(error.field("start_date", "must be before end_date"));
    }
    Ok(Span { from, until })
}

fn time(field: &str, text: &str, days_later: u64) -> ApiResult<DateTime<Utc>> {
    let date = text.parse::<NaiveDate>().ok().and_then(|day| day.checked_add_days(Days::new(days_later)));
    let date = date.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let time = date.or_else(|| text.parse::<DateTime<Utc>>().ok());
    // Databases know no times far from ours.
    let is_near = |time: &DateTime<Utc>| (1970..3000).contains(&chrono::Datelike::year(time));
    time.filter(is_near).ok_or_else(|| {
        let error = ApiError::bad_request("Query parameters have invalid values.");
        error.field(field, "must be a date such as 2026-11-25, or a time such as 2026-11-25T12:00:00Z")
    })
}
