//! The user-info endpoint.

use serde_json::Value;
use url::Url;

use crate::{claims::Claims, error::UpstreamError, http::Http};

/// Fetches the claims of the user whom the access token stands for.
///
/// # Errors
/// Fails when there is no answer, it is no JSON object, or it is about somebody else.
pub(super) async fn fetch(
    http: &Http,
    endpoint: &Url,
    access_token: &str,
    subject: &str,
) -> Result<Claims, UpstreamError> {
    let request = ::http::Request::get(endpoint.as_str())
        .header("accept", "application/json")
        .header("authorization", format!("Bearer {access_token}"))
        .body(Vec::new())
        .map_err(|_| UpstreamError::answer("its access token cannot be sent"))?;
    let response = http.send(request).await?;
    if !response.status().is_success() {
        let status = response.status().as_u16();
        return Err(UpstreamError::answer(format!("its user information has status {status}")));
    }
    let Ok(Value::Object(claims)) = serde_json::from_slice(response.body()) else {
        return Err(UpstreamError::answer("its user information is not a JSON object"));
    };
    // Without this check another user's claims could be slipped in (OpenID Connect Core, 5.3.2).
    if claims.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(UpstreamError::Token { why: String::from("the user information is about another user") });
    }
    Ok(claims)
}
