//! The whole log as a file that is made while it is sent: memory holds one step of it.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::Deserialize;
use utoipa::ToSchema;
use warren_api::audit::AuditLog;
use warren_app::{
    App,
    audit::{AuditDetail, AuditExport},
};

use crate::{error::ApiResult, view};

const COLUMNS: &str = "time,user,email,ip,user_agent,organization,action,resource_type,resource_id,\
resource_target,status_code,request_id,description,diff,additional_fields\r\n";

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Csv,
    Json,
}

/// An export on its way.
struct Writer {
    app: App,
    export: AuditExport,
    format: Format,
    n_written: usize,
    is_over: bool,
}

/// Sends an export. A fault in the middle breaks the connection off, so that nobody takes a part for the whole.
pub(super) fn response(app: App, export: AuditExport, format: Format) -> Response {
    let (media_type, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "audit-log.csv"),
        Format::Json => ("application/json; charset=utf-8", "audit-log.json"),
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    let writer = Writer { app, export, format, n_written: 0, is_over: false };
    let body = Body::from_stream(stream::try_unfold(writer, Writer::step));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

impl Writer {
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, std::io::Error> {
        if self.is_over {
            return Ok(None);
        }
        let next = self.app.next_of_export(&mut self.export).await;
        let rows = next.map_err(|error| {
            tracing::error!(%error, "an export of the audit log broke off");
            std::io::Error::other("the export broke off")
        })?;
        let text = self.chunk(rows).map_err(|_| std::io::Error::other("the export broke off"))?;
        Ok(Some((Bytes::from(text), self)))
    }

    fn chunk(&mut self, rows: Vec<AuditDetail>) -> ApiResult<String> {
        let mut text = String::new();
        if self.n_written == 0 {
            text.push_str(match self.format {
                Format::Csv => COLUMNS,
                Format::Json => "[",
            });
        }
        self.is_over = rows.is_empty();
        for detail in rows {
            let log = view::audit::log(detail)?;
            match self.format {
                Format::Csv => text.push_str(&csv_row(&log)),
                Format::Json => {
                    text.push_str(if self.n_written == 0 { "\n" } else { ",\n" });
                    text.push_str(&serde_json::to_string(&log).unwrap_or_default());
                }
            }
            self.n_written += 1;
        }
        if self.is_over && self.format == Format::Json {
            text.push_str("\n]\n");
        }
        Ok(text)
    }
}

fn csv_row(log: &AuditLog) -> String {
    let user = log.user.as_ref();
    let cells = [
        log.time.to_rfc3339(),
        user.map(|user| user.username.clone()).unwrap_or_default(),
        user.map(|user| user.email.clone()).unwrap_or_default(),
        log.ip.clone(),
        log.user_agent.clone(),
        log.organization.as_ref().map(|organization| organization.name.clone()).unwrap_or_default(),
        log.action.to_string(),
        log.resource_type.to_string(),
        log.resource_id.to_string(),
        log.resource_target.clone(),
        log.status_code.to_string(),
        log.request_id.to_string(),
        log.description.clone(),
        serde_json::to_string(&log.diff).unwrap_or_default(),
        serde_json::to_string(&log.additional_fields).unwrap_or_default(),
    ];
    let cells: Vec<_> = cells.iter().map(|cell| csv_cell(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A quoted cell. What a spreadsheet would take for a formula is made a text by an apostrophe.
fn csv_cell(text: &str) -> String {
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%'])
        || text.starts_with(['\t', '\r', '\n']);
    let mark = if is_formula { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_become_formulas_or_end_early() {
        let table = [
            ("plain", r#""plain""#),
            ("", r#""""#),
            (r#"a "b", c"#, r#""a ""b"", c""#),
            ("=1+1", r#""'=1+1""#),
            ("+1", r#""'+1""#),
            ("-1", r#""'-1""#),
            ("@SUM(A1)", r#""'@SUM(A1)""#),
            ("  =1", r#""'  =1""#),
            ("\t=1", "\"'\t=1\""),
            ("two\nlines", "\"two\nlines\""),
        ];
        for (text, cell) in table {
            assert_eq!(csv_cell(text), cell, "{text:?}");
        }
    }
}
