//! Steps of a transaction that may be dropped and are finished all the same.
//!
//! A `COMMIT` whose answer nobody waited for may have ended the transaction all the same, and nobody would be told of what
//! was committed.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
};

use tokio::runtime::Handle;
use warren_rt::Tasks;

type Step<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Does one step. When the caller loses interest half-way, a task brings it to its end and drops what it gives.
pub(super) async fn shielded<T: Send + 'static>(
    step: impl Future<Output = T> + Send + 'static,
    tasks: &Tasks,
) -> T {
    let mut shield = Shield { step: Some(Box::pin(step)), tasks };
    let done = poll_fn(|cx| match &mut shield.step {
        Some(step) => step.as_mut().poll(cx),
        None => unreachable!("only dropping takes it out"),
    });
    let done = done.await;
    shield.step = None;
    done
}

/// Does not let go of a step that is under way.
struct Shield<'a, T: Send + 'static> {
    step: Option<Step<T>>,
    tasks: &'a Tasks,
}

impl<T: Send + 'static> Drop for Shield<'_, T> {
    fn drop(&mut self) {
        // Without a runtime the connections are gone as well.
        if let Some(step) = self.step.take()
            && Handle::try_current().is_ok()
        {
            // A transaction that has begun rolls back when it is dropped.
            self.tasks.spawn_graceful("abandoned transaction", async move { drop(step.await) });
        }
    }
}
