//! GitHub's token endpoint, which answers 200 with an error inside.

use chrono::TimeDelta;
use serde_json::Value;
use url::{Url, form_urlencoded};
use warren_rt::Secret;

use crate::{error::UpstreamError, flow::UpstreamTokens, http::Http, oidc::shortened};

/// Asks for a token.
pub(super) async fn request(
    http: &Http,
    url: &Url,
    parameters: &[(&str, &str)],
) -> Result<UpstreamTokens, UpstreamError> {
    let answer = post(http, url, parameters).await?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let access = text("access_token");
    if access.is_empty() {
        return Err(UpstreamError::answer("it has no access token"));
    }
    let lifetime = answer.get("expires_in").and_then(Value::as_i64).and_then(TimeDelta::try_seconds);
    Ok(UpstreamTokens { access: Secret::new(access), refresh: Secret::new(text("refresh_token")), lifetime })
}

/// Posts a form and reads the JSON answer; an error inside is an error.
pub(super) async fn post(
    http: &Http,
    url: &Url,
    parameters: &[(&str, &str)],
) -> Result<Value, UpstreamError> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let request = ::http::Request::post(url.as_str())
        .header("accept", "application/json")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.into_bytes())
        .map_err(|_| UpstreamError::answer("its address is not valid"))?;
    let response = http.send(request).await?;
    let answer = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
    if let Some(code) = answer.get("error").and_then(Value::as_str) {
        return Err(refusal(code, answer.get("error_description").and_then(Value::as_str)));
    }
    if !response.status().is_success() || !answer.is_object() {
        return Err(UpstreamError::answer(format!("it has status {}", response.status().as_u16())));
    }
    Ok(answer)
}

fn refusal(code: &str, description: Option<&str>) -> UpstreamError {
    match code {
        "authorization_pending" => UpstreamError::Pending { reason: "authorization_pending" },
        "slow_down" => UpstreamError::Pending { reason: "slow_down" },
        code => {
            let reason = description.map_or_else(|| code.to_owned(), |text| format!("{code} ({text})"));
            UpstreamError::Refused { reason: shortened(&reason) }
        }
    }
}
