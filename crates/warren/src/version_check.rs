//! The warning when the server has another version than this program.

use std::time::Duration;

use warren_sdk::Client;

use crate::{context::Context, output};

/// The warning is not worth a longer wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// Version of this program, as servers tell theirs.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// Warns on standard error after a command that talked to a server of another version.
pub async fn warn(context: &Context) {
    let Some(client) = context.used_client() else { return };
    let Some(server) = client.server_version().filter(|server| !is_compatible(VERSION, server)) else {
        return;
    };
    output::note(&format!("version mismatch: client {VERSION}, server {server}"));
    output::note(&advice(&client).await);
}

async fn advice(client: &Client) -> String {
    let info = tokio::time::timeout(PATIENCE, client.build_info()).await;
    match info {
        Ok(Ok(info)) if !info.upgrade_message.is_empty() => info.upgrade_message,
        Ok(Ok(_) | Err(_)) | Err(_) => {
            let base = client.base().as_str().trim_end_matches('/');
            format!("install the server's version with: curl -fsSL {base}/install.sh | sh")
        }
    }
}

/// Versions work together when major and minor are the same.
fn is_compatible(one: &str, other: &str) -> bool {
    let series = |version: &str| {
        let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
        Some((parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u64>().ok()?))
    };
    match (series(one), series(other)) {
        (Some(one), Some(other)) => one == other,
        // A version that is none cannot be compared.
        (None, _) | (_, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patch_level_does_not_matter() {
        assert!(is_compatible("v0.1.0", "v0.1.9+abc"));
        assert!(is_compatible("v0.1.0", "0.1.0-devel"));
        assert!(!is_compatible("v0.1.0", "v0.2.0"));
        assert!(!is_compatible("v0.1.0", "v1.1.0"));
        assert!(is_compatible("v0.1.0", "devel"));
    }
}
