//! Workers come and go while dials are on their way. The clock is a number.
//!
//! Guards that were taken away, and the tests that failed:
//!
//! | guard | test |
//! |---|---|
//! | a result counts for its own dial only | `however_dials_end_no_connection_leaks_and_only_the_wanted_worker_is_heard` |
//! | the connection of a stale dial is closed | `a_dial_for_an_earlier_worker_delivers_nothing_whenever_it_ends` |
//! | leaving cancels a dial at once | `a_viewer_that_leaves_cancels_its_dial` |
//! | leaving closes a connection | `a_chat_that_comes_here_needs_no_relay` |
//! | parts of another connection are dropped | `a_dial_for_an_earlier_worker_delivers_nothing_whenever_it_ends` |
//! | parts of another attempt are dropped | `another_attempt_is_asked_for_over_the_same_connection` |
//! | parts come once | `a_relay_that_drops_is_made_again_and_goes_on_where_it_was` |
//! | the end of a stale connection changes nothing | `a_dial_for_an_earlier_worker_delivers_nothing_whenever_it_ends` |
//! | a dial that failed is made again | `a_dial_that_fails_is_made_again` |
//! | a chat that runs here is not relayed | `a_chat_that_comes_here_needs_no_relay` |
//! | a relay for a relay dials nobody | `a_relay_for_another_relay_dials_nobody` |
//! | another worker ends the old connection | `a_chat_that_moves_without_a_pause_is_dialled_once_at_each_worker` |
//! | another worker is dialled | `a_chat_that_moves_without_a_pause_is_dialled_once_at_each_worker` |
//! | another attempt is chosen | `another_attempt_is_asked_for_over_the_same_connection` |
//! | an attempt is chosen after the dial | `an_attempt_that_changes_during_the_dial_is_the_one_that_is_asked_for` |
//! | no dial before its time | `waits_double_up_to_a_bound_and_vary` |
//! | a relay that worked is made again soon | `relays_that_drop_again_and_again_are_made_again_and_again` |
//! | nothing is tried for what nobody wants | `nothing_is_dialled_again_for_a_chat_that_nobody_runs_any_more` |
//! | waits have a bound | `waits_double_up_to_a_bound_and_vary` |
//! | a place never goes back | `whoever_got_further_on_another_way_asks_for_the_rest_only` |
//! | a refusal holds until something else is wanted | `a_refusal_ends_the_tries_until_something_else_is_wanted` |
//! | a refusal is no failure | `a_refusal_over_an_open_connection_ends_the_tries_too` |

use proptest::prelude::*;
use warren_vocab::MessageRole;

use super::*;
use crate::part::Part;

const ONE: Episode = Episode { history_version: 4, attempt: 1 };
const TWO: Episode = Episode { history_version: 6, attempt: 1 };

struct Stage {
    session: RelaySession,
    me: ReplicaId,
    now: Instant,
}

impl Stage {
    fn new() -> Self {
        let me = ReplicaId::new();
        Self { session: RelaySession::new(me, false, 7), me, now: Instant::now() }
    }

    fn running(&mut self, worker: ReplicaId, episode: Episode) {
        self.session.configure(Some(Target { worker, episode, after_seq: 0 }));
    }

    fn commands(&mut self) -> Vec<RelayCommand> {
        std::iter::from_fn(|| self.session.poll_command()).collect()
    }

    /// The dial that the session has just asked for.
    fn dialled(&mut self, worker: ReplicaId) -> DialId {
        let commands = self.commands();
        let Some(RelayCommand::Dial { dial, worker: found }) = commands.last() else {
            panic!("no dial at the end of {commands:?}")
        };
        assert_eq!(*found, worker);
        *dial
    }

    fn succeeds(&mut self, dial: DialId) {
        self.session.handle_dialled(dial, Ok(()), self.now);
    }

    fn fails(&mut self, dial: DialId, error: DialError) {
        self.session.handle_dialled(dial, Err(error), self.now);
    }

    fn open(&mut self, worker: ReplicaId) -> DialId {
        let dial = self.dialled(worker);
        self.succeeds(dial);
        assert!(matches!(self.commands()[..], [RelayCommand::Select { .. }]));
        dial
    }

    fn closes(&mut self, dial: DialId) {
        self.session.handle_closed(dial, DialError::Failed, self.now);
    }

