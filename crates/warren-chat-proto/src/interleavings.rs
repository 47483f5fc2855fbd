//! Every interleaving, within bounds, of two workers that crash, pause and take over from each other, a user who sends,
//! interrupts and edits, a client that answers, and a viewer that looks now and then and goes on from its cursor.

mod viewer;
mod world;

use std::collections::{HashMap, VecDeque};

use stateright::{Checker, Model, Property};
use warren_vocab::BusyBehavior;

use crate::state::Execution;
use viewer::Viewer;
use world::World;

/// More states than the bounds allow when everything is in order.
const STATES_MAX: usize = 1_000_000;

/// How much may happen in one story.
#[derive(Clone, Copy)]
struct Bounds {
    n_user_acts: u8,
    n_crashes: u8,
    n_pauses: u8,
    n_looks: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Send(BusyBehavior),
    Edit,
    Promote,
    Interrupt,
    Answer,
    Worker(usize, Work),
    /// The viewer comes back and reads one event, or all.
    Look {
        all: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Acquire,
    /// It stops without a trace.
    Crash,
    /// It reads the chat.
    Read,
    Attempt,
    Write,
    /// It commits an answer, with a call for the client or without.
    Commit {
        asks: bool,
    },
    FinishError,
    /// It does what the chat's state asks for: waits for the client, finishes the turn or the interruption, or leaves.
    Proceed,
    /// The client's time is over.
    Cancel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    world: World,
    viewer: Viewer,
    user_acts_left: u8,
    crashes_left: u8,
    pauses_left: u8,
    looks_left: u8,
}

impl Model for Bounds {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            world: World::new(),
            viewer: Viewer::default(),
            user_acts_left: self.n_user_acts,
            crashes_left: self.n_crashes,
            pauses_left: self.n_pauses,
            looks_left: self.n_looks,
        }]
    }

    fn actions(&self, state: &State, acts: &mut Vec<Act>) {
        if state.user_acts_left > 0 {
            acts.extend([Act::Send(BusyBehavior::Queue), Act::Send(BusyBehavior::Interrupt)]);
            acts.extend([Act::Edit, Act::Promote, Act::Interrupt]);
        }
        acts.push(Act::Answer);
        for worker in 0..2 {
            let work =
                [Work::Read, Work::Attempt, Work::Write, Work::FinishError, Work::Proceed, Work::Cancel];
            acts.extend(work.map(|work| Act::Worker(worker, work)));
            let commits = [true, false].map(|asks| Act::Worker(worker, Work::Commit { asks }));
            acts.extend(commits);
            acts.push(Act::Worker(worker, Work::Acquire));
            if state.crashes_left > 0 {
                acts.push(Act::Worker(worker, Work::Crash));
            }
        }
        if state.looks_left > 0 {
            acts.extend([true, false].map(|all| Act::Look { all }));
        }
    }

    fn next_state(&self, before: &State, act: Act) -> Option<State> {
        let mut state = before.clone();
        let world = &mut state.world;
        let has_changed = match act {
            Act::Send(_) | Act::Edit | Act::Promote | Act::Interrupt => {
                state.user_acts_left -= 1;
                world.user_acts(act)
            }
            Act::Answer => world.user_acts(act),
            Act::Worker(worker, Work::Acquire) => {
                let is_pause = world.is_held_by_the_living();
                if is_pause && state.pauses_left == 0 {
                    return None;
                }
                state.pauses_left -= u8::from(is_pause);
                world.acquire(worker)
            }
            Act::Worker(worker, Work::Crash) => {
                state.crashes_left -= 1;
                world.crash(worker)
            }
            Act::Worker(worker, work) => world.work(worker, work),
            Act::Look { all } => {
                state.looks_left -= 1;
                state.viewer.look(world, all)
            }
        };
        (has_changed && state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let in_order = |_: &Self, state: &State| state.world.fault().is_none();
        let viewer_is_right = |_: &Self, state: &State| state.viewer.fault.is_none();
        vec![
            Property::always("one writer, no message lost or doubled, no impossible state", in_order),
            Property::always("a viewer at part p gets part p + 1 or a reset", viewer_is_right),
            Property::sometimes(
                "a paused worker still believes that it has the lease",
                |_: &Self, state: &State| state.world.has_sleeper(),
            ),
            Property::sometimes("a viewer goes on in the middle of an answer", |_: &Self, state: &State| {
                state.viewer.is_in_the_middle(&state.world)
            }),
            Property::sometimes("a viewer starts over after an edit", |_: &Self, state: &State| {
                state.viewer.shows_more_than(&state.world)
            }),
            Property::sometimes(
                "a chat waits for its client while messages wait",
                |_: &Self, state: &State| state.world.execution() == Execution::A1,
            ),
            Property::sometimes("a chat stops by an error while messages wait", |_: &Self, state: &State| {
                state.world.execution() == Execution::E1
            }),
            Property::sometimes(
                "an interrupted answer is followed by a message",
                |_: &Self, state: &State| state.world.execution() == Execution::I1,
            ),
        ]
    }
}

#[test]
fn no_interleaving_breaks_a_promise() {
    let bounds = [
        Bounds { n_user_acts: 1, n_crashes: 0, n_pauses: 1, n_looks: 0 },
        Bounds { n_user_acts: 1, n_crashes: 1, n_pauses: 0, n_looks: 0 },
        Bounds { n_user_acts: 2, n_crashes: 0, n_pauses: 0, n_looks: 0 },
        Bounds { n_user_acts: 1, n_crashes: 0, n_pauses: 0, n_looks: 2 },
    ];
    let mut seen: HashMap<&str, bool> = HashMap::new();
    for bounds in bounds {
        let checker = bounds.checker().threads(2).target_state_count(STATES_MAX).spawn_bfs().join();
        assert!(checker.state_count() < STATES_MAX, "the stories do not end");
        for property in bounds.properties() {
            let found = checker.discovery(property.name);
            let is_example = matches!(property.expectation, stateright::Expectation::Sometimes);
            assert!(is_example || found.is_none(), "{}: {found:#?}", property.name);
            *seen.entry(property.name).or_default() |= !is_example || found.is_some();
        }
    }
    assert!(seen.values().all(|seen| *seen), "the bounds are too narrow: {seen:?}");
}

#[test]
fn every_chat_that_works_can_come_to_rest() {
    let bounds = Bounds { n_user_acts: 1, n_crashes: 1, n_pauses: 0, n_looks: 0 };
    let mut numbers: HashMap<State, usize> = HashMap::new();
    let (mut idle, mut before): (Vec<usize>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    let mut waiting: VecDeque<State> = bounds.init_states().into();
    numbers.insert(waiting[0].clone(), 0);
    before.push(Vec::new());
    while let Some(state) = waiting.pop_front() {
        let number = numbers[&state];
        assert!(numbers.len() < STATES_MAX, "the stories do not end");
        if !state.world.execution().needs_worker() {
            idle.push(number);
        }
        for next in bounds.next_states(&state) {
            let known = numbers.len();
            let next_number = *numbers.entry(next.clone()).or_insert(known);
            if next_number == known {
                before.push(Vec::new());
                waiting.push_back(next);
            }
            before[next_number].push(number);
        }
    }
    let mut rests = vec![false; numbers.len()];
    while let Some(number) = idle.pop() {
        if !std::mem::replace(&mut rests[number], true) {
            idle.extend(&before[number]);
        }
    }
    let stuck = numbers.iter().find(|(_, number)| !rests[**number]);
    assert!(stuck.is_none(), "{:#?} can never come to rest", stuck.map(|(state, _)| state));
}
