//! Named task groups. The only place that spawns: every task has a name, an owner and an end.

use std::{
    collections::BTreeMap,
    fmt::Display,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tokio::task::AbortHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A group of tasks that is stopped as one. Clones share the group; dropping the last one cancels it.
#[derive(Clone)]
pub struct Tasks {
    group: Arc<Group>,
}

/// What a task may end with; an error is logged with the task's name.
pub trait TaskOutput: Send {
    /// Gives the text of a failure.
    fn failure(self) -> Option<String>;
}

impl TaskOutput for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Display + Send> TaskOutput for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

struct Group {
    token: CancellationToken,
    tracker: TaskTracker,
    running: Running,
    next: AtomicU64,
}

/// Names of the tasks that have not ended, with their handles once they are spawned.
type Running = Arc<Mutex<BTreeMap<u64, (String, Option<AbortHandle>)>>>;

impl Drop for Group {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// Makes an empty group.
    pub fn new() -> Self {
        Self::with_token(CancellationToken::new())
    }

    /// Makes a group that is also cancelled when this one is; it is joined separately.
    pub fn child(&self) -> Self {
        Self::with_token(self.group.token.child_token())
    }

    fn with_token(token: CancellationToken) -> Self {
        Self {
            group: Arc::new(Group {
                token,
                tracker: TaskTracker::new(),
                running: Arc::default(),
                next: AtomicU64::new(0),
            }),
        }
    }

    /// The token that is cancelled when the group stops.
    pub fn token(&self) -> CancellationToken {
        self.group.token.clone()
    }

    /// Runs a future that may be dropped at any await point when the group stops.
    pub fn spawn<F>(&self, name: impl Into<String>, future: F)
    where
        F: Future + Send + 'static,
        F::Output: TaskOutput,
    {
        let token = self.token();
        self.spawn_graceful(name, async move {
            match token.run_until_cancelled(future).await {
                Some(output) => output.failure().map_or(Ok(()), Err),
                None => Ok(()),
            }
        });
    }

    /// Runs a future that watches [`Tasks::token`] itself and winds down; it is aborted at the stop deadline.
    pub fn spawn_graceful<F>(&self, name: impl Into<String>, future: F)
    where
        F: Future + Send + 'static,
        F::Output: TaskOutput,
    {
        let name = name.into();
        let id = self.group.next.fetch_add(1, Ordering::Relaxed);
        let running = self.group.running.clone();
        let guard = Finished { id, running: running.clone() };
        let label = name.clone();
        // Entered before it is spawned, so that a task which ends at once finds its entry to remove. The lock is not held
        // over the spawn: a runtime that shuts down drops the task there and then.
        lock(&running).insert(id, (name, None));
        let handle = self.group.tracker.spawn(async move {
            let _guard = guard;
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(output) => {
                    if let Some(error) = output.failure() {
                        tracing::error!(task = label, error, "task failed");
                    }
                }
                Err(_) => tracing::error!(task = label, "task panicked"),
            }
        });
        if let Some((_, slot)) = lock(&running).get_mut(&id) {
            *slot = Some(handle.abort_handle());
        }
    }

    /// Number of tasks that have not ended.
    pub fn len(&self) -> usize {
        self.group.tracker.len()
    }

    /// Whether every task has ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends every task where it stands and waits until all are gone. None winds down or hears of it, as after a crash of the
    /// program, which tests play with this.
    pub async fn abort(&self) {
        self.group.tracker.close();
        while !self.is_empty() {
            let handles: Vec<_> =
                lock(&self.group.running).values().filter_map(|(_, handle)| handle.clone()).collect();
            handles.iter().for_each(AbortHandle::abort);
            tokio::task::yield_now().await;
        }
        self.group.token.cancel();
    }

    /// Cancels the group and waits; tasks still running at the deadline are aborted and named in the answer.
    pub async fn stop(&self, deadline: Duration) -> Vec<String> {
        self.group.token.cancel();
        self.group.tracker.close();
        if tokio::time::timeout(deadline, self.group.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        let late: Vec<_> = lock(&self.group.running).values().cloned().collect();
        for (name, handle) in &late {
            tracing::warn!(task = name, "task did not stop in time and is aborted");
            if let Some(handle) = handle {
                handle.abort();
            }
        }
        late.into_iter().map(|(name, _)| name).collect()
    }
}

/// Removes the task's entry when its future is dropped, finished or not.
struct Finished {
    id: u64,
    running: Running,
}

impl Drop for Finished {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.id);
    }
}

fn lock(running: &Running) -> MutexGuard<'_, BTreeMap<u64, (String, Option<AbortHandle>)>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
