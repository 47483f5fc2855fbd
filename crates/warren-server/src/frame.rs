//! The parts of the server that every request passes, as one piece of the router's state.

use std::time::Instant;

use crate::{
    client_address::{ProxyConfigError, TrustedProxies},
    config::ServerConfig,
    csp::{ContentSecurityPolicy, CspError},
    metrics::Metrics,
    rate_limit::RateLimits,
};

/// Made once per server from its settings.
pub(crate) struct Frame {
    pub(crate) metrics: Metrics,
    pub(crate) proxies: TrustedProxies,
    pub(crate) limits: RateLimits,
    pub(crate) csp: ContentSecurityPolicy,
    /// The `Strict-Transport-Security` header.
    pub(crate) hsts: Option<String>,
}

/// Why a setting of the frame cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error(transparent)]
    Proxies(#[from] ProxyConfigError),
    #[error(transparent)]
    Csp(#[from] CspError),
}

impl Frame {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub(crate) fn new(config: &ServerConfig) -> Result<Self, FrameError> {
        let (http, limit) = (&config.http, &config.rate_limit);
        Ok(Self {
            metrics: Metrics::new(),
            proxies: TrustedProxies::parse(&http.proxy_trusted_headers, &http.proxy_trusted_origins)?,
            limits: RateLimits::new(limit.api_per_minute, !limit.disable_all, Instant::now()),
            csp: ContentSecurityPolicy::new(&http.additional_csp)?,
            hsts: hsts(http.hsts.max_age, &http.hsts.options),
        })
    }
}

fn hsts(max_age: u32, options: &[String]) -> Option<String> {
    let mut text = format!("max-age={max_age}");
    for option in options {
        text.push_str("; ");
        text.push_str(option);
    }
    (max_age > 0).then_some(text)
}
