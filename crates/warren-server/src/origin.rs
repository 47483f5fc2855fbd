//! Where a request comes from, for the audit log.

use std::{collections::HashMap, convert::Infallible, net::IpAddr, sync::LazyLock};

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{Method, header, request::Parts},
};
use utoipa::openapi::path::Operation;
use warren_app::Origin;
use warren_vocab::RequestId;

/// What the outermost layer knows about a request's sender; it stands in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) request_id: RequestId,
    /// The address of the client, or of the last proxy that is not trusted.
    pub(crate) ip: Option<IpAddr>,
}

/// The origin of a request; never refuses one.
#[allow(dead_code, reason = "taken by routes without a signed-in user")]
#[derive(Debug, Clone)]
pub(crate) struct RequestOrigin(pub(crate) Origin);

impl<S: Send + Sync> FromRequestParts<S> for RequestOrigin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(of(parts)))
    }
}

/// The origin of a request.
pub(crate) fn of(parts: &Parts) -> Origin {
    let client = parts.extensions.get::<Client>().copied();
    let request_id = client.map_or_else(RequestId::new, |client| client.request_id);
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    Origin::request(
        request_id,
        client.and_then(|client| client.ip),
        agent.unwrap_or_default(),
        success_status(&parts.method, path),
    )
}

/// What a route answers when it succeeds: the first such status of its document, 200 for one that has none.
fn success_status(method: &Method, path: &str) -> u16 {
    static STATUSES: LazyLock<HashMap<(Method, String), u16>> = LazyLock::new(statuses);
    STATUSES.get(&(method.clone(), path.to_owned())).copied().unwrap_or(200)
}

fn statuses() -> HashMap<(Method, String), u16> {
    let mut statuses = HashMap::new();
    for (path, item) in crate::router::openapi().paths.paths {
        let operations = [
            (Method::GET, item.get),
            (Method::POST, item.post),
            (Method::PUT, item.put),
            (Method::PATCH, item.patch),
            (Method::DELETE, item.delete),
        ];
        for (method, operation) in operations {
            if let Some(status) = operation.as_ref().and_then(documented_success) {
                statuses.insert((method, path.clone()), status);
            }
        }
    }
    statuses
}

fn documented_success(operation: &Operation) -> Option<u16> {
    let statuses = operation.responses.responses.keys().filter_map(|status| status.parse().ok());
    statuses.filter(|status| (200..300).contains(status)).min()
}
