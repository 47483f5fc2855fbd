//! Hints of a server that neither tells nor hears of other servers' changes by NOTIFY.
//!
//! Its subscribers hear what happens in this process, and are told every few seconds that hints were lost, which makes them
//! look.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};
use warren_rt::Tasks;

use super::{InProcess, PubSub, Subscription};

/// How often subscribers look, as often as those of a server that cannot listen.
const LOOK: Duration = Duration::from_secs(5);

/// Hints of one server among others.
pub(crate) struct Alone {
    local: Arc<InProcess>,
}

impl Alone {
    /// Starts the task that makes subscribers look.
    pub(crate) fn start(tasks: &Tasks) -> Self {
        let local = Arc::new(InProcess::default());
        tasks.spawn("looking instead of listening", make_look(local.clone()));
        Self { local }
    }
}

async fn make_look(local: Arc<InProcess>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        local.lag_all();
    }
}

impl PubSub for Alone {
    fn publish(&self, channel: &str, hint: Value) {
        self.local.publish(channel, hint);
    }

    fn subscribe(&self, channel: &str) -> Subscription {
        self.local.subscribe(channel)
    }
}
