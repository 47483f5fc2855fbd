//! A pool of connections in which no wait is without an end.
//!
//! A host that vanishes resets nothing: whoever waits for its answer would wait for as long as TCP does, a quarter of an
//! hour. Here every step has a deadline. A connection that missed one, or whose step was given up half-way, is closed and
//! never used again. Must not know what is asked.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgSeverity},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};
use warren_rt::Backoff;

/// How long whoever needs a connection waits for a free one, and for PostgreSQL to take it.
const LEASE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long making a connection may take, with all that it is set to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long PostgreSQL may take to answer. It gives up by itself sooner (`statement_timeout`), so whoever waits for longer
/// waits for nobody.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection that lay idle for longer is tried before it is used: the server may have gone away meanwhile.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How long it has for that.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// Idle connections beyond the first close after this long.
const IDLE_MAX: Duration = Duration::from_secs(300);
/// Connections close at this age, for what PostgreSQL remembers for them.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);
/// How long a connection that is closed in order may take for it.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long closing the pool waits for what is under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// A pool; clones share it.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    options: PgConnectOptions,
    /// What every connection is set to.
    session: &'static [&'static str],
    places: Arc<Semaphore>,
    /// The one that was used last comes first again, so that those that are not needed grow old.
    resting: Mutex<Vec<Resting>>,
    n_open: watch::Sender<u32>,
}

struct Resting {
    line: Line,
    since: Instant,
}

/// An open connection.
struct Line {
    connection: PgConnection,
    made_at: Instant,
    _count: Count,
}

/// Counts an open connection for as long as it lives.
struct Count {
    n_open: watch::Sender<u32>,
}

/// A connection in use. When dropped it goes back, or is closed if it is in the middle of something.
pub(crate) struct Lease {
    /// Absent once it is broken.
    line: Option<Line>,
    /// Whether no step is under way.
    is_quiet: bool,
    /// Whether a transaction was begun and not ended.
    is_inside: bool,
    /// How long a step may take.
    patience: Duration,
    shared: Arc<Shared>,
    /// Given back after the connection.
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool without connections; they are made when they are needed.
    pub(super) fn new(options: PgConnectOptions, session: &'static [&'static str], n_places: u32) -> Self {
        let places = usize::try_from(n_places).unwrap_or(Semaphore::MAX_PERMITS);
        let shared = Shared {
            options,
            session,
            places: Arc::new(Semaphore::new(places)),
            resting: Mutex::default(),
            n_open: watch::Sender::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Waits for a connection that works.
    ///
    /// # Errors
    /// Says that the pool is busy or closed, or why no connection can be made.
    pub(crate) async fn lease(&self) -> Result<Lease, sqlx::Error> {
        let deadline = Instant::now() + LEASE_TIMEOUT;
        let place = timeout_at(deadline, self.shared.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let line = match self.shared.rested().await {
            Some(line) => line,
            None => self.shared.connect_by(deadline).await?,
        };
        let shared = self.shared.clone();
        Ok(Lease {
            line: Some(line),
            is_quiet: true,
            is_inside: false,
            patience: ANSWER_TIMEOUT,
            shared,
            _place: place,
        })
    }

    /// How many connections there are, and how many of them are not in use.
    pub(in crate::database) fn size(&self) -> (u32, usize) {
        (*self.shared.n_open.borrow(), self.shared.resting().len())
    }

    /// Lets nobody in any more, waits for those who are, and closes what there is.
    pub(super) async fn close(&self) {
        self.shared.places.close();
        let resting = std::mem::take(&mut *self.shared.resting());
        for Resting { line, since: _ } in resting {
            farewell(line).await;
        }
        let mut n_open = self.shared.n_open.subscribe();
        if timeout(CLOSE_TIMEOUT, n_open.wait_for(|n_open| *n_open == 0)).await.is_err() {
            tracing::warn!("questions to the database were still open when it was closed");
        }
    }
}

impl Lease {
    /// Does one step: a question and its whole answer.
    ///
    /// # Errors
    /// Gives the driver's error. [`sqlx::Error::Io`] means that the connection is gone, and that nobody knows whether the step
    /// was done.
    pub(crate) async fn step<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let Some(line) = &mut self.line else { return Err(broken("the connection is broken")) };
        self.is_quiet = false;
        let outcome = timeout(self.patience, work(&mut line.connection)).await;
        self.is_quiet = true;
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if ends_connection(&error) {
                    self.line = None;
                }
                Err(error)
            }
            Err(_elapsed) => {
                self.line = None;
                self.shared.distrust();
                Err(broken("the database did not answer in time"))
            }
        }
    }

    /// Says whether the connection is inside a transaction from here on. Such a one is closed and not given back.
    pub(super) fn set_inside(&mut self, is_inside: bool) {
        self.is_inside = is_inside;
    }

    /// Sets how long each further step may take.
    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Whether there is still something to ask.
    pub(super) fn is_usable(&self) -> bool {
        self.line.is_some() && self.is_quiet
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(line) = self.line.take() else { return };
        let is_young = line.made_at.elapsed() < AGE_MAX;
        if self.is_quiet && !self.is_inside && is_young && !self.shared.places.is_closed() {
            self.shared.resting().push(Resting { line, since: Instant::now() });
        }
    }
}

