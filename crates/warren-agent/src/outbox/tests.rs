use chrono::Utc;
use warren_vocab::{AgentLifecycle, LogLevel};
use warren_wire::agent::Lifecycle;

use super::*;

#[test]
fn numbers_grow_by_one_and_an_acknowledged_report_is_forgotten() {
    let outbox = Outbox::default();
    outbox.push(lifecycle(AgentLifecycle::Starting));
    outbox.push(lifecycle(AgentLifecycle::Ready));
    assert_eq!(sent(&outbox), [1, 2]);
    outbox.acknowledge(1);
    outbox.rewind(1);
    assert_eq!(sent(&outbox), [2], "only what is not acknowledged is sent again");
    outbox.acknowledge(2);
    outbox.rewind(2);
    assert_eq!(sent(&outbox), [0; 0]);
}

#[test]
fn a_report_that_arrived_before_its_connection_broke_is_not_sent_again() {
    let outbox = Outbox::default();
    outbox.push(lifecycle(AgentLifecycle::Starting));
    assert_eq!(sent(&outbox), [1]);
    outbox.rewind(1);
    outbox.push(lifecycle(AgentLifecycle::Ready));
    assert_eq!(sent(&outbox), [2]);
}

#[test]
fn lines_of_one_source_share_a_report_until_it_is_sent() {
    let outbox = Outbox::default();
    let (a, b) = (LogSourceId::new(), LogSourceId::new());
    outbox.push_log(a, line("a1"));
    outbox.push_log(b, line("b1"));
    outbox.push_log(a, line("a2"));
    assert_eq!(batches(&outbox), [vec!["a1", "a2"], vec!["b1"]]);
    outbox.push_log(a, line("a3"));
    assert_eq!(batches(&outbox), [vec!["a3"]]);
}

#[test]
fn a_line_never_moves_before_a_state_that_came_first() {
    let outbox = Outbox::default();
    let source = LogSourceId::new();
    outbox.push_log(source, line("before"));
    outbox.push(lifecycle(AgentLifecycle::Ready));
    outbox.push_log(source, line("after"));
    let kinds: Vec<_> =
        std::iter::from_fn(|| outbox.next()).map(|r| matches!(r.body, ReportBody::Logs(_))).collect();
    assert_eq!(kinds, [true, false, true]);
}

#[test]
fn no_more_than_the_window_is_on_its_way() {
    let outbox = Outbox::default();
    for _ in 0..UNACKNOWLEDGED_MAX + 3 {
        outbox.push(lifecycle(AgentLifecycle::Ready));
    }
    assert_eq!(sent(&outbox).len(), UNACKNOWLEDGED_MAX);
    outbox.acknowledge(2);
    assert_eq!(sent(&outbox).len(), 2);
}

#[test]
fn output_beyond_the_cap_is_dropped_and_marked() {
    let outbox = Outbox::default();
    let source = LogSourceId::new();
    let long = "x".repeat(64 << 10);
    for _ in 0..100 {
        outbox.push_log(source, line(&long));
    }
    let mut n_bytes = 0;
    let mut truncated = false;
    while let Some(report) = outbox.next() {
        outbox.acknowledge(report.sequence);
        let ReportBody::Logs(batch) = report.body else { panic!("not logs") };
        n_bytes += batch.lines.iter().map(|line| line.output.len()).sum::<usize>();
        truncated |= batch.truncated;
    }
    assert!(truncated);
    assert!(n_bytes <= LOG_BYTES_MAX + long.len(), "{n_bytes}");
}

#[tokio::test]
async fn drained_waits_for_the_last_acknowledgement() {
    let outbox = Outbox::default();
    outbox.push(lifecycle(AgentLifecycle::Off));
    let report = outbox.next().unwrap();
    let mut drained = std::pin::pin!(outbox.drained());
    assert!(futures::poll!(drained.as_mut()).is_pending());
    outbox.acknowledge(report.sequence);
    assert!(futures::poll!(drained.as_mut()).is_ready());
}

fn lifecycle(state: AgentLifecycle) -> ReportBody {
    ReportBody::Lifecycle(Lifecycle { state, changed_at: Utc::now() })
}

fn line(text: &str) -> LogLine {
    LogLine { created_at: Utc::now(), level: LogLevel::Info, output: text.into() }
}

fn sent(outbox: &Outbox) -> Vec<u64> {
    std::iter::from_fn(|| outbox.next()).map(|report| report.sequence).collect()
}

fn batches(outbox: &Outbox) -> Vec<Vec<String>> {
    std::iter::from_fn(|| outbox.next())
        .map(|report| match report.body {
            ReportBody::Logs(batch) => batch.lines.into_iter().map(|line| line.output).collect(),
            other => panic!("not logs: {other:?}"),
        })
        .collect()
}
