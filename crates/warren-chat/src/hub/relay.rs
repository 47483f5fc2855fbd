//! The shell of a tail's relay: dials the server that runs the chat and hands over what comes. What to do when is decided in
//! `warren-chat-proto`; how servers reach each other is behind [`PartRelay`].

use std::{collections::HashMap, future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use warren_chat_proto::{
    Episode, StreamPart,
    relay::{DialError, DialId, RelayCommand, RelaySession, Target},
};
use warren_rt::Tasks;
use warren_vocab::{ChatId, ReplicaId};

/// How long a dial may take.
const DIAL_TIME: Duration = Duration::from_secs(10);
/// What workers said that may wait for the tail; when full, their connections wait.
const WAITING_MAX: usize = 64;

/// How servers get parts from each other.
#[async_trait]
pub trait PartRelay: Send + Sync {
    /// Connects to the server that runs a chat.
    ///
    /// # Errors
    /// [`DialError::Refused`] when trying again would not help.
    async fn dial(&self, worker: ReplicaId, chat: ChatId) -> Result<Box<dyn PartLink>, DialError>;
}

/// A connection to the server that runs a chat. Dropping it ends it.
#[async_trait]
pub trait PartLink: Send {
    /// Asks for the parts of an attempt after a place. When the connection has ended, nothing happens.
    async fn select(&mut self, episode: Episode, after_seq: i64);

    /// Waits for parts. Cancel-safe.
    ///
    /// # Errors
    /// When the connection has ended; [`DialError::Refused`] when another one would not help.
    async fn next(&mut self) -> Result<Vec<Arc<StreamPart>>, DialError>;
}

/// The relay of one chat.
pub(super) struct Relay {
    session: RelaySession,
    chat: ChatId,
    /// None where no other server can run chats.
    way: Option<Arc<dyn PartRelay>>,
    tasks: Tasks,
    dials: HashMap<DialId, Running>,
    said: mpsc::Receiver<Said>,
    sayer: mpsc::Sender<Said>,
    is_open: bool,
}

/// A dial or connection; dropping it ends its task.
struct Running {
    chosen: watch::Sender<Option<Choice>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Choice {
    episode: Episode,
    after_seq: i64,
}

enum Said {
    Dialled(DialId, Result<(), DialError>),
    Parts(DialId, Vec<Arc<StreamPart>>),
    Closed(DialId, DialError),
}

/// Parts of a connection, before it is known whether they are wanted.
pub(super) struct Offered {
    dial: DialId,
    pub(super) parts: Vec<Arc<StreamPart>>,
}

impl Relay {
    pub(super) fn new(me: ReplicaId, chat: ChatId, way: Option<Arc<dyn PartRelay>>, tasks: Tasks) -> Self {
        let (sayer, said) = mpsc::channel(WAITING_MAX);
        let session = RelaySession::new(me, way.is_none(), rand::random());
        Self { session, chat, way, tasks, dials: HashMap::new(), said, sayer, is_open: false }
    }

    /// Says what the viewers need now.
    pub(super) fn configure(&mut self, target: Option<Target>) {
        self.session.configure(target);
        self.obey();
    }

    /// Whether parts of a chat that runs elsewhere come only through the store.
    pub(super) fn is_cut_off(&self) -> bool {
        self.session.is_wanted() && !self.is_open
    }

    /// Waits until parts come; everything else is done in passing. Cancel-safe.
    pub(super) async fn next(&mut self) -> Offered {
        loop {
            let due = self.session.poll_timeout().map(Instant::from_std);
            let wait = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                Some(said) = self.said.recv() => {
                    if let Some(offered) = self.hear(said) {
                        return offered;
                    }
                }
                () = wait => {
                    self.session.handle_timeout(now());
                    self.obey();
                }
            }
        }
    }

    /// The parts that are of the current connection and attempt and were not there before.
    pub(super) fn accept(&mut self, offered: &Offered) -> Vec<Arc<StreamPart>> {
        self.session.handle_parts(offered.dial, &offered.parts);
        std::iter::from_fn(|| self.session.poll_part()).collect()
    }

    fn hear(&mut self, said: Said) -> Option<Offered> {
        match said {
            Said::Dialled(dial, result) => {
                self.is_open |= result.is_ok() && self.dials.contains_key(&dial);
                if result.is_err() {
                    self.dials.remove(&dial);
                }
                self.session.handle_dialled(dial, result, now());
            }
            Said::Parts(dial, parts) => return Some(Offered { dial, parts }),
            Said::Closed(dial, why) => {
                self.is_open &= self.dials.remove(&dial).is_none();
                self.session.handle_closed(dial, why, now());
            }
        }
        self.obey();
        None
    }

    fn obey(&mut self) {
        while let Some(command) = self.session.poll_command() {
            match command {
                RelayCommand::Dial { dial, worker } => self.dial(dial, worker),
                RelayCommand::CancelDial(dial) => drop(self.dials.remove(&dial)),
                RelayCommand::Select { dial, episode, after_seq } => {
                    if let Some(running) = self.dials.get(&dial) {
                        running.chosen.send_replace(Some(Choice { episode, after_seq }));
                    }
                }
                RelayCommand::Close(dial) => self.is_open &= self.dials.remove(&dial).is_none(),
            }
        }
    }

    fn dial(&mut self, dial: DialId, worker: ReplicaId) {
        let Some(way) = self.way.clone() else { return };
        let (chosen, choices) = watch::channel(None);
        self.dials.insert(dial, Running { chosen });
        let (chat, sayer) = (self.chat, self.sayer.clone());
        self.tasks.spawn(format!("chat relay {chat}"), async move {
            let mut gone = choices.clone();
            tokio::select! {
                () = carry(way, (worker, chat), dial, choices, sayer) => {}
                // The tail wants this dial no more; what is connected is closed by being dropped.
                () = async { while gone.changed().await.is_ok() {} } => {}
            }
        });
    }
}

/// One dial from its beginning to the end of its connection.
async fn carry(
    way: Arc<dyn PartRelay>,
    (worker, chat): (ReplicaId, ChatId),
    dial: DialId,
    mut choices: watch::Receiver<Option<Choice>>,
    sayer: mpsc::Sender<Said>,
) {
    let dialled = timeout(DIAL_TIME, way.dial(worker, chat)).await.unwrap_or(Err(DialError::Failed));
    let (mut link, result) = match dialled {
        Ok(link) => (Some(link), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let is_told = sayer.send(Said::Dialled(dial, result)).await.is_ok();
    let Some(link) = link.as_mut().filter(|_| is_told) else { return };
    loop {
        tokio::select! {
            changed = choices.changed() => {
                if changed.is_err() {
                    return;
                }
                let choice = *choices.borrow_and_update();
                if let Some(Choice { episode, after_seq }) = choice {
                    link.select(episode, after_seq).await;
                }
            }
            parts = link.next() => {
                let (said, is_end) = match parts {
                    Ok(parts) => (Said::Parts(dial, parts), false),
                    Err(why) => (Said::Closed(dial, why), true),
                };
                if sayer.send(said).await.is_err() || is_end {
                    return;
                }
            }
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests;
