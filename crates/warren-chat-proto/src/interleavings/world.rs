//! The chat's rows and its workers.

use warren_vocab::{ChatStatus, LeaseId, MessageRole, ReplicaId, RunnerId};

use super::{Act, Work};
use crate::{
    decide::{self, CallKind, Entry, Next, OpenCall},
    fence::{Fence, check_fence},
    part::Part,
    state::{ChatState, Execution, Lease},
    step::{Effect, Input, create, step},
    stream::Episode,
};

const PARTS_MAX: i64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    User(u8),
    Answer,
    /// An answer with a call of the client's tool.
    Asks,
    Result,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Item {
    pub(super) id: i64,
    pub(super) revision: i64,
    pub(super) kind: Kind,
}

/// What a worker believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Belief {
    lease: LeaseId,
    status: ChatStatus,
    history: i64,
    attempt: i64,
    has_begun: bool,
    plan: Plan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Plan {
    Generate,
    Wait,
    Finish,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) state: ChatState,
    pub(super) items: Vec<Item>,
    queue: Vec<u8>,
    /// Parts of the current attempt.
    pub(super) n_parts: i64,
    next_id: i64,
    n_sent: u8,
    /// Messages that the user has taken away by an edit.
    taken: Vec<u8>,
    workers: [Option<Belief>; 2],
    /// Who has taken the lease last.
    newest: Option<usize>,
    n_calls: u8,
    n_errors: u8,
    has_two_writers: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let (state, _) = create();
        let items = vec![Item { id: 1, revision: 1, kind: Kind::User(1) }];
        Self {
            state,
            items,
            queue: Vec::new(),
            n_parts: 0,
            next_id: 2,
            n_sent: 1,
            taken: Vec::new(),
            workers: [None; 2],
            newest: None,
            n_calls: 0,
            n_errors: 0,
            has_two_writers: false,
        }
    }

    pub(super) fn execution(&self) -> Execution {
        self.state.execution()
    }

    pub(super) fn episode(&self) -> Episode {
        Episode { history_version: self.state.versions.history, attempt: self.state.versions.attempt }
    }

    /// What is wrong, if anything is.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let said = self.items.iter().filter_map(|item| match item.kind {
            Kind::User(number) => Some(number),
            Kind::Answer | Kind::Asks | Kind::Result => None,
        });
        let mut all: Vec<u8> =
            said.chain(self.queue.iter().copied()).chain(self.taken.iter().copied()).collect();
        all.sort_unstable();
        let is_whole = all.iter().copied().eq(1..=self.n_sent);
        let answers_in_order = self.items.windows(2).all(|pair| {
            let is_asked = pair[0].kind == Kind::Asks;
            is_asked == (pair[1].kind == Kind::Result)
        });
        match (self.has_two_writers, self.execution()) {
            (true, _) => Some("a worker wrote that had lost its lease"),
            (_, Execution::Invalid) => Some("the state is impossible"),
            _ if !is_whole => Some("a message is lost or doubled"),
            _ if !answers_in_order => Some("a call has no result right behind it"),
            _ if self.queue.len() != self.state.queue_len => Some("the queue is miscounted"),
            _ => None,
        }
    }

    pub(super) fn user_acts(&mut self, act: Act) -> bool {
        let input = match act {
            Act::Send(busy) => Input::Send(busy),
            Act::Edit => Input::Edit,
            Act::Promote => Input::PromoteQueued,
            Act::Interrupt => Input::Interrupt,
            Act::Answer => Input::CompleteRequiresAction,
            Act::Worker(..) | Act::Look { .. } => return false,
        };
        let sends = matches!(act, Act::Send(_) | Act::Edit);
        let number = self.n_sent + 1;
        let has_changed = self.transition(input, false, number);
        self.n_sent += u8::from(has_changed && sends);
        has_changed
    }

    /// Whether a worker that lives has the lease.
    pub(super) fn is_held_by_the_living(&self) -> bool {
        let holder = self.state.lease.and(self.newest);
        holder.is_some_and(|worker| self.workers[worker].is_some())
    }

    /// Whether a worker that was paused still believes that it has the lease.
    pub(super) fn has_sleeper(&self) -> bool {
        self.workers.iter().flatten().any(|belief| belief.lease.epoch != self.state.epoch)
    }

    pub(super) fn acquire(&mut self, worker: usize) -> bool {
        // While nobody knows anything, the two are the same.
        if worker == 1 && self.workers == [None; 2] && self.state.lease.is_none() {
            return false;
        }
        if !self.execution().needs_worker() || (self.newest == Some(worker) && self.is_held_by_the_living()) {
            return false;
        }
        let lease = Lease { worker: ReplicaId::nil(), runner: RunnerId::nil() };
        let has_changed = self.transition(Input::Acquire(lease), false, 0);
        let lease = LeaseId { epoch: self.state.epoch, runner: lease.runner };
        self.newest = Some(worker);
        self.workers[worker] = Some(self.belief(lease));
        has_changed
    }

    pub(super) fn crash(&mut self, worker: usize) -> bool {
        self.workers[worker].take().is_some()
    }

    pub(super) fn work(&mut self, worker: usize, work: Work) -> bool {
        let Some(belief) = self.workers[worker] else { return false };
        let is_running = belief.status == ChatStatus::Running;
        let generates = is_running && belief.plan == Plan::Generate && belief.has_begun;
        let waits = belief.status == ChatStatus::RequiresAction;
        let input = match work {
            Work::Acquire | Work::Crash => return false,
            Work::Read => return self.read(worker),
            Work::Write => return generates && self.write(worker, &belief),
            Work::Attempt if is_running && belief.plan == Plan::Generate && !belief.has_begun => {
                Input::RecordAttempt
            }
            Work::Commit { asks: true } if generates && self.n_calls == 0 => Input::CommitStep,
            Work::Commit { asks: false } if generates => Input::CommitStep,
            Work::FinishError if generates && self.n_errors == 0 => Input::FinishError,
            Work::Proceed => match (belief.status, belief.plan) {
                (ChatStatus::Running, Plan::Generate) | (ChatStatus::RequiresAction, _) => return false,
                (ChatStatus::Running, Plan::Wait) => Input::EnterRequiresAction,
                (ChatStatus::Running, Plan::Finish) => Input::FinishTurn,
                (ChatStatus::Interrupting, _) => Input::FinishInterruption,
                _ => Input::Abandon,
            },
            Work::Cancel if waits => Input::CancelRequiresAction,
            Work::Attempt | Work::Commit { .. } | Work::FinishError | Work::Cancel => return false,
        };
        self.commit(worker, &belief, input, work == Work::Commit { asks: true })
    }

    fn commit(&mut self, worker: usize, belief: &Belief, input: Input, asks: bool) -> bool {
        let attempt = belief.has_begun.then_some(belief.attempt);
        let fence =
            Fence { lease: belief.lease, status: belief.status, history_version: belief.history, attempt };
        if check_fence(&self.state, &fence).is_err() {
            return self.read(worker);
        }
        self.has_two_writers |= self.newest != Some(worker);
        let has_changed = self.transition(input, asks, 0);
        self.n_calls += u8::from(asks);
        self.n_errors += u8::from(input == Input::FinishError);
        self.workers[worker] = (input != Input::Abandon).then(|| {
            let has_begun = input == Input::RecordAttempt;
            Belief { has_begun, ..self.belief(belief.lease) }
        });
        has_changed
    }

    /// Shows a part, unless another attempt has begun.
    fn write(&mut self, worker: usize, belief: &Belief) -> bool {
        let episode = Episode { history_version: belief.history, attempt: belief.attempt };
        let is_current = self.state.lease_id() == Ok(belief.lease) && self.episode() == episode;
        if !is_current {
            return false;
        }
        self.has_two_writers |= self.newest != Some(worker);
        let has_room = self.n_parts < PARTS_MAX;
        self.n_parts += i64::from(has_room);
        has_room
    }

    fn read(&mut self, worker: usize) -> bool {
        let Some(belief) = self.workers[worker] else { return false };
        let is_own = self.state.lease_id() == Ok(belief.lease);
        let fresh = self.belief(belief.lease);
        let is_same = fresh.status == belief.status && fresh.history == belief.history;
        self.workers[worker] = match (is_own, is_same) {
            (false, _) => None,
            // Only another status or history stops what the worker does.
            (true, true) => Some(belief),
            (true, false) => Some(fresh),
        };
        true
    }

    fn belief(&self, lease: LeaseId) -> Belief {
        let versions = self.state.versions;
        Belief {
            lease,
            status: self.state.status,
            history: versions.history,
            attempt: versions.attempt,
            has_begun: false,
            plan: self.plan(),
        }
    }

    fn plan(&self) -> Plan {
        let parts: Vec<Vec<Part>> = self.items.iter().map(parts).collect();
        let entries = self.items.iter().zip(&parts).map(|(item, parts)| Entry {
            role: role(item.kind),
            parts,
            revision: item.revision,
            compressed: false,
            usage: None,
        });
        let kind = |_: &OpenCall| CallKind::Dynamic;
        match decide::next(entries, &decide::Rules::new(&kind)) {
            Next::EnterRequiresAction { .. } => Plan::Wait,
            Next::Finish(_) => Plan::Finish,
            Next::Generate => Plan::Generate,
            other => unreachable!("{other:?} without local tools and summaries"),
        }
    }

    fn transition(&mut self, input: Input, asks: bool, message: u8) -> bool {
        let before = self.episode();
        let Ok((next, effects)) = step(&self.state, input) else { return false };
        self.state = next;
        for effect in effects {
            self.apply(effect, input, asks, message);
        }
        if self.episode() != before {
            self.n_parts = 0;
        }
        true
    }

    fn apply(&mut self, effect: Effect, input: Input, asks: bool, message: u8) {
        match effect {
            Effect::AnswerOpenCalls => self.answer_open(),
            Effect::CutHistory => {
                let is_user = |item: &Item| matches!(item.kind, Kind::User(_));
                let place = self.items.iter().rposition(is_user).expect("a user began the chat");
                for item in self.items.drain(place..) {
                    if let Kind::User(number) = item.kind {
                        self.taken.push(number);
                    }
                }
            }
            Effect::InsertPartial => {
                self.answer_open();
                if self.n_parts > 0 {
                    self.insert(Kind::Answer);
                }
            }
            Effect::InsertStep if input == Input::CompleteRequiresAction => self.answer_open(),
            Effect::InsertStep => self.insert(if asks { Kind::Asks } else { Kind::Answer }),
            Effect::InsertMessage => self.insert(Kind::User(message)),
            Effect::AppendQueued => self.queue.push(message),
            Effect::PromoteHead => {
                self.answer_open();
                let head = self.queue.remove(0);
                self.insert(Kind::User(head));
            }
            Effect::PromoteChosen => {
                let last = self.queue.pop().expect("the machine counts the queue");
                self.insert(Kind::User(last));
            }
            Effect::MoveChosenFirst => self.queue.rotate_right(1),
            Effect::RemoveChosen => self.taken.extend(self.queue.pop()),
            Effect::ClearQueue => self.taken.append(&mut self.queue),
            Effect::SetError
            | Effect::ClearError
            | Effect::SetRetry
            | Effect::ClearRetry
            | Effect::SetDeadline
            | Effect::ClearDeadline
            | Effect::DropParts => {}
        }
    }

    fn answer_open(&mut self) {
        if self.items.last().is_some_and(|item| item.kind == Kind::Asks) {
            self.insert(Kind::Result);
        }
    }

    fn insert(&mut self, kind: Kind) {
        self.items.push(Item { id: self.next_id, revision: self.state.versions.snapshot, kind });
        self.next_id += 1;
    }
}

fn role(kind: Kind) -> MessageRole {
    match kind {
        Kind::User(_) => MessageRole::User,
        Kind::Answer | Kind::Asks => MessageRole::Assistant,
        Kind::Result => MessageRole::Tool,
    }
}

fn parts(item: &Item) -> Vec<Part> {
    match item.kind {
        Kind::User(_) | Kind::Answer => vec![Part::text("x")],
        Kind::Asks => vec![Part::tool_call("a", "client", serde_json::json!({}))],
        Kind::Result => vec![Part::tool_result("a", "client", serde_json::json!({}), false)],
    }
}