    /// Lets the time pass until something is due.
    fn wait(&mut self) -> Duration {
        let until = self.session.poll_timeout().expect("something is due");
        let waited = until - self.now;
        self.session.handle_timeout(until - Duration::from_millis(1));
        assert_eq!(self.session.poll_command(), None, "not before its time");
        self.now = until;
        self.session.handle_timeout(until);
        waited
    }

    fn get(&mut self, dial: DialId, parts: &[Arc<StreamPart>]) -> Vec<i64> {
        self.session.handle_parts(dial, parts);
        std::iter::from_fn(|| self.session.poll_part()).map(|part| part.seq).collect()
    }
}

fn part(episode: Episode, seq: i64) -> Arc<StreamPart> {
    Arc::new(StreamPart {
        role: MessageRole::Assistant,
        part: Part::text("x"),
        history_version: episode.history_version,
        generation_attempt: episode.attempt,
        seq,
    })
}

#[test]
fn a_relay_that_drops_is_made_again_and_goes_on_where_it_was() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let first = stage.open(worker);
    assert_eq!(stage.get(first, &[part(ONE, 1)]), [1]);
    stage.closes(first);
    stage.wait();
    let second = stage.dialled(worker);
    stage.succeeds(second);
    let select = RelayCommand::Select { dial: second, episode: ONE, after_seq: 1 };
    assert_eq!(stage.commands(), [select]);
    assert_eq!(stage.get(second, &[part(ONE, 1), part(ONE, 2)]), [2]);
}

#[test]
fn a_dial_that_hangs_holds_nothing_up() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.dialled(worker);
    stage.session.configure(None);
    assert_eq!(stage.commands(), [RelayCommand::CancelDial(dial)]);
    assert_eq!(stage.session.poll_timeout(), None);
}

#[test]
fn what_was_said_before_comes_before_what_is_said_now() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.open(worker);
    assert_eq!(stage.get(dial, &[part(ONE, 1), part(ONE, 2)]), [1, 2]);
    assert_eq!(stage.get(dial, &[part(ONE, 3)]), [3]);
}

#[test]
fn a_dial_for_an_earlier_worker_delivers_nothing_whenever_it_ends() {
    let (mut stage, old, new) = (Stage::new(), ReplicaId::new(), ReplicaId::new());
    stage.running(old, ONE);
    let stale = stage.dialled(old);
    stage.session.configure(None);
    assert_eq!(stage.commands(), [RelayCommand::CancelDial(stale)]);
    stage.running(new, ONE);
    let current = stage.open(new);
    assert_eq!(stage.get(current, &[part(ONE, 1)]), [1]);
    stage.succeeds(stale);
    assert_eq!(stage.commands(), [RelayCommand::Close(stale)], "its connection does not stay open");
    assert_eq!(stage.get(stale, &[part(ONE, 2)]), [0_i64; 0]);
    stage.closes(stale);
    assert_eq!(stage.get(current, &[part(ONE, 2)]), [2], "the current connection is untouched");
}

#[test]
fn a_viewer_that_leaves_cancels_its_dial() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.dialled(worker);
    stage.session.configure(None);
    assert_eq!(stage.commands(), [RelayCommand::CancelDial(dial)], "in the same turn");
    stage.fails(dial, DialError::Failed);
    assert_eq!((stage.commands(), stage.session.poll_timeout()), (vec![], None), "and dials no more");
}

#[test]
fn a_chat_that_moves_without_a_pause_is_dialled_once_at_each_worker() {
    let (mut stage, a, b) = (Stage::new(), ReplicaId::new(), ReplicaId::new());
    stage.running(a, ONE);
    let first = stage.dialled(a);
    stage.running(b, ONE);
    let commands = stage.commands();
    let [RelayCommand::CancelDial(cancelled), RelayCommand::Dial { dial, worker }] = commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!((cancelled, worker), (first, b));
    stage.succeeds(dial);
    assert!(matches!(stage.commands()[..], [RelayCommand::Select { .. }]));
    assert_eq!(stage.get(dial, &[part(ONE, 1)]), [1]);
}

#[test]
fn a_dial_that_fails_is_made_again() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let first = stage.dialled(worker);
    stage.fails(first, DialError::Failed);
    stage.wait();
    let second = stage.open(worker);
    assert_eq!(stage.get(second, &[part(ONE, 1)]), [1]);
}

