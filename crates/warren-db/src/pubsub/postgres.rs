//! Hints between servers over LISTEN and NOTIFY: one PostgreSQL channel for all, our channel names inside the payload.
//!
//! Subscribers of the publishing process hear a hint at once; its own echo is ignored. Hints go out after the commit,
//! in batches: NOTIFY takes a lock of the whole database, and inside a writing transaction it would queue the writers.
//! Whatever may have been lost, here or on the way, reaches every subscriber as [`Notice::Lagged`]. As long as there is nothing
//! to listen to, they are told so again and again: hints are then replaced by looking every few seconds.

mod batch;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use sqlx::{
    Acquire, ConnectOptions,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use uuid::Uuid;
use warren_rt::{Backoff, Tasks};

use self::batch::{Batch, Hint};
use super::{InProcess, Notice, PubSub, Subscription};
use crate::database::PostgresPool;

const CHANNEL: &str = "warren";
/// Hints that may wait for the next batch.
const OUTBOX_MAX: usize = 4096;
/// The least time between two batches; an idle server sends a hint at once.
const PACE: Duration = Duration::from_millis(5);
/// How often an idle server sends an empty batch, which its own listener waits for.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// A listener that hears nothing for so long, not even its own heartbeat, sits on a dead connection.
const SILENCE_MAX: Duration = Duration::from_secs(7);
/// How long beginning to listen, or sending, may take.
const PATIENCE: Duration = Duration::from_secs(5);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Hints to the subscribers of all servers on one PostgreSQL database.
pub(crate) struct ListenNotify {
    local: Arc<InProcess>,
    outbox: mpsc::Sender<Hint>,
    /// Set when hints to other servers were lost, until they are told.
    has_lost: Arc<AtomicBool>,
    trouble: watch::Receiver<Option<String>>,
}

impl ListenNotify {
    /// Listens on a connection of its own, then starts the tasks that send through the pool and receive. A database that
    /// lets nobody listen makes everything slower, but is none to refuse.
    pub(crate) async fn start(options: PgConnectOptions, pool: PostgresPool, tasks: &Tasks) -> Self {
        let local = Arc::new(InProcess::default());
        let has_lost = Arc::new(AtomicBool::new(false));
        let (outbox, waiting) = mpsc::channel(OUTBOX_MAX);
        let from = Uuid::new_v4();
        let (trouble, troubles) = watch::channel(None);
        let receiver = Receiver { options, from, local: local.clone(), trouble };
        let listener = listen(&receiver.options).await;
        let listener = listener.map_err(|deafness| receiver.miss(deafness)).ok();
        tasks.spawn("hint listener", async move { receiver.run(listener).await });
        let sender = Sender { pool, from, waiting, has_lost: has_lost.clone() };
        let stopped = tasks.token().cancelled_owned();
        tasks.spawn_graceful("hint sender", async move { sender.run(stopped).await });
        Self { local, outbox, has_lost, trouble: troubles }
    }
}

impl PubSub for ListenNotify {
    fn publish(&self, channel: &str, hint: Value) {
        if self.outbox.try_send((channel.to_owned(), hint.clone())).is_err() {
            self.has_lost.store(true, Ordering::Relaxed);
        }
        self.local.publish(channel, hint);
    }

    fn subscribe(&self, channel: &str) -> Subscription {
        self.local.subscribe(channel)
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }
}

/// Sends what waits, at a pace.
struct Sender {
    pool: PostgresPool,
    from: Uuid,
    waiting: mpsc::Receiver<Hint>,
    has_lost: Arc<AtomicBool>,
}

impl Sender {
    async fn run(mut self, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MAX);
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_last = tokio::select! {
                first = self.next() => match first {
                    Ok(hints) => self.send(hints, &mut backoff).await,
                    Err(Gone) => return,
                },
                () = &mut stopped => true,
            };
            if is_last {
                let rest = self.drain(Vec::new());
                // Other servers will notice what is missing when they look the next time.
                let _ = self.notify(rest).await;
                return;
            }
            pace.tick().await;
        }
    }

    /// Waits for a hint or for the time of the heartbeat, which is now when others must learn of lost hints.
    async fn next(&mut self) -> Result<Vec<Hint>, Gone> {
        let patience = if self.has_lost.load(Ordering::Relaxed) { Duration::ZERO } else { HEARTBEAT };
        match timeout(patience, self.waiting.recv()).await {
            Ok(Some(first)) => Ok(self.drain(vec![first])),
            Ok(None) => Err(Gone),
            Err(_elapsed) => Ok(Vec::new()),
        }
    }

    fn drain(&mut self, mut hints: Vec<Hint>) -> Vec<Hint> {
        while hints.len() < OUTBOX_MAX
            && let Ok(hint) = self.waiting.try_recv()
        {
            hints.push(hint);
        }
        hints
    }

    /// Always `false`: the sender goes on.
    async fn send(&mut self, hints: Vec<Hint>, backoff: &mut Backoff) -> bool {
        match self.notify(hints).await {
            Ok(()) => backoff.reset(),
            Err(error) => {
                tracing::warn!(%error, "hints to other servers were lost; they will be told to look again");
                self.has_lost.store(true, Ordering::Relaxed);
                backoff.wait().await;
            }
        }
        false
    }

    async fn notify(&self, hints: Vec<Hint>) -> Result<(), sqlx::Error> {
        let has_lost = self.has_lost.swap(false, Ordering::Relaxed);
        let payloads = Batch::encode(self.from, hints, has_lost);
        let sending = async {
            let mut lease = self.pool.lease().await?;
            let query = sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload");
            lease.step(async |connection| query.bind(CHANNEL).bind(payloads).execute(connection).await).await
        };
        timeout(PATIENCE, sending).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(())
    }
}

