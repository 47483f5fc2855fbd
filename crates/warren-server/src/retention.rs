//! Deletes what is older than the settings say that it is kept.

use std::time::Duration;

use warren_app::App;
use warren_rt::Tasks;

use crate::config::ServerConfig;

/// How often it is looked for what is too old.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Starts the task; a duration of zero keeps for ever.
pub(crate) fn start(app: App, config: &ServerConfig, tasks: &Tasks) {
    let keep = config.retention.audit_logs;
    if keep.is_zero() {
        return;
    }
    tasks.spawn("audit retention", run(app, keep));
}

async fn run(app: App, keep: Duration) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match app.purge_audit_logs(keep).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old entries of the audit log were deleted"),
            Err(error) => tracing::warn!(%error, "old entries of the audit log could not be deleted"),
        }
    }
}
