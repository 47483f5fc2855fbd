//! Entries of the audit log.

use warren_api::audit::{AuditDiffField, AuditLog, MinimalOrganization};
use warren_app::audit::AuditDetail;
use warren_db::{DbError, entity::organizations};
use warren_vocab::{AuditAction, AuditLogId, OrganizationId, RequestId, ResourceType};

use super::{users, word};
use crate::error::ApiResult;

/// Shows an entry.
pub(crate) fn log(detail: AuditDetail) -> ApiResult<AuditLog> {
    let AuditDetail { log, user, organization, is_deleted, link } = detail;
    let action: AuditAction = word(&log.action, "audit action")?;
    let resource_type: ResourceType = word(&log.resource_type, "resource type")?;
    let who = user.as_ref().map(|detail| detail.user.username.as_str());
    let diff: std::collections::BTreeMap<String, AuditDiffField> =
        serde_json::from_value(log.diff).map_err(|_| DbError::Corrupt { what: "audit diff" })?;
    Ok(AuditLog {
        id: AuditLogId::from_uuid(log.id),
        request_id: RequestId::from_uuid(log.request_id),
        time: log.time,
        ip: log.ip.unwrap_or_default(),
        user_agent: log.user_agent,
        resource_id: log.resource_id,
        description: sentence(who, action, resource_type, &log.resource_target, log.status_code),
        resource_target: log.resource_target,
        resource_icon: log.resource_icon,
        diff,
        status_code: log.status_code,
        additional_fields: log.additional_fields.as_object().cloned().unwrap_or_default(),
        resource_link: link,
        is_deleted,
        organization_id: log.organization_id.map_or_else(OrganizationId::nil, OrganizationId::from_uuid),
        organization: organization.as_ref().map(minimal),
        user: user.map(users::user).transpose()?,
        action,
        resource_type,
    })
}

/// Shows an organization as far as lists show it.
fn minimal(row: &organizations::Model) -> MinimalOrganization {
    MinimalOrganization {
        id: OrganizationId::from_uuid(row.id),
        name: row.name.clone(),
        display_name: row.display_name.clone(),
        icon: row.icon.clone(),
    }
}

/// What happened, as a sentence without a full stop: `ada deleted the workspace dev`.
fn sentence(
    who: Option<&str>,
    action: AuditAction,
    resource: ResourceType,
    target: &str,
    status: i32,
) -> String {
    let who = who.unwrap_or("Somebody who is not known");
    let what = match (action, resource) {
        (AuditAction::Login, _) => String::from("log in"),
        (AuditAction::Logout, _) => String::from("log out"),
        (AuditAction::Register, _) => String::from("register"),
        (AuditAction::RequestPasswordReset, _) => format!("ask for a new password for {target}"),
        (action, resource) => {
            format!("{} the {} {target}", verb(action), resource.as_str().replace('_', " "))
        }
    };
    let what = what.trim_end();
    if status >= 400 {
        return format!("{who} tried to {what}");
    }
    let (first, rest) = what.split_once(' ').unwrap_or((what, ""));
    format!("{who} {} {rest}", past(first)).trim_end().to_owned()
}

fn verb(action: AuditAction) -> &'static str {
    match action {
        AuditAction::Create => "create",
        AuditAction::Write => "change",
        AuditAction::Delete => "delete",
        AuditAction::Start => "start",
        AuditAction::Stop => "stop",
        AuditAction::Login => "log",
        AuditAction::Logout => "leave",
        AuditAction::Register => "register",
        AuditAction::RequestPasswordReset => "ask",
        AuditAction::Connect => "connect to",
        AuditAction::Disconnect => "disconnect from",
        AuditAction::Open => "open",
        AuditAction::Close => "close",
    }
}

fn past(verb: &str) -> String {
    match verb {
        "log" => String::from("logged"),
        "stop" => String::from("stopped"),
        "leave" => String::from("left"),
        verb if verb.ends_with('e') => format!("{verb}d"),
        verb => format!("{verb}ed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_as_sentences() {
        let table = [
            (
                Some("ada"),
                AuditAction::Create,
                ResourceType::Workspace,
                "dev",
                201,
                "ada created the workspace dev",
            ),
            (
                Some("ada"),
                AuditAction::Stop,
                ResourceType::WorkspaceBuild,
                "dev",
                201,
                "ada stopped the workspace build dev",
            ),
            (
                Some("ada"),
                AuditAction::Write,
                ResourceType::Template,
                "docker",
                403,
                "ada tried to change the template docker",
            ),
            (Some("ada"), AuditAction::Login, ResourceType::ApiKey, "", 201, "ada logged in"),
            (
                None,
                AuditAction::Login,
                ResourceType::ApiKey,
                "",
                401,
                "Somebody who is not known tried to log in",
            ),
            (Some("ada"), AuditAction::Delete, ResourceType::ApiKey, "", 204, "ada deleted the api key"),
        ];
        for (who, action, resource, target, status, expected) in table {
            assert_eq!(sentence(who, action, resource, target, status), expected);
        }
    }
}
