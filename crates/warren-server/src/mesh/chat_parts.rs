//! Parts of chats between servers: the viewers' server says which attempt from where, the other one says what there is.

use std::{future::pending, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use warren_chat::{
    ChatService, PartFeed, PartLink, PartRelay,
    proto::{DialError, Episode, StreamPart},
};
use warren_mesh_proto::{CloseReason, StreamKind};
use warren_vocab::{ChatId, ReplicaId};

use super::{Mesh, link::MeshStream};

/// What a stream is opened with.
#[derive(Serialize, Deserialize)]
struct Header {
    chat: ChatId,
}

/// Which parts are wanted.
#[derive(Serialize, Deserialize)]
struct Select {
    history_version: i64,
    generation_attempt: i64,
    after_seq: i64,
}

#[async_trait]
impl PartRelay for Mesh {
    async fn dial(&self, worker: ReplicaId, chat: ChatId) -> Result<Box<dyn PartLink>, DialError> {
        // Whoever dials has a deadline; a server that comes back meanwhile is met at once.
        let link = self.link(worker).await;
        let header = serde_json::to_vec(&Header { chat }).map_err(|_| DialError::Failed)?;
        let stream = link.open(StreamKind::CHAT_PARTS, header.into()).map_err(|_| DialError::Failed)?;
        Ok(Box::new(Parts { stream }))
    }
}

struct Parts {
    stream: MeshStream,
}

#[async_trait]
impl PartLink for Parts {
    async fn select(&mut self, episode: Episode, after_seq: i64) {
        let Episode { history_version, attempt } = episode;
        let select = Select { history_version, generation_attempt: attempt, after_seq };
        if let Ok(message) = serde_json::to_vec(&select) {
            self.stream.send(message.into()).await;
        }
    }

    async fn next(&mut self) -> Result<Vec<Arc<StreamPart>>, DialError> {
        match self.stream.next().await {
            // A later version may say more than this one understands; then the parts come from the store.
            Ok(message) => serde_json::from_slice(&message).map_err(|_| DialError::Refused),
            Err(CloseReason::Refused) => Err(DialError::Refused),
            Err(CloseReason::Done | CloseReason::Failed) => Err(DialError::Failed),
        }
    }
}

/// Serves a stream of another server until it leaves.
pub(super) async fn serve(chat: ChatService, stream: MeshStream, header: Bytes) {
    let Ok(Header { chat: id }) = serde_json::from_slice(&header) else { return stream.refuse() };
    let mut feed = chat.feed(id);
    let mut is_selected = false;
    loop {
        let parts = tokio::select! {
            message = stream.receive() => {
                let Some(Ok(select)) = message.map(|message| serde_json::from_slice(&message)) else { return };
                is_selected = true;
                select_from(&mut feed, &select).await
            }
            parts = next(&mut feed, is_selected) => parts,
        };
        match parts {
            Some(parts) if parts.is_empty() => {}
            Some(parts) => {
                let Ok(message) = serde_json::to_vec(&parts) else { return };
                if !stream.send(message.into()).await {
                    return;
                }
            }
            None => return,
        }
    }
}

async fn select_from(feed: &mut PartFeed, select: &Select) -> Option<Vec<Arc<StreamPart>>> {
    let episode = Episode { history_version: select.history_version, attempt: select.generation_attempt };
    let stored = feed.select(episode, select.after_seq).await;
    stored.inspect_err(|error| tracing::warn!(%error, "parts for another server could not be read")).ok()
}

async fn next(feed: &mut PartFeed, is_selected: bool) -> Option<Vec<Arc<StreamPart>>> {
    if !is_selected {
        return pending().await;
    }
    let next = feed.next().await?;
    next.inspect_err(|error| tracing::warn!(%error, "parts for another server could not be read")).ok()
}
