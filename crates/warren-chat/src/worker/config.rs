//! How much a worker takes on and how long it waits.

use std::time::Duration;

use warren_chat_proto::decide::STEPS_MAX;
use warren_db::query;

/// What operators can choose about the worker of a server; the times are for tests.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Whether this server works on chats at all; one that does not still serves viewers.
    pub is_enabled: bool,
    /// How long a lease lasts without being renewed; a dead worker's chats are taken over after this time at the latest.
    pub lease: Duration,
    /// How long the server of another worker may be silent before its chats are taken, however long their leases last.
    pub patience: Duration,
    /// How often to look for chats even without a hint, as hints may be lost.
    pub sweep: Duration,
    /// How long a worker that stops may take to give its chats back.
    pub drain: Duration,
    /// How often a runner compares its chat with the database even without a hint.
    pub sync: Duration,
    /// The most chats that run at once on this server. Chats that wait for a user do not count.
    pub chats_max: usize,
    /// The most chats of one owner that run at once on this server.
    pub chats_per_owner_max: usize,
    /// The most answers of a model in one turn.
    pub steps_max: usize,
    /// The most attempts to extend one history.
    pub attempts_max: i64,
    /// The wait before the second attempt; every further one is twice as long, up to `retry_max`.
    pub retry_first: Duration,
    pub retry_max: Duration,
    /// How long a model may take to begin its answer.
    pub first_event: Duration,
    /// How long a model may be silent in the middle of its answer.
    pub silence: Duration,
    /// Whether models are asked for titles of chats and summaries of turns.
    pub makes_titles: bool,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            is_enabled: true,
            lease: Duration::from_secs(10),
            patience: query::replicas::PATIENCE,
            sweep: Duration::from_secs(1),
            drain: Duration::from_secs(5),
            sync: Duration::from_secs(10),
            chats_max: 500,
            chats_per_owner_max: 100,
            steps_max: STEPS_MAX,
            attempts_max: 25,
            retry_first: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            first_event: Duration::from_secs(120),
            silence: Duration::from_secs(600),
            makes_titles: true,
        }
    }
}
