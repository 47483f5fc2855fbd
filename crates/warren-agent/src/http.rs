//! The HTTP API of tunnel port 4.
//!
//! Owns routing, the error body and the identity of the calling chat. What it serves is in the submodules.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use warren_rt::Tasks;
use warren_wire::agent_http::{CHAT_ID_HEADER, ErrorBody, FILE_WRITE_BYTES_MAX, PREFIX};

use crate::workplace::Workplace;
use changes::Changes;
use processes::Processes;

mod changes;
mod edit;
mod files;
mod lines;
mod places;
mod processes;
mod regular;
mod search;

/// Serves any number of connections.
#[derive(Clone)]
pub struct HttpServer {
    router: Router,
}

/// What handlers share.
#[derive(Clone)]
struct Shared {
    workplace: Arc<Workplace>,
    processes: Processes,
    changes: Changes,
}

impl HttpServer {
    /// Makes a server without processes; they end with `tasks`.
    #[must_use]
    pub fn new(workplace: Arc<Workplace>, tasks: Tasks) -> HttpServer {
        let processes = Processes::new(workplace.clone(), tasks);
        let shared = Shared { processes, workplace, changes: Changes::default() };
        let api = Router::new()
            .route("/processes/start", post(processes::routes::start))
            .route("/processes/list", get(processes::routes::list))
            .route("/processes/{id}/output", get(processes::routes::output))
            .route("/processes/{id}/stream", get(processes::routes::stream))
            .route("/processes/{id}/signal", post(processes::routes::signal))
            .route("/read-file", get(files::read_file))
            .route("/read-file-lines", get(files::read_file_lines))
            .route(
                "/write-file",
                post(files::write_file).layer(axum::extract::DefaultBodyLimit::max(FILE_WRITE_BYTES_MAX)),
            )
            .route(
                "/edit-files",
                post(files::edit_files).layer(axum::extract::DefaultBodyLimit::max(FILE_WRITE_BYTES_MAX)),
            )
            .route("/changes/{key}", get(files::change))
            .route("/changes/{key}/call-off", post(files::call_off_change))
            .route("/resolve-paths", post(places::resolve_paths))
            .route("/list-directory", post(files::list_directory))
            .route("/search-files", post(search::search_files))
            .with_state(shared);
        let router = Router::new()
            .route("/", get(async || "warren agent\n"))
            .nest(PREFIX, api)
            .fallback(async || HttpError::not_found("the agent has no such route"));
        HttpServer { router }
    }

    /// Serves the requests of one connection until it ends.
    ///
    /// # Errors
    /// [`hyper::Error`] when the client breaks the protocol or the stream breaks.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), hyper::Error> {
        let service = TowerToHyperService::new(self.router.clone());
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
    }
}

/// An error with its status.
#[derive(Debug)]
pub(crate) struct HttpError {
    status: StatusCode,
    message: String,
}

impl HttpError {
    fn new(status: StatusCode, message: impl Into<String>) -> HttpError {
        HttpError { status, message: message.into() }
    }

    fn bad_request(message: impl Into<String>) -> HttpError {
        HttpError::new(StatusCode::BAD_REQUEST, message)
    }

    fn not_found(message: impl Into<String>) -> HttpError {
        HttpError::new(StatusCode::NOT_FOUND, message)
    }

    fn body(&self) -> ErrorBody {
        ErrorBody { message: self.message.clone(), detail: String::new() }
    }

    /// The status that fits what the system said about `path`.
    fn of_io(error: &std::io::Error, path: &std::path::Path) -> HttpError {
        let path = path.display();
        match error.kind() {
            std::io::ErrorKind::NotFound => HttpError::not_found(format!("{path} does not exist")),
            std::io::ErrorKind::PermissionDenied => {
                HttpError::new(StatusCode::FORBIDDEN, format!("the workspace user may not access {path}"))
            }
            std::io::ErrorKind::IsADirectory => {
                HttpError::bad_request(format!("{path} is a directory, not a file"))
            }
            std::io::ErrorKind::NotADirectory => {
                HttpError::bad_request(format!("a part of {path} is not a directory"))
            }
            // Words of this agent.
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::FileTooLarge => {
                HttpError::bad_request(format!("{path} {error}"))
            }
            // The system's own words are the best there are for the rest.
            _ => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{path}: {error}")),
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

/// The chat on whose behalf a request is made; empty for none.
struct ChatId(String);

impl<S: Sync> FromRequestParts<S> for ChatId {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<ChatId, HttpError> {
        match parts.headers.get(CHAT_ID_HEADER).map(|value| value.to_str()) {
            None => Ok(ChatId(String::new())),
            Some(Ok(id)) => Ok(ChatId(id.to_owned())),
            Some(Err(_)) => Err(HttpError::bad_request("the chat id header is not text")),
        }
    }
}

/// A JSON body, whatever its content type says, with an error in our form.
struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> axum::extract::FromRequest<S> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, HttpError> {
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|error| HttpError::bad_request(format!("the request body cannot be read: {error}")))?;
        let body = serde_json::from_slice(&bytes)
            .map_err(|error| HttpError::bad_request(format!("the request body is not valid: {error}")))?;
        Ok(Body(body))
    }
}

#[cfg(test)]
mod tests;