impl Shared {
    fn resting(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that was used before and still works.
    async fn rested(&self) -> Option<Line> {
        loop {
            let Resting { mut line, since } = self.take()?;
            if since.elapsed() < TRUSTED_IDLE {
                return Some(line);
            }
            match timeout(PING_TIMEOUT, line.connection.ping()).await {
                Ok(Ok(())) => return Some(line),
                Ok(Err(_broken)) => {}
                Err(_elapsed) => self.distrust(),
            }
        }
    }

    fn take(&self) -> Option<Resting> {
        let mut resting = self.resting();
        let newest = resting.pop()?;
        resting.retain(|one| one.since.elapsed() < IDLE_MAX);
        Some(newest)
    }

    /// Throws away what lies idle, because a connection has gone silent: the others may have gone with it.
    fn distrust(&self) {
        let n_lines = std::mem::take(&mut *self.resting()).len();
        tracing::warn!(
            idle = n_lines,
            "a connection to the database went silent; it and the idle ones are replaced"
        );
    }

    /// Makes a connection, again and again while PostgreSQL may only be starting.
    async fn connect_by(&self, deadline: Instant) -> Result<Line, sqlx::Error> {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
        loop {
            let error = match timeout_at(deadline, self.connect()).await {
                Ok(Ok(line)) => return Ok(line),
                Ok(Err(error)) => error,
                Err(_elapsed) => return Err(sqlx::Error::PoolTimedOut),
            };
            if !may_pass(&error) || timeout_at(deadline, backoff.wait()).await.is_err() {
                return Err(error);
            }
        }
    }

    async fn connect(&self) -> Result<Line, sqlx::Error> {
        let connecting = async {
            let mut connection = self.options.connect().await?;
            for statement in self.session {
                connection.execute(*statement).await?;
            }
            Ok::<_, sqlx::Error>(connection)
        };
        let connection = timeout(CONNECT_TIMEOUT, connecting).await;
        let connection =
            connection.map_err(|_| broken("the database did not take a connection in time"))??;
        Ok(Line { connection, made_at: Instant::now(), _count: Count::new(&self.n_open) })
    }
}

impl Count {
    fn new(n_open: &watch::Sender<u32>) -> Self {
        n_open.send_modify(|n_open| *n_open += 1);
        Self { n_open: n_open.clone() }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.n_open.send_modify(|n_open| *n_open -= 1);
    }
}

async fn farewell(line: Line) {
    let Line { connection, made_at: _, _count } = line;
    // It is gone in any case.
    let _ = timeout(FAREWELL_TIMEOUT, connection.close()).await;
}

fn broken(why: &'static str) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, why))
}

/// Whether nothing more can be asked after an error. What PostgreSQL refuses leaves the connection as it was.
fn ends_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<PgDatabaseError>()
            .is_none_or(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)),
        sqlx::Error::RowNotFound
        | sqlx::Error::Encode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::TypeNotFound { .. } => false,
        // sqlx's errors are open to new variants.
        _ => true,
    }
}

/// Whether another attempt to connect may succeed by itself: nobody listens yet or it hangs up at once, as a balancer does
/// that has nobody behind it, or PostgreSQL starts, stops or is full.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        ),
        sqlx::Error::Database(error) => {
            matches!(error.code().as_deref(), Some("53300" | "57P01" | "57P02" | "57P03"))
        }
        // sqlx's errors are open to new variants.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_hangs_up_is_tried_again_and_whoever_is_silent_is_not() {
        let error = |kind| sqlx::Error::Io(io::Error::from(kind));
        assert!(may_pass(&error(io::ErrorKind::ConnectionReset)));
        assert!(may_pass(&error(io::ErrorKind::UnexpectedEof)));
        assert!(!may_pass(&error(io::ErrorKind::TimedOut)));
        assert!(!may_pass(&sqlx::Error::PoolClosed));
    }
}
