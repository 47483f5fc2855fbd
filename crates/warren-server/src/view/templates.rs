//! Templates, versions and parameters.

use std::collections::BTreeMap;

use serde::Deserialize;
use warren_api::templates::{
    Template, TemplateAutostartRequirement, TemplateAutostopRequirement, TemplateVersion,
    TemplateVersionParameter, TemplateVersionParameterOption, TransitionStats,
};
use warren_app::{details::VersionDetail, templates::TemplateDetail};
use warren_db::{DbError, entity::template_version_parameters};
use warren_vocab::{OrganizationId, TemplateId, TemplateVersionId, Transition, UserId};

use super::{jobs, users, word};
use crate::error::ApiResult;

const WEEK: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Shows a template.
pub(crate) fn template(detail: TemplateDetail) -> ApiResult<Template> {
    let TemplateDetail { template, organization, creator, active_user_count } = detail;
    let stats = Transition::ALL.iter().map(|one| (one.to_string(), TransitionStats::default()));
    Ok(Template {
        id: TemplateId::from_uuid(template.id),
        created_at: template.created_at,
        updated_at: template.updated_at,
        organization_id: OrganizationId::from_uuid(organization.id),
        organization_name: organization.name,
        organization_display_name: organization.display_name,
        organization_icon: organization.icon,
        name: template.name,
        display_name: template.display_name,
        provisioner: template.provisioner,
        active_version_id: TemplateVersionId::from_uuid(template.active_version_id),
        active_user_count,
        build_time_stats: stats.collect(),
        description: template.description,
        deprecated: !template.deprecation_message.is_empty(),
        deprecation_message: template.deprecation_message,
        deleted: template.deleted,
        icon: template.icon,
        default_ttl_ms: template.default_ttl_ms,
        activity_bump_ms: template.activity_bump_ms,
        time_til_autostop_notify_ms: 0,
        autostop_requirement: TemplateAutostopRequirement { days_of_week: Vec::new(), weeks: 1 },
        autostart_requirement: TemplateAutostartRequirement { days_of_week: WEEK.map(String::from).to_vec() },
        created_by_id: UserId::from_uuid(creator.id),
        created_by_name: creator.username,
        allow_user_autostart: template.allow_user_autostart,
        allow_user_autostop: template.allow_user_autostop,
        allow_user_cancel_workspace_jobs: template.allow_user_cancel_workspace_jobs,
        failure_ttl_ms: template.failure_ttl_ms,
        time_til_dormant_ms: template.time_til_dormant_ms,
        time_til_dormant_autodelete_ms: template.time_til_dormant_autodelete_ms,
        require_active_version: template.require_active_version,
        max_port_share_level: word(&template.max_port_share_level, "sharing level")?,
        cors_behavior: template.cors_behavior,
        use_classic_parameter_flow: template.use_classic_parameter_flow,
        disable_module_cache: false,
    })
}

/// Shows a version with its import.
pub(crate) fn version(detail: VersionDetail) -> ApiResult<TemplateVersion> {
    let VersionDetail { version, creator, job } = detail;
    Ok(TemplateVersion {
        id: TemplateVersionId::from_uuid(version.id),
        template_id: version.template_id.map(TemplateId::from_uuid),
        organization_id: Some(OrganizationId::from_uuid(version.organization_id)),
        created_at: version.created_at,
        updated_at: version.updated_at,
        name: version.name,
        message: version.message,
        job: jobs::job(job)?,
        readme: version.readme,
        created_by: users::minimal(&creator),
        archived: version.archived,
        warnings: Vec::new(),
        matched_provisioners: None,
        has_external_agent: false,
    })
}

/// Shows a parameter that the import found.
pub(crate) fn parameter(row: template_version_parameters::Model) -> ApiResult<TemplateVersionParameter> {
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(TemplateVersionParameter {
        options: options(&row.options)?,
        name: row.name,
        display_name: row.display_name,
        description_plaintext: row.description.clone(),
        description: row.description,
        parameter_type: row.type_,
        form_type: row.form_type,
        mutable: row.mutable,
        default_value: row.default_value,
        icon: row.icon,
        validation_error: text(row.validation_error),
        validation_regex: text(row.validation_regex),
        validation_min: row.validation_min.map(i64::from),
        validation_max: row.validation_max.map(i64::from),
        validation_monotonic: text(row.validation_monotonic),
        required: row.required,
        ephemeral: row.ephemeral,
    })
}

fn options(stored: &serde_json::Value) -> ApiResult<Vec<TemplateVersionParameterOption>> {
    let stored = Vec::<BTreeMap<String, String>>::deserialize(stored);
    let stored = stored.map_err(|_| DbError::Corrupt { what: "parameter options" })?;
    let option = |mut fields: BTreeMap<String, String>| {
        let mut take = |name: &str| fields.remove(name).unwrap_or_default();
        TemplateVersionParameterOption {
            name: take("name"),
            description: take("description"),
            value: take("value"),
            icon: take("icon"),
        }
    };
    Ok(stored.into_iter().map(option).collect())
}