#[test]
fn a_chat_that_comes_here_needs_no_relay() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.open(worker);
    stage.running(stage.me, ONE);
    assert_eq!(stage.commands(), [RelayCommand::Close(dial)]);
    assert_eq!(stage.session.poll_timeout(), None);
    assert_eq!(stage.get(dial, &[part(ONE, 1)]), [0_i64; 0]);
}

#[test]
fn relays_that_drop_again_and_again_are_made_again_and_again() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    for seq in 1..4 {
        let dial = stage.open(worker);
        assert_eq!(stage.get(dial, &[part(ONE, seq)]), [seq]);
        stage.closes(dial);
        assert!(stage.wait() <= RECONNECT_FIRST, "a relay that worked is made again soon");
    }
}

#[test]
fn waits_double_up_to_a_bound_and_vary() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let mut waits = Vec::new();
    for _ in 0..12 {
        let dial = stage.dialled(worker);
        stage.fails(dial, DialError::Failed);
        waits.push(stage.wait());
    }
    for (wait, n) in waits.iter().zip(0..) {
        let full = RECONNECT_FIRST.saturating_mul(1 << n).min(RECONNECT_MAX);
        assert!(full / 2 <= *wait && *wait <= full, "wait {n}: {wait:?}");
    }
    assert_ne!(waits[10], waits[11]);
}

#[test]
fn a_refusal_ends_the_tries_until_something_else_is_wanted() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.dialled(worker);
    stage.fails(dial, DialError::Refused);
    stage.session.handle_timeout(stage.now + RECONNECT_MAX * 10);
    assert_eq!((stage.commands(), stage.session.poll_timeout()), (vec![], None));
    stage.running(worker, ONE);
    assert_eq!(stage.commands(), [], "the same is wanted");
    stage.running(worker, TWO);
    stage.open(worker);
}

#[test]
fn a_refusal_over_an_open_connection_ends_the_tries_too() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.open(worker);
    stage.session.handle_closed(dial, DialError::Refused, stage.now);
    stage.running(worker, ONE);
    assert_eq!((stage.commands(), stage.session.poll_timeout()), (vec![], None));
    let other = ReplicaId::new();
    stage.running(other, ONE);
    stage.open(other);
}

#[test]
fn another_attempt_is_asked_for_over_the_same_connection() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.open(worker);
    assert_eq!(stage.get(dial, &[part(ONE, 1)]), [1]);
    stage.running(worker, TWO);
    assert_eq!(stage.commands(), [RelayCommand::Select { dial, episode: TWO, after_seq: 0 }]);
    assert_eq!(stage.get(dial, &[part(ONE, 2), part(TWO, 1)]), [1], "parts of the old one are late");
    stage.running(worker, TWO);
    assert_eq!(stage.commands(), [], "nothing new is wanted");
    assert_eq!(stage.get(dial, &[part(TWO, 1)]), [0_i64; 0], "and nothing comes twice");
}

#[test]
fn an_attempt_that_changes_during_the_dial_is_the_one_that_is_asked_for() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.dialled(worker);
    stage.running(worker, TWO);
    assert_eq!(stage.commands(), []);
    stage.succeeds(dial);
    assert_eq!(stage.commands(), [RelayCommand::Select { dial, episode: TWO, after_seq: 0 }]);
}

#[test]
fn whoever_got_further_on_another_way_asks_for_the_rest_only() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.open(worker);
    assert_eq!(stage.get(dial, &[part(ONE, 1)]), [1]);
    for after_seq in [3, 0] {
        stage.session.configure(Some(Target { worker, episode: ONE, after_seq }));
    }
    assert_eq!(stage.commands(), []);
    assert_eq!(stage.get(dial, &[part(ONE, 2), part(ONE, 3), part(ONE, 4)]), [4]);
    stage.closes(dial);
    stage.wait();
    let again = stage.dialled(worker);
    stage.succeeds(again);
    assert_eq!(stage.commands(), [RelayCommand::Select { dial: again, episode: ONE, after_seq: 4 }]);
}

#[test]
fn nothing_is_dialled_again_for_a_chat_that_nobody_runs_any_more() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.open(worker);
    stage.closes(dial);
    let due = stage.session.poll_timeout().unwrap();
    stage.session.configure(None);
    assert!(!stage.session.is_wanted());
    assert_eq!(stage.session.poll_timeout(), None);
    stage.session.handle_timeout(due + RECONNECT_MAX);
    assert_eq!(stage.commands(), []);
}

