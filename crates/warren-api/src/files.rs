//! Uploaded files.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::FileId;

/// The largest upload, in bytes.
pub const UPLOAD_BYTES_MAX: usize = 104_857_600;

/// The answer to an upload.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UploadResponse {
    /// The id of the file (the field keeps its historical name).
    pub hash: FileId,
}
