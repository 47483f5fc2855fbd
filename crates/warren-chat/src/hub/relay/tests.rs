//! The shell with dials and connections that a test holds in its hands. The clock is virtual.
//!
//! Guards that were taken away, and the tests that failed:
//!
//! | guard | test |
//! |---|---|
//! | a dial that nobody wants any more is ended | `whatever_is_under_way_ends_at_once_when_nobody_wants_it` |
//! | a connection that nobody wants any more is closed | `whatever_is_under_way_ends_at_once_when_nobody_wants_it` |
//! | the result of a dial that was given up is no connection | `the_result_of_a_dial_that_was_given_up_counts_for_nothing` |
//! | what waits when there is nothing to wait for sleeps | `a_relay_without_anything_to_do_is_not_woken` |
//! | a connection that has ended is not asked again | `a_relay_without_anything_to_do_is_not_woken` |
//! | dials are made again by the clock of the runtime | `a_dial_that_fails_is_made_again_by_the_clock_of_the_runtime_until_nobody_wants_it` |
//! | a dial has a deadline | `a_dial_that_never_ends_is_made_again` |
//! | a connection that was lost is made again | `a_dial_that_fails_is_made_again_by_the_clock_of_the_runtime_until_nobody_wants_it` |

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::{
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use tokio::{sync::oneshot, time::advance};
use tokio_util::sync::{CancellationToken, DropGuard};
use warren_chat_proto::{Part, relay::RECONNECT_FIRST};
use warren_vocab::MessageRole;

use super::*;

const EPISODE: Episode = Episode { history_version: 4, attempt: 1 };
/// Everything that can go on without the clock has gone on after so many turns.
const TURNS: usize = 50;
const HOUR: Duration = Duration::from_secs(3600);

type Answer = Result<Box<dyn PartLink>, DialError>;
type Words = Result<Vec<Arc<StreamPart>>, DialError>;

/// Takes dials, and lets the test answer them.
struct Exchange {
    calls: mpsc::Sender<Call>,
}

/// A dial that waits for its answer.
struct Call {
    worker: ReplicaId,
    answer: oneshot::Sender<Answer>,
}

/// The worker's end of a connection.
struct Far {
    sayer: mpsc::Sender<Words>,
    chosen: Arc<Mutex<Vec<Choice>>>,
    closed: CancellationToken,
}

/// The near end of a connection.
struct Near {
    said: mpsc::Receiver<Words>,
    chosen: Arc<Mutex<Vec<Choice>>>,
    _closed: DropGuard,
}

#[async_trait]
impl PartRelay for Exchange {
    async fn dial(&self, worker: ReplicaId, _: ChatId) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.calls.send(Call { worker, answer }).await.map_err(|_| DialError::Failed)?;
        answered.await.map_err(|_| DialError::Failed)?
    }
}

#[async_trait]
impl PartLink for Near {
    async fn select(&mut self, episode: Episode, after_seq: i64) {
        self.chosen.lock().unwrap().push(Choice { episode, after_seq });
    }

    async fn next(&mut self) -> Words {
        self.said.recv().await.unwrap_or(Err(DialError::Failed))
    }
}

impl Call {
    fn connects(self) -> Far {
        let (sayer, said) = mpsc::channel(64);
        let (chosen, closed) = (Arc::default(), CancellationToken::new());
        let near = Near { said, chosen: Arc::clone(&chosen), _closed: closed.clone().drop_guard() };
        // Who was given up meanwhile drops the connection.
        drop(self.answer.send(Ok(Box::new(near))));
        Far { sayer, chosen, closed }
    }

    fn fails(self, error: DialError) {
        drop(self.answer.send(Err(error)));
    }
}

impl Far {
    fn says(&self, seqs: impl IntoIterator<Item = i64>) {
        self.sayer.try_send(Ok(seqs.into_iter().map(part).collect())).unwrap();
    }

    fn ends(&self, why: DialError) {
        self.sayer.try_send(Err(why)).unwrap();
    }
}

fn part(seq: i64) -> Arc<StreamPart> {
    Arc::new(StreamPart {
        role: MessageRole::Assistant,
        part: Part::text("x"),
        history_version: EPISODE.history_version,
        generation_attempt: EPISODE.attempt,
        seq,
    })
}

/// Lets everybody but the relay go on.
async fn others() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

struct Desk {
    relay: Relay,
    calls: mpsc::Receiver<Call>,
    tasks: Tasks,
    /// The numbers of the parts that came through.
    seen: Vec<i64>,
}

impl Desk {
    fn new() -> Self {
        let (sender, calls) = mpsc::channel(64);
        let tasks = Tasks::new();
        let way: Arc<dyn PartRelay> = Arc::new(Exchange { calls: sender });
        let relay = Relay::new(ReplicaId::new(), ChatId::new(), Some(way), tasks.clone());
        Self { relay, calls, tasks, seen: Vec::new() }
    }

    fn wants(&mut self, worker: ReplicaId) {
        let after_seq = self.seen.last().copied().unwrap_or_default();
        self.relay.configure(Some(Target { worker, episode: EPISODE, after_seq }));
    }

    fn leaves(&mut self) {
        self.relay.configure(None);
    }

    /// One turn of the relay.
    fn turn(&mut self) {
        let offered = pin!(self.relay.next()).poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(offered) = offered {
            self.seen.extend(self.relay.accept(&offered).iter().map(|part| part.seq));
        }
    }

    /// Lets everybody go on.
    async fn settle(&mut self) {
        for _ in 0..TURNS {
            self.turn();
            tokio::task::yield_now().await;
        }
    }

