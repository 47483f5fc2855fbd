//! The hot path: forwards batches without decoding or copying datagrams.
//!
//! Runs of records for one destination stay one buffer: kind and alias are rewritten in place and the run is cut out
//! of the batch, so a batch for one destination is forwarded as it came.

use bytes::BytesMut;
use warren_wire::key::PublicKey;
use warren_wire::relay::{self, BATCH_MAX, GoneReason, Kind, Record};

use super::{LinkId, Relay};

/// Where the records of an alias go.
#[derive(Clone, Copy)]
struct Route {
    alias: u32,
    target: Target,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Forward to this link, under the alias that its node uses for the sender.
    Link { link: LinkId, alias: u32 },
    /// Nothing to forward to; say so once.
    Gone,
    /// Silently dropped: an alias that is not open, or a receiver that has not opened one yet.
    Nowhere,
}

/// Records at the front of the batch that go the same way.
#[derive(Default)]
struct Run {
    bytes: usize,
    records: usize,
}

impl Relay {
    pub(super) fn handle_batch(&mut self, id: LinkId, mut batch: BytesMut) {
        if batch.len() > BATCH_MAX {
            return self.close(id, "a relay batch was too long");
        }
        let sender = self.links.get(&id).and_then(|link| link.published_key());
        let mut route: Option<Route> = None;
        let mut run = Run::default();
        while run.bytes < batch.len() {
            let header = match relay::peek(&batch[run.bytes..]) {
                Ok(header) => header,
                Err(error) => return self.close(id, &error.to_string()),
            };
            let (Kind::Data, Some(alias), Some(sender)) = (header.kind, header.alias, sender) else {
                self.push_run(id, route.take(), &mut batch, &mut run);
                let record =
                    relay::Batch::new(batch.split_to(header.record_len)).ok().and_then(|mut one| one.next());
                match record {
                    Some(Ok(record)) => self.handle_record(id, record),
                    Some(Err(error)) => return self.close(id, &error.to_string()),
                    None => {}
                }
                continue;
            };
            if route.is_none_or(|route| route.alias != alias) {
                self.push_run(id, route.take(), &mut batch, &mut run);
                route = Some(self.route(id, &sender, alias));
            }
            if let Some(Route { target: Target::Link { alias, .. }, .. }) = route {
                relay::relabel(&mut batch[run.bytes..], alias);
            }
            run.bytes += header.record_len;
            run.records += 1;
        }
        self.push_run(id, route.take(), &mut batch, &mut run);
    }

    fn route(&mut self, id: LinkId, sender: &PublicKey, alias: u32) -> Route {
        let Some(destination) = self.links.get(&id).and_then(|link| link.key_by_alias.get(&alias)).copied()
        else {
            return Route { alias, target: Target::Nowhere };
        };
        let Some(link) = self.by_key.get(&destination).copied() else {
            if let Some(link) = self.links.get_mut(&id) {
                link.remove_alias_for(&destination);
            }
            return Route { alias, target: Target::Gone };
        };
        let receiver_alias = self.links.get(&link).and_then(|link| link.alias_by_key.get(sender)).copied();
        let target = receiver_alias.map_or(Target::Nowhere, |alias| Target::Link { link, alias });
        Route { alias, target }
    }

    /// Cuts the finished run off the front of the batch and delivers it.
    fn push_run(&mut self, id: LinkId, route: Option<Route>, batch: &mut BytesMut, run: &mut Run) {
        let Run { bytes, records } = std::mem::take(run);
        if records == 0 {
            return;
        }
        let run = batch.split_to(bytes);
        let Some(Route { alias, target }) = route else { return };
        match target {
            Target::Link { link, .. } => {
                if let Some(receiver) = self.links.get_mut(&link) {
                    receiver.queue.push_run(run, records, &self.limits);
                    self.signal(link);
                }
            }
            Target::Gone => self.push_record(id, &Record::Gone { alias, reason: GoneReason::NotConnected }),
            Target::Nowhere => {}
        }
    }
}
