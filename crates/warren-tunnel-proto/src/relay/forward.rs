//! The hot path: forwards batches without decoding or copying datagrams.
//!
//! Runs of records for one destination stay one buffer: kind and alias are rewritten in place and the run is cut out
//! of the batch, so a batch for one destination is forwarded as it came.

use bytes::BytesMut;
use warren_wire::key::PublicKey;
use warren_wire::relay::{self, BATCH_MAX, GoneReason, Kind, Record};

use super::{FarId, LinkId, Relay};

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
    /// Forward to the server that has the destination.
    Far(FarId),
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
            match route.map(|route| route.target) {
                Some(Target::Link { alias, .. }) => relay::relabel(&mut batch[run.bytes..], alias),
                // The stream names the tunnel, so that aliases say nothing.
                Some(Target::Far(_)) => relay::relabel(&mut batch[run.bytes..], 0),
                Some(Target::Gone | Target::Nowhere) | None => {}
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
            let peer = self.links.get(&id).and_then(|link| link.published_peer());
            if let Some(far) = peer.and_then(|peer| self.far_by_key.get(&(peer, destination))) {
                return Route { alias, target: Target::Far(*far) };
            }
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
            Target::Far(id) => {
                if let Some(far) = self.fars.get_mut(&id) {
                    far.queue.push_run(run, records, &self.limits);
                    self.signal_far(id);
                }
            }
            Target::Gone => self.push_record(id, &Record::Gone { alias, reason: GoneReason::NotConnected }),
            Target::Nowhere => {}
        }
    }

    /// Delivers what another server forwards to the end of the tunnel that is here.
    pub(super) fn handle_far_batch(&mut self, id: FarId, mut batch: BytesMut) {
        let Some(far) = self.fars.get(&id) else { return };
        let link = self.by_peer.get(&far.near_peer()).copied();
        let receiver = link.and_then(|link| self.links.get(&link));
        let alias = receiver.zip(far.far_key()).and_then(|(link, key)| link.alias_by_key.get(&key)).copied();
        let (mut offset, mut records) = (0, 0);
        while offset < batch.len() {
            match relay::peek(&batch[offset..]) {
                Ok(header) if header.alias.is_some() && batch.len() <= BATCH_MAX => {
                    relay::relabel(&mut batch[offset..], alias.unwrap_or_default());
                    offset += header.record_len;
                    records += 1;
                }
                Ok(_) | Err(_) => return self.break_far(id),
            }
        }
        let (Some(link), Some(_)) = (link, alias) else { return };
        if let Some(receiver) = self.links.get_mut(&link) {
            receiver.queue.push_run(batch, records, &self.limits);
            self.signal(link);
        }
    }
}