/// Every handle of the database is gone.
struct Gone;

/// Gives what other servers send to the subscribers of this one.
struct Receiver {
    options: PgConnectOptions,
    from: Uuid,
    local: Arc<InProcess>,
    /// Why nothing is heard, for as long as that is so.
    trouble: watch::Sender<Option<String>>,
}

/// Why nothing is heard.
enum Deafness {
    /// There is no connection.
    Away(String),
    /// There is one, but it does not do: LISTEN was refused or had no effect.
    Refused(String),
}

impl Receiver {
    async fn run(self, mut first: Option<PgListener>) {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MAX);
        loop {
            let listening = match first.take() {
                Some(listener) => Ok(listener),
                None => listen(&self.options).await.inspect(|_| {
                    // What was said before it listened was lost.
                    self.local.lag_all();
                }),
            };
            match listening {
                Ok(mut listener) => {
                    let (error, has_heard) = self.receive(&mut listener, &mut backoff).await;
                    forsake(listener, &self.options).await;
                    if has_heard {
                        tracing::warn!(
                            error,
                            "the connection that listens for hints broke and is made again"
                        );
                    } else {
                        self.miss(Deafness::Refused(error));
                    }
                }
                Err(deafness) => self.miss(deafness),
            }
            // Nobody knows what is not heard from now on.
            self.local.lag_all();
            backoff.wait().await;
        }
    }

    /// Receives until the connection breaks, and says why and whether anything was heard before.
    async fn receive(&self, listener: &mut PgListener, backoff: &mut Backoff) -> (String, bool) {
        let mut has_heard = false;
        loop {
            match timeout(SILENCE_MAX, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => {
                    has_heard = true;
                    backoff.reset();
                    self.hear();
                    self.deliver(notification.payload());
                }
                // It has reconnected and listens again.
                Ok(Ok(None)) => self.local.lag_all(),
                Ok(Err(error)) => return (error.to_string(), has_heard),
                Err(_elapsed) => {
                    return (String::from("nothing was heard, not even the own heartbeat"), has_heard);
                }
            }
        }
    }

    /// Notes that nothing is heard, and tells operators once what that means.
    fn miss(&self, deafness: Deafness) {
        let (error, is_refused) = match deafness {
            Deafness::Away(error) => (error, false),
            Deafness::Refused(error) => (error, true),
        };
        let text = format!(
            "Hints of other servers do not arrive ({error}); their changes are looked for every few seconds."
        );
        if self.trouble.borrow().is_some() {
            tracing::debug!(error, "still no hints of other servers arrive");
        } else if is_refused {
            tracing::warn!(
                error,
                "hints of other servers do not arrive, so this server looks for their changes every few seconds; give it a \
                 connection of its own to PostgreSQL, not one of a pooler that shares them, or start it with \
                 --postgres-disable-notify"
            );
        } else {
            tracing::warn!(
                error,
                "cannot listen for hints of other servers; this server looks for their changes every few seconds"
            );
        }
        self.trouble.send_replace(Some(text));
    }

    fn hear(&self) {
        if self.trouble.borrow().is_some() {
            tracing::info!("hints of other servers arrive again");
            self.trouble.send_replace(None);
        }
    }

    fn deliver(&self, payload: &str) {
        let Ok(batch) = serde_json::from_str::<Batch>(payload) else {
            // A later version may say more than this one understands.
            return self.local.lag_all();
        };
        if batch.from == self.from {
            return;
        }
        if batch.has_lost {
            self.local.lag_all();
        }
        for (channel, hint) in batch.hints {
            self.local.deliver(&channel, Notice::Hint(hint));
        }
        for channel in batch.too_long {
            self.local.deliver(&channel, Notice::Lagged);
        }
    }
}

async fn listen(options: &PgConnectOptions) -> Result<PgListener, Deafness> {
    let listening = async {
        // A pool of its own: what hangs on a dead network takes nobody's place.
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.acquire_timeout(PATIENCE).connect_lazy_with(options.clone());
        let away = |error: sqlx::Error| Deafness::Away(error.to_string());
        let mut listener = PgListener::connect_with(&pool).await.map_err(away)?;
        match listener.listen(CHANNEL).await {
            Ok(()) => Ok(listener),
            Err(error @ sqlx::Error::Io(_)) => Err(away(error)),
            Err(error) => Err(Deafness::Refused(error.to_string())),
        }
    };
    match timeout(PATIENCE, listening).await {
        Ok(listening) => listening,
        Err(_elapsed) => Err(Deafness::Away(String::from("the database does not answer"))),
    }
}

/// Closes the connection of a listener. Its driver would first say that it does not listen any more, and on a dead network
/// wait for the answer as long as TCP does; so it is made to say that on another connection.
async fn forsake(mut listener: PgListener, options: &PgConnectOptions) {
    let replacing = async {
        let fresh = options.connect().await?;
        *listener.acquire().await? = fresh;
        Ok::<_, sqlx::Error>(())
    };
    if !matches!(timeout(PATIENCE, replacing).await, Ok(Ok(()))) {
        tracing::debug!("the connection that listened stays open until the network gives it up");
    }
}
