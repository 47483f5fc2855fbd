//! Newline-delimited records of a response body.

use std::collections::VecDeque;

use futures::{Stream, StreamExt, stream};
use http_body_util::BodyStream;
use hyper::body::Incoming;
use warren_wire::agent_http::StreamRecord;

use super::{AgentClientError, Connection};

/// Longest record; the agent's are far below.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// Parses the records of a body while keeping its connection going.
pub(super) fn of(
    body: Incoming,
    connection: Connection,
) -> impl Stream<Item = Result<StreamRecord, AgentClientError>> + Send + use<> {
    let reader = Reader {
        body: BodyStream::new(body),
        connection: Some(connection),
        partial: Vec::new(),
        ready: VecDeque::new(),
        done: false,
    };
    stream::unfold(reader, async |mut reader| {
        let item = reader.next().await?;
        reader.done |= matches!(item, Err(_) | Ok(StreamRecord::Exit { .. }));
        Some((item, reader))
    })
}

struct Reader {
    body: BodyStream<Incoming>,
    connection: Option<Connection>,
    partial: Vec<u8>,
    ready: VecDeque<StreamRecord>,
    done: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<StreamRecord, AgentClientError>> {
        loop {
            if self.done {
                return None;
            }
            if let Some(record) = self.ready.pop_front() {
                return Some(Ok(record));
            }
            // The body ends before the exit record only when the connection broke.
            let Some(bytes) = self.more().await else { return Some(Err(AgentClientError::Interrupted)) };
            if let Err(error) = self.parse(&bytes) {
                return Some(Err(error));
            }
        }
    }

    async fn more(&mut self) -> Option<bytes::Bytes> {
        loop {
            let frame = match &mut self.connection {
                Some(connection) => tokio::select! {
                    frame = self.body.next() => frame,
                    _ = connection => {
                        self.connection = None;
                        continue;
                    }
                },
                None => self.body.next().await,
            };
            if let Ok(data) = frame?.ok()?.into_data() {
                return Some(data);
            }
        }
    }

    fn parse(&mut self, bytes: &[u8]) -> Result<(), AgentClientError> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if self.partial.len() > RECORD_BYTES_MAX {
                return Err(AgentClientError::Protocol);
            }
            if piece.ends_with(b"\n") {
                let record = serde_json::from_slice(&self.partial).map_err(|_| AgentClientError::Protocol)?;
                self.ready.push_back(record);
                self.partial.clear();
            }
        }
        Ok(())
    }
}
