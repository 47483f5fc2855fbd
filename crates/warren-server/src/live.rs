//! Connections that outlive the request that opened them: they end when the session behind them does.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use warren_app::{Actor, App, AppError, identity::Session};
use warren_db::{Subscription, channels};
use warren_rt::Tasks;

use crate::{auth::Caller, state::AppState};

/// How often a session is looked up while a connection of it is open, besides every time something is said to have
/// happened to it.
const INTERVAL: Duration = Duration::from_secs(60);
/// The same for streams of what their viewer may lose the right to: it is gone within ten seconds.
const RIGHTS_INTERVAL: Duration = Duration::from_secs(8);

/// Serves a connection until it ends by itself or the caller is signed out, suspended or deleted, or the session expires.
pub(crate) async fn while_signed_in(state: &AppState, caller: &Caller, serve: impl Future<Output = ()>) {
    tokio::select! {
        () = serve => {}
        () = session_end(state.app.clone(), caller.session.clone()) => {
            tracing::debug!(user.id = %caller.actor().id(), "a connection ended with its session");
        }
    }
}

/// Returns when the session has ended. An open connection counts as use of it.
pub(crate) async fn session_end(app: App, session: Session) {
    let mut hints = app.db().subscribe(&channels::sessions(session.actor.id()));
    let mut sweep = interval(INTERVAL);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        match app.recheck(&session).await {
            Ok(_) => {}
            Err(AppError::Unauthenticated(_)) => return,
            // A database that does not answer says nothing about the session.
            Err(error) => tracing::warn!(%error, "the session of an open connection could not be checked"),
        }
        tokio::select! {
            () = hint(&mut hints) => {}
            _ = sweep.tick() => {}
        }
    }
}

/// What somebody with an open stream may do now.
#[derive(Clone)]
pub(crate) enum Standing {
    /// The session goes on, with these rights.
    Good(Arc<Actor>),
    /// The session has ended. The text is a sentence for the user.
    Ended(String),
}

/// Looks after the rights of those who have streams open: once for each session, however many streams it has.
#[derive(Clone, Default)]
pub(crate) struct OpenSessions {
    followed: Arc<Mutex<HashMap<String, watch::Sender<Standing>>>>,
}

impl OpenSessions {
    /// Follows a session. The receiver sees a change each time the rights were looked up.
    pub(crate) fn follow(&self, app: &App, tasks: &Tasks, session: &Session) -> watch::Receiver<Standing> {
        let mut followed = self.followed();
        if let Some(known) = followed.get(&session.key.id) {
            return known.subscribe();
        }
        let (sender, receiver) = watch::channel(Standing::Good(Arc::new(session.actor.clone())));
        followed.insert(session.key.id.clone(), sender.clone());
        let look = Look { sessions: self.clone(), app: app.clone(), session: session.clone(), sender };
        tasks.spawn("open session", async move { look.run().await });
        receiver
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<Standing>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks one session up again and again.
struct Look {
    sessions: OpenSessions,
    app: App,
    session: Session,
    sender: watch::Sender<Standing>,
}

impl Look {
    async fn run(self) {
        // Subscribed before the first look, so that no end falls between.
        let mut hints = self.app.db().subscribe(&channels::sessions(self.session.actor.id()));
        let mut sweep = interval(RIGHTS_INTERVAL);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = hint(&mut hints) => {}
                _ = sweep.tick() => {}
                () = self.sender.closed() => {
                    if self.retire() {
                        return;
                    }
                }
            }
            match self.app.recheck(&self.session).await {
                Ok(actor) => drop(self.sender.send_replace(Standing::Good(Arc::new(actor)))),
                Err(AppError::Unauthenticated(why)) => {
                    self.sessions.followed().remove(&self.session.key.id);
                    self.sender.send_replace(Standing::Ended(why.message));
                    return;
                }
                // A database that does not answer says nothing about the session.
                Err(error) => tracing::warn!(%error, "the session of open streams could not be checked"),
            }
        }
    }

    /// Forgets the session unless somebody has just begun to follow it again.
    fn retire(&self) -> bool {
        let mut followed = self.sessions.followed();
        let is_alone = self.sender.receiver_count() == 0;
        if is_alone {
            followed.remove(&self.session.key.id);
        }
        is_alone
    }
}

/// Waits for a hint; after the last one for ever, as the server stops and ends its connections in its own way.
async fn hint(hints: &mut Subscription) {
    if hints.next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
