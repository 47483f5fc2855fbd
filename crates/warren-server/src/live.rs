//! Connections that outlive the request that opened them: they end when the session behind them does.

use std::{future::Future, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use warren_app::{App, AppError, identity::Session};
use warren_db::channels;

use crate::{auth::Caller, state::AppState};

/// How often a session is looked up while a connection of it is open, besides every time something is said to have
/// happened to it.
const INTERVAL: Duration = Duration::from_secs(60);

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
            notice = hints.next() => {
                if notice.is_none() {
                    // The server stops, which ends connections in its own way.
                    std::future::pending::<()>().await;
                }
            }
            _ = sweep.tick() => {}
        }
    }
}