    /// Lets everybody go on until so much time has passed.
    async fn passes(&mut self, time: Duration) {
        self.settle().await;
        advance(time + Duration::from_millis(1)).await;
        self.settle().await;
    }

    async fn called(&mut self) -> Call {
        self.settle().await;
        self.calls.try_recv().expect("a dial")
    }

    fn is_called(&mut self) -> bool {
        self.calls.try_recv().is_ok()
    }
}

/// Counts how often somebody is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Desk {
    /// How often the relay is woken within an hour in which nothing happens.
    async fn n_wakes(&mut self) -> usize {
        self.settle().await;
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut next = pin!(self.relay.next());
        assert!(next.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        others().await;
        advance(HOUR).await;
        others().await;
        wakes.0.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_without_anything_to_do_is_not_woken() {
    let (mut desk, worker) = (Desk::new(), ReplicaId::new());
    assert_eq!(desk.n_wakes().await, 0, "nobody runs the chat");
    desk.wants(worker);
    let far = desk.called().await.connects();
    assert_eq!(desk.n_wakes().await, 0, "the worker says nothing");
    // Nobody says anything about the chat any more; its parts come all the same.
    for seq in 1..=3 {
        far.says([seq]);
        assert_eq!(desk.n_wakes().await, 0);
        assert_eq!(desk.seen.last(), Some(&seq));
    }
    far.ends(DialError::Refused);
    assert_eq!(desk.n_wakes().await, 0, "the worker wants nothing of this server");
    assert!(desk.relay.is_cut_off() && desk.tasks.is_empty());
    let other = ReplicaId::new();
    desk.wants(other);
    let far = desk.called().await.connects();
    far.says([4]);
    desk.settle().await;
    assert_eq!(desk.seen, [1, 2, 3, 4]);
    desk.leaves();
    assert_eq!(desk.n_wakes().await, 0, "nobody looks any more");
}

#[tokio::test(start_paused = true)]
async fn whatever_is_under_way_ends_at_once_when_nobody_wants_it() {
    // The other tasks come so far, and the relay hears of it or not.
    for (n_turns, hears) in (0..8).flat_map(|n| [(n, false), (n, true)]) {
        let (mut desk, worker) = (Desk::new(), ReplicaId::new());
        desk.wants(worker);
        let held = desk.called().await;
        assert_eq!(held.worker, worker);
        desk.leaves();
        assert!(desk.relay.dials.is_empty(), "in the same turn");
        others().await;
        assert!(held.answer.is_closed(), "nobody waits for the answer");

        desk.wants(worker);
        let far = desk.called().await.connects();
        for _ in 0..n_turns {
            if hears {
                desk.turn();
            }
            tokio::task::yield_now().await;
        }
        far.says([1]);
        desk.leaves();
        desk.settle().await;
        assert!(far.closed.is_cancelled(), "left after {n_turns} turns");
        assert!(desk.tasks.is_empty() && desk.seen.is_empty());
        assert!(!desk.relay.is_open && !desk.is_called());
    }
}

#[tokio::test(start_paused = true)]
async fn the_result_of_a_dial_that_was_given_up_counts_for_nothing() {
    let (mut desk, old, new) = (Desk::new(), ReplicaId::new(), ReplicaId::new());
    desk.wants(old);
    let stale = desk.called().await.connects();
    // Its result, and then some, is on its way when the chat moves.
    stale.says([1]);
    others().await;
    desk.wants(new);
    let held = desk.called().await;
    assert_eq!(held.worker, new);
    assert!(desk.relay.is_cut_off(), "parts must come from the store until there is a connection");
    assert!(stale.closed.is_cancelled() && stale.chosen.lock().unwrap().is_empty());
    let far = held.connects();
    desk.settle().await;
    assert!(!desk.relay.is_cut_off());
    assert_eq!(*far.chosen.lock().unwrap(), [Choice { episode: EPISODE, after_seq: 0 }]);
    far.says([1, 2]);
    desk.settle().await;
    assert_eq!(desk.seen, [1, 2], "each once, and from the new worker");
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_fails_is_made_again_by_the_clock_of_the_runtime_until_nobody_wants_it() {
    let (mut desk, worker) = (Desk::new(), ReplicaId::new());
    // From now on every other clock is late.
    desk.passes(HOUR).await;
    desk.wants(worker);
    desk.called().await.fails(DialError::Failed);
    desk.settle().await;
    let due = Instant::from_std(desk.relay.session.poll_timeout().expect("it is made again"));
    assert!(due > Instant::now() && due <= Instant::now() + RECONNECT_FIRST);
    desk.passes(RECONNECT_FIRST / 2 - Duration::from_millis(2)).await;
    assert!(!desk.is_called(), "not before its time");
    desk.passes(RECONNECT_FIRST / 2 + Duration::from_millis(2)).await;
    let far = desk.called().await.connects();
    far.says([1]);
    desk.settle().await;
    far.ends(DialError::Failed);
    desk.passes(RECONNECT_FIRST).await;
    desk.called().await.fails(DialError::Failed);
    desk.settle().await;
    assert!(desk.relay.session.poll_timeout().is_some(), "it would be made again");
    desk.leaves();
    desk.passes(HOUR).await;
    assert!(!desk.is_called() && desk.tasks.is_empty(), "but nobody wants it");
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_never_ends_is_made_again() {
    let (mut desk, worker) = (Desk::new(), ReplicaId::new());
    desk.wants(worker);
    let held = desk.called().await;
    desk.passes(DIAL_TIME).await;
    assert!(held.answer.is_closed(), "it is given up");
    desk.passes(RECONNECT_FIRST).await;
    let far = desk.called().await.connects();
    far.says([1]);
    desk.settle().await;
    assert_eq!(desk.seen, [1]);
}
