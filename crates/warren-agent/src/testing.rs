//! What this crate's tests share.

use std::path::Path;

use warren_wire::agent::Manifest;

use crate::workplace::Workplace;

/// A manifest of workspace `lab` whose directory is `dir`.
pub(crate) fn manifest(dir: &Path) -> Manifest {
    serde_json::from_value(serde_json::json!({
        "agent_id": uuid::Uuid::nil(), "agent_name": "main", "owner_username": "ada", "workspace_id": uuid::Uuid::nil(),
        "workspace_name": "lab", "directory": dir, "host_key_seed": "07".repeat(32),
        "environment_variables": {"FROM_TEMPLATE": "yes"},
    }))
    .expect("the manifest is complete")
}

/// A workplace whose sessions start in `dir`.
pub(crate) fn workplace(dir: &Path) -> Workplace {
    Workplace::of_process(manifest(dir), "token", "http://127.0.0.1:1/", dir.join("data"))
}
