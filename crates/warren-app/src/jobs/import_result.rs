//! What an import leaves: the version's parameters, its text, and the resources that it would make.

use serde_json::json;
use warren_build_proto::{ImportOutcome, Parameter};
use warren_db::{Tx, entity::template_version_parameters as parameters, query};
use warren_vocab::{JobId, TemplateVersionId, Transition};

use super::rows::{Made, rows};
use crate::error::AppResult;

/// Stores the outcome of an import.
pub(super) async fn store(
    tx: &Tx,
    job: JobId,
    version: TemplateVersionId,
    outcome: &ImportOutcome,
) -> AppResult<()> {
    let all = outcome.parameters.iter().map(|one| parameter(version, one)).collect();
    query::job_results::set_import(tx, version, &outcome.readme, all).await?;
    for (transition, resources) in
        [(Transition::Start, &outcome.start_resources), (Transition::Stop, &outcome.stop_resources)]
    {
        let Made { rows, metadata } = rows(job, transition, resources, tx.now())?;
        query::job_results::insert(tx, rows, metadata).await?;
    }
    Ok(())
}

fn parameter(version: TemplateVersionId, parameter: &Parameter) -> parameters::Model {
    let options = parameter.options.iter().map(|option| {
        json!({
            "name": option.name,
            "description": option.description,
            "value": option.value,
            "icon": option.icon,
        })
    });
    let validation = &parameter.validation;
    parameters::Model {
        template_version_id: version.as_uuid(),
        name: parameter.name.clone(),
        display_name: parameter.display_name.clone(),
        description: parameter.description.clone(),
        type_: parameter.kind.clone(),
        form_type: parameter.form_type.clone(),
        mutable: parameter.mutable,
        default_value: parameter.default_value.clone(),
        icon: parameter.icon.clone(),
        options: options.collect(),
        validation_regex: validation.regex.clone(),
        validation_error: validation.error.clone(),
        validation_min: validation.min,
        validation_max: validation.max,
        validation_monotonic: validation.monotonic.clone(),
        required: parameter.required,
        ephemeral: parameter.ephemeral,
        display_order: parameter.order,
    }
}
