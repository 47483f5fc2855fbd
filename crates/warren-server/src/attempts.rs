//! Failed attempts to change something, for the audit log. Best effort: an answer is never made worse by it.
//!
//! What succeeds is recorded by the use cases; this layer sees only answers.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use uuid::Uuid;
use warren_app::audit::{Author, Entry};
use warren_vocab::{OrganizationId, UserId};

use crate::{
    audited::{Trace, trace_of},
    origin,
    state::AppState,
};

const LOGIN: &str = "/api/v2/users/login";
/// Refusals that use cases record by themselves, as they know whose account was meant.
const SELF_RECORDED: &[(&str, StatusCode)] = &[
    (LOGIN, StatusCode::UNAUTHORIZED),
    (LOGIN, StatusCode::FORBIDDEN),
    ("/api/v2/users/{user}/convert-login", StatusCode::BAD_REQUEST),
];

/// What is known about who tries something. It stands in the request's extensions, and extractors and handlers fill it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempt {
    user: Arc<OnceLock<UserId>>,
}

impl Attempt {
    /// Says whose account it is, as soon as that is known.
    pub(crate) fn by(&self, user: UserId) {
        // Only the first one counts: a handler does not change who has signed in.
        let _ = self.user.set(user);
    }
}

/// Records the request when it is a mutating one and fails.
pub(crate) async fn record_failures(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let trace = path.and_then(|path| trace_of(request.method().as_str(), path));
    let Some((Trace::Entry(action, resource), template)) = trace.zip(path.map(String::from)) else {
        return next.run(request).await;
    };
    let attempt = Attempt::default();
    request.extensions_mut().insert(attempt.clone());
    let (parts, body) = request.into_parts();
    let origin = origin::of(&parts);
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let response = next.run(Request::from_parts(parts, body)).await;
    if !is_recorded(&template, response.status()) {
        return response;
    }
    let user = attempt.user.get().copied();
    let named = Named::of(&template, &path);
    let mut entry = Entry::bare(action, resource, named.id.unwrap_or_default(), "")
        .status(response.status().as_u16())
        .field("method", method.as_str())
        .field("path", warren_audit::clean_text(&path, 512));
    if let Some(organization) = named.organization {
        entry = entry.organization(organization);
    }
    state.app.record_failure(Author { user, origin: &origin }, entry).await;
    response
}

/// A failure that says something about the caller. Rate limits would fill the log with what they keep away, and a busy
/// database would be asked for more.
fn is_recorded(template: &str, status: StatusCode) -> bool {
    if SELF_RECORDED.contains(&(template, status)) {
        return false;
    }
    let is_failure = status.is_client_error() || status.is_server_error();
    is_failure && ![StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status)
}

/// The objects that a path names by their ids.
#[derive(Debug, PartialEq, Eq, Default)]
struct Named {
    /// The innermost object.
    id: Option<Uuid>,
    organization: Option<OrganizationId>,
}

impl Named {
    fn of(template: &str, path: &str) -> Self {
        let mut named = Self::default();
        for (name, value) in template.split('/').zip(path.split('/')) {
            let Ok(id) = value.parse() else { continue };
            if name == "{organization}" {
                named.organization = Some(OrganizationId::from_uuid(id));
            } else if name.starts_with('{') {
                named.id = Some(id);
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_objects_by_id_only() {
        let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
        let template = "/api/v2/organizations/{organization}/members/{user}/workspaces";
        let named = Named::of(template, &format!("/api/v2/organizations/{one}/members/{two}/workspaces"));
        assert_eq!(named, Named { id: Some(two), organization: Some(OrganizationId::from_uuid(one)) });
        let by_name = Named::of(template, "/api/v2/organizations/default/members/me/workspaces");
        assert_eq!(by_name, Named::default());
    }

    #[test]
    fn limits_and_a_busy_database_are_not_recorded() {
        for status in [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
            assert!(!is_recorded("/api/v2/files", status), "{status}");
        }
        for status in [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::INTERNAL_SERVER_ERROR] {
            assert!(is_recorded("/api/v2/files", status), "{status}");
        }
        assert!(!is_recorded(LOGIN, StatusCode::UNAUTHORIZED));
        assert!(is_recorded(LOGIN, StatusCode::BAD_REQUEST));
    }
}
