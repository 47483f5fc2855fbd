//! One tunnel between two servers: finding the way to the agent's, and carrying messages both ways.
//!
//! Owns the stream of one tunnel on either side. What the messages say is decided by the relay; must not open a stream for
//! what came by one.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use warren_mesh_proto::StreamKind;
use warren_rt::Backoff;
use warren_tunnel::{FarEnd, FarLink, Frame, PeerId, Place, RelayHub};
use warren_vocab::{AgentId, ReplicaId};

use super::{
    Mesh,
    link::{Link, MeshStream},
};

const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// A way that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(1);
/// How long a server may be without a connection before those who wait are told.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the other server may take to hear the last words.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// What a stream is opened with.
#[derive(Serialize, Deserialize)]
struct Header {
    source: PeerId,
    agent: AgentId,
}

/// Looks for an agent on behalf of one source of this server, as long as it has a tunnel.
pub(super) struct Seeker {
    pub(super) mesh: Mesh,
    pub(super) hub: RelayHub,
    pub(super) source: PeerId,
    pub(super) agent: AgentId,
    pub(super) place: watch::Receiver<Place>,
    pub(super) broken: mpsc::Sender<AgentId>,
}

impl Seeker {
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MAX);
        loop {
            let seen = *self.place.borrow_and_update();
            match seen {
                Place::Unknown => {}
                Place::Nowhere => self.explain(None),
                Place::Elsewhere { replica, is_alive, .. } => {
                    let Some(link) = self.link(replica, is_alive).await else { continue };
                    let began = Instant::now();
                    self.forward(&link).await;
                    if began.elapsed() > GOOD {
                        backoff.reset();
                    }
                    // What the sweep finds anyhow may be found late.
                    let _ = self.broken.try_send(self.agent);
                    let _ = timeout(backoff.next_delay(), self.place.changed()).await;
                    continue;
                }
            }
            if self.place.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits for a connection to a server; none when the agent may be elsewhere by now.
    async fn link(&mut self, replica: ReplicaId, is_alive: bool) -> Option<Link> {
        if let Some(link) = self.mesh.present(replica) {
            return Some(link);
        }
        if is_alive && let Ok(link) = timeout(PATIENCE, self.mesh.link(replica)).await {
            return Some(link);
        }
        let why = match (is_alive, self.mesh.trouble(replica)) {
            (false, _) => String::from(
                "the server that it was connected to does not answer any more; it will connect to another one by itself",
            ),
            (true, Some(trouble)) => format!(
                "it is connected to the server {replica}, to which this one has no connection: {trouble}; tell an \
                 administrator if this goes on"
            ),
            (true, None) => {
                format!("it is connected to the server {replica}, to which this one has no connection yet")
            }
        };
        self.explain(Some(why));
        tokio::select! {
            link = self.mesh.link(replica) => Some(link),
            _ = self.place.changed() => None,
        }
    }

    /// Carries the tunnel until it ends or the agent is known to be elsewhere.
    async fn forward(&mut self, link: &Link) {
        let header = Header { source: self.source, agent: self.agent };
        let Ok(header) = serde_json::to_vec(&header) else { return };
        let stream = match link.open(StreamKind::TUNNEL, header.into()) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a tunnel to another server could not be opened");
                return;
            }
        };
        let Some(far) = self.hub.attach_far(FarEnd::Agent, self.source, self.agent) else { return };
        let at = |place: &Place| match place {
            Place::Elsewhere { replica, epoch, .. } => Some((*replica, *epoch)),
            Place::Unknown | Place::Nowhere => None,
        };
        let opened = at(&self.place.borrow());
        let mut place = self.place.clone();
        tokio::select! {
            () = carry(&far, stream) => {}
            // A server that is thought to be dead is believed as long as it still answers here.
            _ = place.wait_for(|place| at(place).is_some() && at(place) != opened) => self.place.mark_changed(),
        }
    }

    fn explain(&self, why: Option<String>) {
        self.hub.explain_absence(self.source, self.agent, why);
    }
}

/// Serves a stream of another server until either side ends it.
pub(super) async fn serve(hub: RelayHub, stream: MeshStream, header: Bytes) {
    let Ok(Header { source, agent }) = serde_json::from_slice(&header) else { return };
    // An agent that has just left; the other server looks again.
    let Some(far) = hub.attach_far(FarEnd::Source, source, agent) else { return };
    carry(&far, stream).await;
}

async fn carry(far: &FarLink, stream: MeshStream) {
    let sending = async {
        while let Some(frame) = far.next().await {
            if !stream.send(message_of(frame)).await {
                return;
            }
        }
        // Dropping the stream would drop what has not left yet; the other server ends it when it has heard all.
        let _ = timeout(LAST_WORDS_MAX, std::future::pending::<()>()).await;
    };
    let receiving = async {
        while let Some(message) = stream.receive().await {
            far.take(frame_of(message));
        }
    };
    tokio::select! {
        () = sending => {}
        () = receiving => {}
    }
}

/// Control messages are JSON objects, and no record begins as one does.
fn frame_of(message: Bytes) -> Frame {
    match message.first() {
        Some(b'{') => Frame::Text(String::from_utf8_lossy(&message).into_owned()),
        Some(_) | None => {
            Frame::Binary(message.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..])))
        }
    }
}

fn message_of(frame: Frame) -> Bytes {
    match frame {
        Frame::Text(text) => text.into(),
        Frame::Binary(bytes) => bytes.freeze(),
    }
}
