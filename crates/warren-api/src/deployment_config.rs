//! The settings of a server, as its administrators see them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// `GET /api/v2/deployment/config`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeploymentConfig {
    /// The values as nested groups, without secrets.
    #[schema(value_type = Object)]
    pub config: Value,
    pub options: Vec<DeploymentOption>,
}

/// One setting.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeploymentOption {
    pub name: String,
    pub description: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub flag: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub env: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub yaml: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub default: String,
    /// The value in force; empty for a secret.
    #[schema(value_type = Object)]
    pub value: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<DeploymentOptionGroup>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// `flag`, `env`, `yaml` or `default`; absent when nobody knows any more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value_source: String,
    /// `secret` for values that are never shown.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub annotations: std::collections::BTreeMap<String, String>,
}

/// A group of settings.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeploymentOptionGroup {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub yaml: String,
}
