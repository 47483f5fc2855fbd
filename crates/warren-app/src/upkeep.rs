//! Work that comes around by itself: keys that ran out are removed, accounts that nobody uses become dormant.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{MissedTickBehavior, interval};
use warren_db::query;
use warren_rt::Tasks;

use crate::{App, error::AppResult};

/// How often to look.
const INTERVAL: Duration = Duration::from_secs(3600);

impl App {
    /// Starts the background work of the use cases. It ends with the tasks.
    pub fn start(&self, tasks: &Tasks) {
        self.uses().start(self.db().clone(), tasks);
        let app = self.clone();
        tasks.spawn("upkeep", async move { app.keep_tidy().await });
    }

    async fn keep_tidy(&self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.tidy_accounts().await {
                tracing::warn!(%error, "accounts and keys could not be tidied up");
            }
        }
    }

    /// Removes keys that ran out long ago and makes idle accounts dormant. A setting of zero keeps what there is.
    pub async fn tidy_accounts(&self) -> AppResult<()> {
        let config = self.config();
        if let Some(age) = positive(config.retention.api_keys) {
            let removed: u64 = self
                .db()
                .write(async |tx| query::api_keys::delete_expired(tx, self.now() - age).await)
                .await?;
            if removed > 0 {
                tracing::info!(removed, "removed keys that ran out");
            }
        }
        if let Some(age) = positive(config.session.dormant_after) {
            let dormant = self.make_idle_users_dormant(self.now() - age).await?;
            if dormant > 0 {
                tracing::info!(dormant, "accounts that nobody used are dormant now");
            }
        }
        Ok(())
    }
}

fn positive(duration: Duration) -> Option<TimeDelta> {
    TimeDelta::from_std(duration).ok().filter(|age| *age > TimeDelta::zero())
}
