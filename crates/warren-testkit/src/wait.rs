//! Waiting for a condition, never for a time.

use std::{future::Future, time::Duration};

use anyhow::{Result, bail};
use tokio::time::Instant;

const PAUSE: Duration = Duration::from_millis(50);

/// Asks again and again until the answer is `Some`, and fails with `what` when the deadline passes.
///
/// # Errors
/// Fails when the deadline passes.
pub async fn eventually<T, F, Fut>(what: &str, deadline: Duration, mut ask: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        if Instant::now() >= end {
            bail!("{what} did not happen within {} s", deadline.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
