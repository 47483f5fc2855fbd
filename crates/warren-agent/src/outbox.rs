//! Reports on their way to the server.
//!
//! Owns order, numbering, coalescing of log lines and what has to be sent again. Must not know sockets or clocks.
//! Lines beyond the server's cap are dropped here, and the last batch says so, so that a script that prints for ever
//! costs neither memory nor bandwidth.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use warren_vocab::LogSourceId;
use warren_wire::agent::{
    LOG_BATCH_BYTES_MAX, LOG_BYTES_MAX, LOG_LINE_OVERHEAD_BYTES, LogBatch, LogLine, Report, ReportBody,
    UNACKNOWLEDGED_MAX,
};

/// The queue. Any number of writers, one connection at a time that sends.
#[derive(Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
    drained: Notify,
}

#[derive(Default)]
struct State {
    last_sequence: u64,
    /// Numbered, not yet acknowledged; the first `n_sent` of them are on their way on this connection.
    numbered: VecDeque<Report>,
    n_sent: usize,
    waiting: VecDeque<Waiting>,
    n_log_bytes: usize,
    truncated: bool,
}

struct Waiting {
    body: ReportBody,
    n_bytes: usize,
}

impl Outbox {
    /// Queues a report behind everything that is queued.
    pub(crate) fn push(&self, body: ReportBody) {
        self.lock().waiting.push_back(Waiting { body, n_bytes: 0 });
        self.changed.notify_one();
    }

    /// Queues a log line; it joins the last batch of its source if nothing but logs came after that batch.
    pub(crate) fn push_log(&self, source_id: LogSourceId, line: LogLine) {
        let mut state = self.lock();
        if state.truncated {
            return;
        }
        state.n_log_bytes += line.output.len();
        // One line more than fits is sent, so that the server sees the overflow itself as well.
        if state.n_log_bytes > LOG_BYTES_MAX {
            state.truncated = true;
        }
        let truncated = state.truncated;
        let n_bytes = line.output.len() + LOG_LINE_OVERHEAD_BYTES;
        match state.open_batch(source_id, n_bytes) {
            Some((batch, size)) => {
                batch.lines.push(line);
                batch.truncated |= truncated;
                *size += n_bytes;
            }
            None => {
                let body = ReportBody::Logs(LogBatch { source_id, lines: vec![line], truncated });
                state.waiting.push_back(Waiting { body, n_bytes });
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Starts a connection on which the server has everything up to `acknowledged`.
    pub(crate) fn rewind(&self, acknowledged: u64) {
        self.lock().n_sent = 0;
        self.acknowledge(acknowledged);
        self.changed.notify_one();
    }

    /// Forgets everything up to and including `sequence`.
    pub(crate) fn acknowledge(&self, sequence: u64) {
        let mut state = self.lock();
        while state.numbered.front().is_some_and(|report| report.sequence <= sequence) {
            state.numbered.pop_front();
            state.n_sent = state.n_sent.saturating_sub(1);
        }
        let empty = state.is_empty();
        drop(state);
        self.changed.notify_one();
        if empty {
            self.drained.notify_waiters();
        }
    }

    /// The next report to send, if the server has acknowledged enough of the earlier ones.
    pub(crate) fn next(&self) -> Option<Report> {
        let mut state = self.lock();
        if state.n_sent >= UNACKNOWLEDGED_MAX {
            return None;
        }
        if state.n_sent == state.numbered.len() {
            let waiting = state.waiting.pop_front()?;
            state.last_sequence += 1;
            let report = Report { sequence: state.last_sequence, body: waiting.body };
            state.numbered.push_back(report);
        }
        let report = state.numbered.get(state.n_sent).cloned();
        state.n_sent += 1;
        report
    }

    /// Whether something other than log lines waits.
    pub(crate) fn is_urgent(&self) -> bool {
        self.lock().waiting.iter().any(|waiting| !matches!(waiting.body, ReportBody::Logs(_)))
    }

    /// Waits until there may be something new to send. Cancel-safe.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until the server has everything. Cancel-safe.
    pub(crate) async fn drained(&self) {
        loop {
            let drained = self.drained.notified();
            if self.lock().is_empty() {
                return;
            }
            drained.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.numbered.is_empty() && self.waiting.is_empty()
    }

    fn open_batch(&mut self, source_id: LogSourceId, n_bytes: usize) -> Option<(&mut LogBatch, &mut usize)> {
        for waiting in self.waiting.iter_mut().rev() {
            match &mut waiting.body {
                ReportBody::Logs(batch) if batch.source_id == source_id => {
                    let fits = waiting.n_bytes + n_bytes <= LOG_BATCH_BYTES_MAX;
                    return fits.then_some((batch, &mut waiting.n_bytes));
                }
                ReportBody::Logs(_) => {}
                ReportBody::Startup(_) | ReportBody::Lifecycle(_) | ReportBody::ScriptCompleted(_) => {
                    return None;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
