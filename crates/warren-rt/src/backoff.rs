//! Exponential backoff with seeded jitter: the same seed gives the same delays.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Delays that double from `first` up to `max`, each cut by a random amount of up to half.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    attempt: u32,
    rng: StdRng,
}

impl Backoff {
    /// Starts a series seeded from the operating system.
    pub fn new(first: Duration, max: Duration) -> Self {
        Self::seeded(first, max, rand::rng().random())
    }

    /// Starts a reproducible series.
    pub fn seeded(first: Duration, max: Duration, seed: u64) -> Self {
        Self { first, max, attempt: 0, rng: StdRng::seed_from_u64(seed) }
    }

    /// Gives the next delay.
    pub fn next_delay(&mut self) -> Duration {
        let factor = 1u32.checked_shl(self.attempt.min(30)).unwrap_or(u32::MAX);
        let full = self.first.saturating_mul(factor).min(self.max);
        self.attempt = self.attempt.saturating_add(1);
        full.mul_f64(self.rng.random_range(0.5..=1.0))
    }

    /// Waits for the next delay.
    pub async fn wait(&mut self) {
        let delay = self.next_delay();
        tokio::time::sleep(delay).await;
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_maximum_and_start_over() {
        let (first, max) = (Duration::from_millis(100), Duration::from_secs(2));
        let mut backoff = Backoff::seeded(first, max, 7);
        let delays: Vec<_> = (0..40).map(|_| backoff.next_delay()).collect();
        assert!(delays[0] >= first / 2 && delays[0] <= first);
        assert!(delays[5..].iter().all(|delay| *delay >= max / 2 && *delay <= max));
        backoff.reset();
        assert!(backoff.next_delay() <= first);
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let series = |seed| {
            let mut backoff = Backoff::seeded(Duration::from_millis(10), Duration::from_secs(1), seed);
            (0..5).map(|_| backoff.next_delay()).collect::<Vec<_>>()
        };
        assert_eq!(series(1), series(1));
        assert_ne!(series(1), series(2));
    }
}
