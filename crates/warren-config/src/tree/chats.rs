//! How much of the chats a server takes on.

use std::time::Duration;

/// What the worker of a server does.
#[derive(Debug, Clone)]
pub struct Chats {
    /// Whether this server works on chats; one that does not still shows them.
    pub worker_enable: bool,
    /// The most chats that run at once on this server.
    pub running_max: u32,
    /// The most chats of one user that run at once on this server.
    pub running_max_per_user: u32,
    /// The most answers of a model to one message of a user.
    pub steps_max: u32,
    /// How long a model may take to begin an answer.
    pub first_answer_timeout: Duration,
    /// How long a model may be silent in the middle of an answer.
    pub silence_timeout: Duration,
}

impl Default for Chats {
    fn default() -> Self {
        Self {
            worker_enable: true,
            running_max: 500,
            running_max_per_user: 100,
            steps_max: 1200,
            first_answer_timeout: Duration::from_secs(120),
            silence_timeout: Duration::from_secs(600),
        }
    }
}
