//! Compares the table with the function over all states and inputs, and checks the versions.

use std::collections::BTreeSet;

use warren_vocab::{ReplicaId, RunnerId};

use super::*;

mod reference;

const INPUTS: [(&str, Input); 19] = [
    ("Send(Queue)", Input::Send(BusyBehavior::Queue)),
    ("Send(Interrupt)", Input::Send(BusyBehavior::Interrupt)),
    ("Edit", Input::Edit),
    ("DeleteQueued", Input::DeleteQueued),
    ("PromoteQueued", Input::PromoteQueued),
    ("Interrupt", Input::Interrupt),
    ("CompleteRequiresAction", Input::CompleteRequiresAction),
    ("SetArchived(true)", Input::SetArchived(true)),
    ("SetArchived(false)", Input::SetArchived(false)),
    ("RecordAttempt", Input::RecordAttempt),
    ("RecordRetry", Input::RecordRetry),
    ("CommitStep", Input::CommitStep),
    ("EnterRequiresAction", Input::EnterRequiresAction),
    ("FinishTurn", Input::FinishTurn),
    ("FinishError", Input::FinishError),
    ("FinishInterruption", Input::FinishInterruption),
    ("CancelRequiresAction", Input::CancelRequiresAction),
    ("Reconcile", Input::Reconcile),
    ("Abandon", Input::Abandon),
];

/// All rows that have the state, with one and with two queued messages where it has a queue.
fn rows(wanted: Execution) -> Vec<ChatState> {
    let mut rows = Vec::new();
    for status in ChatStatus::ALL {
        for archived in [false, true] {
            for queue_len in 0..3 {
                let state = ChatState {
                    status: *status,
                    archived,
                    queue_len,
                    versions: Versions { snapshot: 7, history: 5, queue: 3, retry: 2, attempt: 2 },
                    has_retry: true,
                    lease: Some(Lease { worker: ReplicaId::nil(), runner: RunnerId::nil() }),
                    epoch: 4,
                };
                if state.execution() == wanted {
                    rows.push(state);
                }
            }
        }
    }
    rows
}

fn listed(input: &str, from: Execution) -> BTreeSet<&'static str> {
    let row = table::TABLE.lines().find(|line| line.split_whitespace().next() == Some(input)).unwrap();
    let mut targets = BTreeSet::new();
    for pair in row.split_whitespace().skip(1) {
        let (source, target) = pair.split_once('→').unwrap();
        if source == from.as_str() {
            targets.extend(target.split('/'));
        }
        if source == "*" && from != Execution::None {
            targets.insert(from.as_str());
        }
    }
    targets
}

#[test]
fn the_function_allows_exactly_what_the_table_lists() {
    for from in Execution::ALL {
        if from == Execution::None {
            continue;
        }
        for (name, input) in INPUTS {
            let mut reached = BTreeSet::new();
            for state in rows(from) {
                match step(&state, input) {
                    Ok((next, _)) => drop(reached.insert(next.execution().as_str())),
                    Err(illegal) => assert_eq!(illegal, Illegal { from, input }),
                }
            }
            assert_eq!(reached, listed(name, from), "{name} from {}", from.as_str());
        }
    }
    assert_eq!(listed("Create", Execution::None), BTreeSet::from(["R0"]));
    assert_eq!(create().0.execution(), Execution::R0);
}

#[test]
fn every_transition_makes_one_snapshot_and_moves_only_its_own_versions() {
    for from in Execution::ALL {
        for state in rows(from) {
            for (name, input) in INPUTS {
                let Ok((next, effects)) = step(&state, input) else { continue };
                assert_eq!(next.versions.snapshot, state.versions.snapshot + 1, "{name}");
                let history_changed = effects.iter().any(|effect| effect.touches_history());
                let queue_changed = effects.iter().any(|effect| effect.touches_queue());
                assert_eq!(next.versions.history != state.versions.history, history_changed, "{name}");
                assert_eq!(next.versions.queue != state.versions.queue, queue_changed, "{name}");
                if history_changed {
                    assert_eq!(next.versions.attempt, 0, "{name}");
                    assert!(!next.has_retry && effects.contains(&Effect::ClearRetry), "{name}");
                }
                let leaves_error = state.status == ChatStatus::Error && next.status != ChatStatus::Error;
                assert!(!leaves_error || effects.contains(&Effect::ClearError), "{name}");
                let leaves_client =
                    state.status == ChatStatus::RequiresAction && next.status != ChatStatus::RequiresAction;
                assert!(!leaves_client || effects.contains(&Effect::ClearDeadline), "{name}");
            }
        }
    }
}

#[test]
fn a_new_chat_runs_at_version_one() {
    let (state, effects) = create();
    assert_eq!(state.versions, Versions { snapshot: 1, history: 1, queue: 0, retry: 0, attempt: 0 });
    assert_eq!(effects, [Effect::InsertMessage]);
}

#[test]
fn every_lease_has_a_higher_number() {
    let (state, _) = create();
    let lease = Lease { worker: ReplicaId::new(), runner: RunnerId::new() };
    let (first, _) = step(&state, Input::Acquire(lease)).unwrap();
    let (given_back, _) = step(&first, Input::Abandon).unwrap();
    let (second, _) = step(&given_back, Input::Acquire(lease)).unwrap();
    assert_eq!((first.epoch, given_back.lease, second.epoch), (1, None, 2));
    assert!(step(&given_back, Input::Abandon).is_err());
}
