//! What the row of a job says about its work, in the column `input`.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warren_db::DbError;
use warren_rt::{SealError, Sealer};
use warren_vocab::{BuildId, TemplateVersionId};

use crate::error::AppResult;

/// The work of a job. Exactly one of the two ids is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobInput {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_version_id: Option<TemplateVersionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_build_id: Option<BuildId>,
    /// Values of Terraform variables, sealed, as they may hold secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed_variables: Option<String>,
}

/// The value that a template's author gave to a Terraform variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableValue {
    pub name: String,
    pub value: String,
}

impl JobInput {
    /// The import of a version with the given variable values.
    pub fn import(version: TemplateVersionId, variables: &[VariableValue], sealer: &Sealer) -> Self {
        let sealed = (!variables.is_empty())
            .then(|| BASE64.encode(sealer.seal(json!(variables).to_string().as_bytes())));
        Self { template_version_id: Some(version), sealed_variables: sealed, ..Self::default() }
    }

    /// A build.
    pub fn build(build: BuildId) -> Self {
        Self { workspace_build_id: Some(build), ..Self::default() }
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// Fails when it was not written by [`JobInput::to_stored`].
    pub fn from_stored(stored: &Value) -> AppResult<Self> {
        Ok(Self::deserialize(stored).map_err(|_| DbError::Corrupt { what: "job input" })?)
    }

    /// The stored form.
    pub fn to_stored(&self) -> Value {
        json!(self)
    }

    /// The sealed variable values, as text.
    pub(crate) fn sealed(&self) -> Option<&str> {
        self.sealed_variables.as_deref()
    }

    /// Puts other sealed values in place; `false` when nothing changes.
    pub(crate) fn set_sealed(&mut self, sealed: Option<String>) -> bool {
        let is_other = self.sealed_variables != sealed;
        self.sealed_variables = sealed;
        is_other
    }

    /// Opens the variable values of an import.
    ///
    /// # Errors
    /// Fails when they were sealed under another key.
    pub fn variables(&self, sealer: &Sealer) -> AppResult<Vec<VariableValue>> {
        let Some(sealed) = &self.sealed_variables else { return Ok(Vec::new()) };
        let sealed = BASE64.decode(sealed).map_err(|_| SealError::Open)?;
        let plain = sealer.open(&sealed)?;
        Ok(serde_json::from_slice(&plain).map_err(|_| DbError::Corrupt { what: "variable values" })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_values_are_sealed_in_the_stored_form() {
        let sealer = Sealer::from_key(&[3; 32]);
        let variables = [VariableValue { name: String::from("token"), value: String::from("hunter2") }];
        let stored = JobInput::import(TemplateVersionId::new(), &variables, &sealer).to_stored();
        assert!(!stored.to_string().contains("hunter2"));
        assert_eq!(JobInput::from_stored(&stored).unwrap().variables(&sealer).unwrap(), variables);
    }
}
