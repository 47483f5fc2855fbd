//! The error body, and the plain message body of some successes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What every failed request answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorResponse {
    /// A sentence for the user.
    pub message: String,
    /// Diagnostic text for whoever looks into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What is wrong with which field of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validations: Vec<ValidationError>,
}

/// One field of a request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationError {
    /// The JSON or query name of the field.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A success that only says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageResponse {
    pub message: String,
}
