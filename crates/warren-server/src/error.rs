//! The one place where errors become HTTP responses.

use std::error::Error;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use warren_api::{
    chats::usage::ChatUsageLimitExceededResponse,
    error::{ErrorResponse, ValidationError},
};
use warren_app::{AppError, Explanation};
use warren_chat::ChatServiceError;
use warren_db::DbError;
use warren_rt::Causes;

use crate::view;

/// Bytes of each text of an error body.
const TEXT_BYTES_MAX: usize = 1024;
const VALIDATIONS_MAX: usize = 50;

/// The result of a handler.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// A failed request: status and body.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorResponse,
    /// More fields of the body: what was spent of which limit.
    limit: Option<Box<ChatUsageLimitExceededResponse>>,
}

impl ApiError {
    /// Makes an error with a sentence for the user.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            body: ErrorResponse { message: message.into(), detail: None, validations: Vec::new() },
            limit: None,
        }
    }

    /// The status that the response will have.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence for the user.
    pub(crate) fn message(&self) -> &str {
        &self.body.message
    }

    /// A request that is not acceptable.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A request without valid credentials.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// An object that does not exist or that the caller may not read.
    pub(crate) fn not_found() -> Self {
        let message = "Resource not found or you do not have access to this resource";
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// A path of the API that does not exist.
    pub(crate) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Route not found.")
    }

    /// A fault of the server; the text must not reveal anything.
    pub(crate) fn internal() -> Self {
        let message = "An internal server error occurred. The server's log has the details.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// Adds diagnostic text.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.body.detail = Some(detail.into());
        self
    }

    /// Adds a field that is wrong.
    pub(crate) fn field(mut self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        self.body.validations.push(ValidationError { field: field.into(), detail: detail.into() });
        self
    }

    fn explained(status: StatusCode, explanation: Explanation) -> Self {
        let validations = explanation.validations.into_iter();
        let validations =
            validations.map(|one| ValidationError { field: one.field, detail: one.detail }).collect();
        Self {
            status,
            body: ErrorResponse { message: explanation.message, detail: explanation.detail, validations },
            limit: None,
        }
    }

    fn logged(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = %Causes(error), "request failed");
        Self::internal()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = match self.limit {
            Some(body) => (self.status, Json(body)).into_response(),
            None => (self.status, Json(clipped(self.body))).into_response(),
        };
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(r#"Bearer realm="coder", error="invalid_token""#);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Explanations may quote what the client sent; an answer is not as long as that may be.
fn clipped(body: ErrorResponse) -> ErrorResponse {
    let clip = |text: String| {
        let end = text.floor_char_boundary(TEXT_BYTES_MAX);
        if end < text.len() { format!("{}…", &text[..end]) } else { text }
    };
    let clip_one =
        |one: ValidationError| ValidationError { field: clip(one.field), detail: clip(one.detail) };
    ErrorResponse {
        message: clip(body.message),
        detail: body.detail.map(clip),
        validations: body.validations.into_iter().take(VALIDATIONS_MAX).map(clip_one).collect(),
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound => Self::not_found(),
            AppError::Unauthenticated(why) => Self::explained(StatusCode::UNAUTHORIZED, why),
            AppError::Forbidden(why) => Self::explained(StatusCode::FORBIDDEN, why),
            AppError::Invalid(why) => Self::explained(StatusCode::BAD_REQUEST, why),
            AppError::Conflict(why) => Self::explained(StatusCode::CONFLICT, why),
            AppError::Gone(why) => Self::explained(StatusCode::GONE, why),
            AppError::NotReady(why) => Self::explained(StatusCode::NOT_ACCEPTABLE, why),
            AppError::StillUsed(why) => Self::explained(StatusCode::EXPECTATION_FAILED, why),
            AppError::Precondition(why) => Self::explained(StatusCode::PRECONDITION_FAILED, why),
            AppError::Db(error) => error.into(),
            AppError::Seal(error) => Self::logged(&error),
            AppError::Internal { .. } => Self::logged(&error),
        }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NotFound { .. } => Self::not_found(),
            DbError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, "The database is busy. Try again."),
            DbError::Full => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The server's disk is full, so nothing can be stored. Tell your administrator, and try again.",
            ),
            DbError::Unavailable(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the database cannot be reached");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The database cannot be reached. A change may have been made all the same: look before you try again.",
                )
            }
            DbError::Text => {
                Self::new(StatusCode::BAD_REQUEST, "The request holds a NUL character; leave it out.")
            }
            DbError::Unique { .. } => {
                Self::new(StatusCode::CONFLICT, "An object with the same name exists already.")
            }
            DbError::ForeignKey | DbError::Corrupt { .. } | DbError::Other(_) => Self::logged(&error),
        }
    }
}

impl From<ChatServiceError> for ApiError {
    fn from(error: ChatServiceError) -> Self {
        match error {
            ChatServiceError::NotFound => Self::not_found(),
            ChatServiceError::Forbidden => {
                Self::new(StatusCode::FORBIDDEN, "Forbidden. You do not have permission to do this.")
            }
            ChatServiceError::NarrowToken => {
                let message = "Chats use workspaces and templates with all of your rights, and this token has only some of them. Use a token without an allow list whose scopes include workspace:* and template:*.";
                Self::new(StatusCode::FORBIDDEN, message)
            }
            ChatServiceError::Invalid { field, message } => {
                Self::bad_request(message.clone()).field(field, message)
            }
            ChatServiceError::Conflict { message } => Self::new(StatusCode::CONFLICT, message),
            ChatServiceError::QueueFull => Self::new(StatusCode::TOO_MANY_REQUESTS, "Message queue is full."),
            ChatServiceError::UsageLimit(standing) => {
                let body = view::chat_usage::exceeded(&standing);
                Self { limit: Some(Box::new(body.clone())), ..Self::new(StatusCode::CONFLICT, body.message) }
            }
            ChatServiceError::LimitUnreadable => Self::new(StatusCode::CONFLICT, error.to_string()),
            ChatServiceError::NoTitle => {
                let message =
                    "The model gave no title. Check that it can be reached, or write a title yourself.";
                Self::new(StatusCode::CONFLICT, message)
            }
            ChatServiceError::Stale(_) => {
                Self::new(StatusCode::CONFLICT, "The chat has changed in the meantime. Try again.")
            }
            ChatServiceError::Db(error) => error.into(),
            ChatServiceError::Seal(error) => Self::logged(&error),
            ChatServiceError::Panicked | ChatServiceError::Corrupt { .. } => Self::logged(&error),
        }
    }
}
