//! Writing an entry, inside the transaction of the change it describes.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;
use warren_db::{DbResult, Tx, entity::audit_logs, query};
use warren_vocab::{OrganizationId, UserId};

use crate::{entry::Entry, origin::Author};

/// Writes an entry; it commits with the change or not at all.
///
/// # Errors
/// Fails on database errors, which must undo the change.
pub async fn record<'a>(tx: &Tx, author: impl Into<Author<'a>>, entry: Entry) -> DbResult<()> {
    let row = row(author, entry, tx.now());
    log(&row);
    query::audit_logs::insert(tx, row).await
}

/// The row of an entry.
pub fn row<'a>(author: impl Into<Author<'a>>, entry: Entry, time: DateTime<Utc>) -> audit_logs::Model {
    let author: Author<'_> = author.into();
    let origin = author.origin;
    audit_logs::Model {
        // Ids that grow keep entries of the same microsecond in the order in which they were made.
        id: Uuid::now_v7(),
        time,
        request_id: origin.request_id.as_uuid(),
        user_id: author.user.map(UserId::as_uuid),
        organization_id: entry.organization.map(OrganizationId::as_uuid),
        ip: origin.ip.map(|ip| ip.to_canonical().to_string()),
        user_agent: origin.user_agent.clone(),
        resource_type: entry.resource.to_string(),
        resource_id: entry.id,
        resource_target: entry.target,
        resource_icon: entry.icon,
        action: entry.action.to_string(),
        diff: entry.diff,
        status_code: i32::from(entry.status.unwrap_or(origin.success_status)),
        additional_fields: Value::Object(entry.fields),
    }
}

/// The same facts as a line of the log, without values: which fields changed, and to what, is in the table.
fn log(row: &audit_logs::Model) {
    let fields: Vec<_> = row.diff.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    tracing::info!(
        target: "warren::audit",
        action = row.action,
        audit.id = %row.id,
        request.id = %row.request_id,
        user.id = row.user_id.map(tracing::field::display),
        organization.id = row.organization_id.map(tracing::field::display),
        client.ip = row.ip,
        resource.kind = row.resource_type,
        resource.id = %row.resource_id,
        status = row.status_code,
        changed = fields.join(","),
        "audit"
    );
}
