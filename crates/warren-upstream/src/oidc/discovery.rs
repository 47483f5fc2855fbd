//! What a provider says about itself, kept for a while.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use openidconnect::{
    DiscoveryError, IssuerUrl, JsonWebKeySet,
    core::{CoreJsonWebKeySet, CoreProviderMetadata},
};
use tokio::time::Instant;

use super::failure;
use crate::{error::UpstreamError, http::Http};

/// How long what was discovered counts as current.
const LIFETIME: Duration = Duration::from_secs(600);
/// How soon keys may be asked for again because a token names an unknown one.
const ANEW_INTERVAL: Duration = Duration::from_secs(5);
const CONFIGURATION: &str = ".well-known/openid-configuration";

/// The last metadata, with the keys; clones share it.
#[derive(Clone, Default)]
pub(super) struct Cache {
    last: Arc<Mutex<Option<(Instant, CoreProviderMetadata)>>>,
}

impl Cache {
    /// Gives the metadata, discovering it when it is old, or `anew` because it does not do.
    pub(super) async fn get(
        &self,
        http: &Http,
        issuer: IssuerUrl,
        skip_issuer_checks: bool,
        anew: bool,
    ) -> Result<CoreProviderMetadata, UpstreamError> {
        let known = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let age_max = if anew { ANEW_INTERVAL } else { LIFETIME };
        if let Some((at, metadata)) = &known
            && at.elapsed() < age_max
        {
            return Ok(metadata.clone());
        }
        match discover(http, issuer, skip_issuer_checks).await {
            Ok(metadata) => {
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                *last = Some((Instant::now(), metadata.clone()));
                Ok(metadata)
            }
            Err(error) => match known {
                // A provider whose discovery fails for a moment may still exchange codes.
                Some((_, metadata)) if !error.is_final() => {
                    tracing::warn!(%error, "the sign-in provider could not be discovered again");
                    Ok(metadata)
                }
                Some(_) | None => Err(error),
            },
        }
    }
}

async fn discover(
    http: &Http,
    issuer: IssuerUrl,
    skip_issuer_checks: bool,
) -> Result<CoreProviderMetadata, UpstreamError> {
    let client = http.caller();
    if !skip_issuer_checks {
        let other = with_other_ending(&issuer);
        return match CoreProviderMetadata::discover_async(issuer, &client).await {
            // Providers compare the text, and administrators add or drop the slash at its end.
            Err(DiscoveryError::Validation(_)) => {
                CoreProviderMetadata::discover_async(other, &client).await.map_err(failure::of_discovery)
            }
            outcome => outcome.map_err(failure::of_discovery),
        };
    }
    let url = issuer.join(CONFIGURATION).map_err(|_| UpstreamError::answer("its URL is not valid"))?;
    let request = ::http::Request::get(url.as_str()).header("accept", "application/json").body(Vec::new());
    let request = request.map_err(|_| UpstreamError::answer("its URL is not valid"))?;
    let response = http.send(request).await?;
    let metadata: CoreProviderMetadata = serde_json::from_slice(response.body())
        .map_err(|_| UpstreamError::answer("its discovery document is not valid"))?;
    let keys: CoreJsonWebKeySet =
        JsonWebKeySet::fetch_async(metadata.jwks_uri(), &client).await.map_err(failure::of_discovery)?;
    Ok(metadata.set_jwks(keys))
}

fn with_other_ending(issuer: &IssuerUrl) -> IssuerUrl {
    let text = issuer.as_str();
    let other = text.strip_suffix('/').map_or_else(|| format!("{text}/"), str::to_owned);
    IssuerUrl::new(other).unwrap_or_else(|_| issuer.clone())
}
