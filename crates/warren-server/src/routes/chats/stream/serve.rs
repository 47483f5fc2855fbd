//! Serves one connection from one source until one of them ends or the viewer loses its rights.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use warren_app::{Actor, identity::Session};
use warren_authz::Subject;
use warren_chat::{ListViewer, Viewer};
use warren_vocab::ChatId;

use super::{
    framing::Framing,
    list,
    wire::{End, Wire},
};
use crate::{live::Standing, state::AppState};

/// Where frames come from.
pub(super) trait Source: Send {
    /// Waits for the next frame; `None` means that the viewer was cut off. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;

    /// Gives a frame if there is one already.
    fn next_waiting(&mut self) -> Option<Bytes>;

    /// Goes on with the viewer's rights as they are now, unless they do not suffice.
    fn may_go_on(&mut self, subject: &Subject) -> bool;
}

/// The stream of a chat.
pub(super) struct ChatSource {
    pub(super) chat: ChatId,
    pub(super) viewer: Viewer,
    pub(super) framing: Framing,
}

impl Source for ChatSource {
    async fn next(&mut self) -> Option<Bytes> {
        let frame = self.viewer.next().await?;
        Some(self.framing.frame(self.chat, &frame))
    }

    fn next_waiting(&mut self) -> Option<Bytes> {
        let frame = self.viewer.next_waiting()?;
        Some(self.framing.frame(self.chat, &frame))
    }

    fn may_go_on(&mut self, subject: &Subject) -> bool {
        self.viewer.may_go_on(subject)
    }
}

/// The changes of somebody's list of chats.
pub(super) struct ListSource {
    viewer: ListViewer,
    framing: Framing,
    greeting: Option<Bytes>,
}

impl ListSource {
    pub(super) fn new(viewer: ListViewer, framing: Framing) -> Self {
        Self { viewer, framing, greeting: framing.greeting() }
    }
}

impl Source for ListSource {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            let change = self.viewer.next().await?;
            if let Some(event) = list::event(&change) {
                return Some(self.framing.change(&event));
            }
        }
    }

    fn next_waiting(&mut self) -> Option<Bytes> {
        loop {
            let change = self.viewer.next_waiting()?;
            if let Some(event) = list::event(&change) {
                return Some(self.framing.change(&event));
            }
        }
    }

    fn may_go_on(&mut self, subject: &Subject) -> bool {
        self.viewer.set_subject(subject);
        true
    }
}

/// Serves until the end, and says why it came.
pub(super) async fn serve(state: &AppState, session: &Session, mut wire: Wire, mut source: impl Source) {
    let mut standing = state.sessions.follow(&state.app, &state.tasks, session);
    let stopped = state.tasks.token();
    let end = loop {
        let done = tokio::select! {
            biased;
            () = stopped.cancelled() => Err(End::Stopping),
            now = rights(&mut standing) => match now {
                Ok(actor) if source.may_go_on(&actor.subject) => Ok(()),
                Ok(_) => Err(End::Refused(String::from("You may not see this any more."))),
                Err(why) => Err(End::Refused(why)),
            },
            due = wire.watch() => match due {
                Ok(_) => wire.ping().await,
                Err(end) => Err(end),
            },
            frame = source.next() => match frame {
                Some(frame) => wire.send_all(frame, || source.next_waiting()).await,
                None => Err(End::CutOff),
            },
        };
        if let Err(end) = done {
            break end;
        }
    };
    tracing::debug!(user.id = %session.actor.id(), ?end, "a stream ended");
    wire.close(&end).await;
}

/// Waits until the viewer's rights were looked up again. Cancel-safe.
async fn rights(standing: &mut watch::Receiver<Standing>) -> Result<Arc<Actor>, String> {
    if standing.changed().await.is_err() {
        // The end of the session was told before; else the server stops.
        std::future::pending::<()>().await;
    }
    match standing.borrow_and_update().clone() {
        Standing::Good(actor) => Ok(actor),
        Standing::Ended(why) => Err(why),
    }
}

#[cfg(test)]
mod tests;