#[test]
fn what_waits_when_a_relay_ends_or_turns_to_another_attempt_is_dropped() {
    let (mut stage, worker) = (Stage::new(), ReplicaId::new());
    stage.running(worker, ONE);
    let dial = stage.open(worker);
    stage.session.handle_parts(dial, &[part(ONE, 1)]);
    stage.running(worker, TWO);
    assert_eq!(stage.session.poll_part(), None);
    stage.session.handle_parts(dial, &[part(TWO, 1)]);
    stage.session.configure(None);
    assert_eq!(stage.session.poll_part(), None);
}

#[test]
fn a_relay_for_another_relay_dials_nobody() {
    let mut session = RelaySession::new(ReplicaId::new(), true, 1);
    session.configure(Some(Target { worker: ReplicaId::new(), episode: ONE, after_seq: 0 }));
    assert_eq!((session.poll_command(), session.poll_timeout()), (None, None));
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Configure { worker: usize, is_later: bool },
    Stop,
    Dialled { n_back: usize, works: bool },
    Closed { n_back: usize },
    Timeout,
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3_usize, any::<bool>()).prop_map(|(worker, is_later)| Act::Configure { worker, is_later }),
        1 => Just(Act::Stop),
        6 => (0..3_usize, any::<bool>()).prop_map(|(n_back, works)| Act::Dialled { n_back, works }),
        2 => (0..3_usize).prop_map(|n_back| Act::Closed { n_back }),
        3 => Just(Act::Timeout),
    ]
}

proptest! {
    #[test]
    fn however_dials_end_no_connection_leaks_and_only_the_wanted_worker_is_heard(
        acts in prop::collection::vec(acts(), 0..60),
    ) {
        let mut stage = Stage::new();
        let workers = [ReplicaId::new(), ReplicaId::new(), stage.me];
        let mut wanted = None;
        let mut dialling: Vec<(DialId, ReplicaId)> = vec![];
        let mut open: Vec<(DialId, ReplicaId)> = vec![];
        for act in acts {
            match act {
                Act::Configure { worker, is_later } => {
                    wanted = Some(workers[worker]).filter(|worker| *worker != stage.me);
                    stage.running(workers[worker], if is_later { TWO } else { ONE });
                }
                Act::Stop => {
                    wanted = None;
                    stage.session.configure(None);
                }
                Act::Dialled { n_back, works } if !dialling.is_empty() => {
                    let (dial, worker) = dialling.remove(n_back.min(dialling.len() - 1));
                    if works {
                        open.push((dial, worker));
                        stage.succeeds(dial);
                    } else {
                        stage.fails(dial, DialError::Failed);
                    }
                }
                Act::Closed { n_back } if !open.is_empty() => {
                    let (dial, _) = open.remove(n_back.min(open.len() - 1));
                    stage.closes(dial);
                }
                Act::Timeout if stage.session.poll_timeout().is_some() => drop(stage.wait()),
                Act::Dialled { .. } | Act::Closed { .. } | Act::Timeout => {}
            }
            for command in stage.commands() {
                match command {
                    RelayCommand::Dial { dial, worker } => {
                        prop_assert_eq!(Some(worker), wanted);
                        dialling.push((dial, worker));
                    }
                    // The dial may end all the same.
                    RelayCommand::CancelDial(_) => {}
                    RelayCommand::Select { dial, .. } => {
                        prop_assert!(open.contains(&(dial, wanted.unwrap())));
                    }
                    RelayCommand::Close(closed) => open.retain(|(dial, _)| *dial != closed),
                }
            }
            prop_assert!(open.len() <= 1, "a connection is left open");
            prop_assert!(open.iter().all(|(_, worker)| Some(*worker) == wanted));
            let all: Vec<_> = dialling.iter().chain(&open).copied().collect();
            for (dial, worker) in all {
                let heard = stage.get(dial, &[part(TWO, i64::MAX), part(ONE, i64::MAX)]);
                prop_assert!(heard.is_empty() || Some(worker) == wanted);
            }
            let is_alive = !dialling.is_empty() || !open.is_empty() || stage.session.poll_timeout().is_some();
            prop_assert!(wanted.is_none() || is_alive, "nothing is tried any more");
        }
    }
}
