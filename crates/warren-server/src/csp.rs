//! The content security policy of the dashboard's pages.

use std::{collections::BTreeMap, fmt::Write};

use axum::http::HeaderValue;
use thiserror::Error;

/// Where browsers send what the policy stopped.
pub(crate) const REPORT_PATH: &str = "/api/v2/csp/reports";

const DIRECTIVES: [(&str, &str); 12] = [
    ("base-uri", "'self'"),
    ("connect-src", "'self'"),
    ("default-src", "'self'"),
    ("font-src", "'self' data:"),
    ("form-action", "'self'"),
    ("frame-ancestors", "'none'"),
    ("img-src", "'self' data: blob:"),
    ("manifest-src", "'self'"),
    ("object-src", "'none'"),
    ("script-src", "'self'"),
    ("style-src", "'self' 'unsafe-inline'"),
    ("worker-src", "'self' blob:"),
];

/// Why the additional policy cannot be used.
#[derive(Debug, Error)]
#[error("{0:?} in --additional-csp-policy is not a directive such as `img-src https://example.com`")]
pub struct CspError(String);

/// The directives, with what the operator added.
#[derive(Debug, Clone)]
pub(crate) struct ContentSecurityPolicy {
    directives: BTreeMap<String, String>,
}

impl ContentSecurityPolicy {
    /// Joins the built-in directives and the additional ones. Sources are added to a directive that exists, and take the
    /// place of its `'none'`.
    ///
    /// # Errors
    /// Names an addition that is not a directive.
    pub(crate) fn new(additional: &[String]) -> Result<Self, CspError> {
        let built_in = DIRECTIVES.iter().map(|&(name, sources)| (name.to_owned(), sources.to_owned()));
        let mut directives: BTreeMap<_, _> = built_in.collect();
        for text in additional {
            let (name, sources) = parse(text).ok_or_else(|| CspError(text.clone()))?;
            let present = directives.entry(name).or_default();
            if present == "'none'" {
                present.clear();
            }
            if !present.is_empty() && !sources.is_empty() {
                present.push(' ');
            }
            present.push_str(&sources);
        }
        Ok(Self { directives })
    }

    /// The header of one page. `host` is what the browser asked for: older browsers do not count WebSockets of the same
    /// host as `'self'`. A page that may be framed, as by an editor's web view, has no say about its ancestors.
    pub(crate) fn header(&self, host: Option<&str>, may_be_framed: bool) -> HeaderValue {
        let mut text = String::new();
        for (name, sources) in &self.directives {
            if may_be_framed && name == "frame-ancestors" {
                continue;
            }
            let _ = write!(text, "{name} {sources}");
            if let ("connect-src", Some(host)) = (name.as_str(), host.filter(|host| is_host(host))) {
                let _ = write!(text, " ws://{host} wss://{host}");
            }
            text.push_str("; ");
        }
        let _ = write!(text, "report-uri {REPORT_PATH}");
        HeaderValue::from_str(&text).expect("directives and hosts were checked to be printable")
    }
}

fn parse(text: &str) -> Option<(String, String)> {
    let is_printable = |text: &str| text.chars().all(|letter| letter.is_ascii_graphic() || letter == ' ');
    let text = text.trim();
    if text.contains([';', ',']) || !is_printable(text) {
        return None;
    }
    let (name, sources) = text.split_once(' ').unwrap_or((text, ""));
    let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
    is_name.then(|| (name.to_owned(), sources.trim().to_owned()))
}

/// A host with or without a port; anything else in the header would become part of the policy.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || ".:-[]_".contains(letter))
}

#[cfg(test)]
mod tests;
