//! Random walks of users and workers over a chat, executed twice: by carrying out the effects of the step, and by a model
//! that is written from the rules, not from the table.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    User(u32),
    /// An answer with the ids of its calls.
    Answer(Vec<u32>),
    Results(Vec<u32>),
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Send(BusyBehavior),
    Edit(usize),
    DeleteQueued(usize),
    PromoteQueued(usize),
    Interrupt,
    Complete,
    SetArchived(bool),
    Attempt,
    Retry,
    Commit { n_calls: u32 },
    Enter,
    FinishTurn,
    FinishError { has_partial: bool },
    FinishInterruption { has_partial: bool },
    Cancel,
    Acquire,
    Abandon,
}

impl Act {
    fn input(self) -> Input {
        match self {
            Self::Send(busy) => Input::Send(busy),
            Self::Edit(_) => Input::Edit,
            Self::DeleteQueued(_) => Input::DeleteQueued,
            Self::PromoteQueued(_) => Input::PromoteQueued,
            Self::Interrupt => Input::Interrupt,
            Self::Complete => Input::CompleteRequiresAction,
            Self::SetArchived(archived) => Input::SetArchived(archived),
            Self::Attempt => Input::RecordAttempt,
            Self::Retry => Input::RecordRetry,
            Self::Commit { .. } => Input::CommitStep,
            Self::Enter => Input::EnterRequiresAction,
            Self::FinishTurn => Input::FinishTurn,
            Self::FinishError { .. } => Input::FinishError,
            Self::FinishInterruption { .. } => Input::FinishInterruption,
            Self::Cancel => Input::CancelRequiresAction,
            Self::Acquire => Input::Acquire(Lease { worker: ReplicaId::nil(), runner: RunnerId::nil() }),
            Self::Abandon => Input::Abandon,
        }
    }
}

/// What a chat's rows say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Rows {
    history: Vec<Item>,
    queue: Vec<u32>,
    has_error: bool,
    has_retry: bool,
    has_deadline: bool,
}

impl Rows {
    fn open(&self) -> Vec<u32> {
        let mut open = Vec::new();
        for item in &self.history {
            match item {
                Item::User(_) => {}
                Item::Answer(calls) => open.extend(calls),
                Item::Results(ids) => open.retain(|id| !ids.contains(id)),
            }
        }
        open
    }

    fn answer_open(&mut self) {
        let open = self.open();
        if !open.is_empty() {
            self.history.push(Item::Results(open));
        }
    }

    /// Answers if something is open, else says something new.
    fn commit(&mut self, calls: Vec<u32>) {
        let open = self.open();
        self.history.push(if open.is_empty() { Item::Answer(calls) } else { Item::Results(open) });
    }

    /// The place of one of the user's messages.
    fn user_place(&self, choice: usize) -> usize {
        let is_user = |(_, item): &(usize, &Item)| matches!(item, Item::User(_));
        let places: Vec<_> =
            self.history.iter().enumerate().filter(is_user).map(|(place, _)| place).collect();
        places[choice % places.len()]
    }
}

/// Carries out what the step says.
struct Machine {
    state: ChatState,
    rows: Rows,
}

impl Machine {
    fn take(&mut self, act: Act, id: u32) -> bool {
        let Ok((next, effects)) = step(&self.state, act.input()) else { return false };
        self.state = next;
        for effect in effects {
            self.apply(effect, act, id);
        }
        true
    }

    fn apply(&mut self, effect: Effect, act: Act, id: u32) {
        let rows = &mut self.rows;
        match (effect, act) {
            (Effect::AnswerOpenCalls, _) => rows.answer_open(),
            (Effect::CutHistory, Act::Edit(choice)) => rows.history.truncate(rows.user_place(choice)),
            (
                Effect::InsertPartial,
                Act::FinishError { has_partial } | Act::FinishInterruption { has_partial },
            ) => {
                rows.answer_open();
                rows.history.extend(has_partial.then(|| Item::Answer(Vec::new())));
            }
            (Effect::InsertStep, Act::Commit { n_calls }) => {
                rows.commit((0..n_calls).map(|n| id + n).collect())
            }
            (Effect::InsertStep, Act::Complete) => rows.answer_open(),
            (Effect::InsertMessage, _) => rows.history.push(Item::User(id)),
            (Effect::AppendQueued, _) => rows.queue.push(id),
            (Effect::PromoteHead, _) => {
                rows.answer_open();
                rows.history.push(Item::User(rows.queue.remove(0)));
            }
            (Effect::PromoteChosen, Act::PromoteQueued(choice)) => {
                let chosen = rows.queue.remove(choice % rows.queue.len());
                rows.history.push(Item::User(chosen));
            }
            (Effect::MoveChosenFirst, Act::PromoteQueued(choice)) => {
                let chosen = rows.queue.remove(choice % rows.queue.len());
                rows.queue.insert(0, chosen);
            }
            (Effect::RemoveChosen, Act::DeleteQueued(choice)) => {
                rows.queue.remove(choice % rows.queue.len());
            }
            (Effect::ClearQueue, _) => rows.queue.clear(),
            (Effect::SetError, _) => rows.has_error = true,
            (Effect::ClearError, _) => rows.has_error = false,
            (Effect::SetRetry, _) => rows.has_retry = true,
            (Effect::ClearRetry, _) => rows.has_retry = false,
            (Effect::SetDeadline, _) => rows.has_deadline = true,
            (Effect::ClearDeadline, _) => rows.has_deadline = false,
            (Effect::DropParts, _) => {}
            (effect, act) => panic!("{effect:?} after {act:?}"),
        }
    }
}

/// The rules, told from the point of view of whoever uses a chat.
struct Reference {
    status: ChatStatus,
    is_archived: bool,
    is_leased: bool,
    rows: Rows,
}

impl Reference {
    fn is_idle(&self) -> bool {
        matches!(self.status, ChatStatus::Waiting | ChatStatus::Error)
    }

    fn take(&mut self, act: Act, id: u32) -> bool {
        let was_running = self.status == ChatStatus::Running;
        let is_allowed = match act {
            Act::Acquire => {
                self.is_leased = true;
                true
            }
            Act::Abandon => std::mem::take(&mut self.is_leased),
            Act::SetArchived(archived) => self.archive(archived),
            _ if self.is_archived => false,
            Act::Send(busy) => self.send(busy, id),
            Act::Edit(choice) => self.edit(choice, id),
            Act::DeleteQueued(choice) => self.delete(choice),
            Act::PromoteQueued(choice) => self.promote(choice),
            Act::Interrupt => self.interrupt(),
            Act::Complete | Act::Cancel => self.client_is_done(),
            Act::Attempt | Act::Retry | Act::Commit { .. } | Act::Enter => self.work(act, id),
            Act::FinishTurn | Act::FinishError { .. } => self.end(act),
            Act::FinishInterruption { has_partial } => self.end_interruption(has_partial),
        };
        // A wait before a retry ends with whatever ends the attempt; other work of users leaves it alone.
        let is_apart = matches!(
            act,
            Act::Retry | Act::Acquire | Act::Abandon | Act::SetArchived(_) | Act::DeleteQueued(_)
        );
        let is_running = self.status == ChatStatus::Running;
        let only_waits = matches!(act, Act::Send(_)) && was_running && is_running;
        if is_allowed && !is_apart && !only_waits {
            self.rows.has_retry = false;
        }
        is_allowed
    }

    fn archive(&mut self, archived: bool) -> bool {
        if archived == self.is_archived || !self.is_idle() {
            return false;
        }
        self.is_archived = archived;
        true
    }

    /// A message that goes into the history answers what is open, ends any error, and starts the work.
    fn say(&mut self, message: u32) {
        self.rows.answer_open();
        self.rows.history.push(Item::User(message));
        (self.rows.has_error, self.rows.has_deadline) = (false, false);
        self.status = ChatStatus::Running;
    }

    fn say_next(&mut self) {
        if !self.rows.queue.is_empty() {
            let next = self.rows.queue.remove(0);
            self.say(next);
        }
    }

    fn send(&mut self, busy: BusyBehavior, id: u32) -> bool {
        let waits_for_client = self.status == ChatStatus::RequiresAction;
        self.rows.queue.push(id);
        if self.is_idle() || (waits_for_client && busy == BusyBehavior::Interrupt) {
            self.say_next();
        } else if busy == BusyBehavior::Interrupt {
            self.status = ChatStatus::Interrupting;
        }
        true
    }

    fn edit(&mut self, choice: usize, id: u32) -> bool {
        let place = self.rows.user_place(choice);
        self.rows.history.truncate(place);
        self.rows.queue.clear();
        self.say(id);
        true
    }

    fn delete(&mut self, choice: usize) -> bool {
        if self.rows.queue.is_empty() {
            return false;
        }
        self.rows.queue.remove(choice % self.rows.queue.len());
        true
    }

    fn promote(&mut self, choice: usize) -> bool {
        if self.rows.queue.is_empty() {
            return false;
        }
        let chosen = self.rows.queue.remove(choice % self.rows.queue.len());
        self.rows.queue.insert(0, chosen);
        match self.status {
            ChatStatus::Running | ChatStatus::Interrupting => self.status = ChatStatus::Interrupting,
            _ => self.say_next(),
        }
        true
    }

    fn interrupt(&mut self) -> bool {
        match self.status {
            ChatStatus::Running => self.status = ChatStatus::Interrupting,
            ChatStatus::RequiresAction => return self.client_is_done(),
            _ => return false,
        }
        true
    }

    fn client_is_done(&mut self) -> bool {
        if self.status != ChatStatus::RequiresAction {
            return false;
        }
        self.rows.answer_open();
        self.rows.has_deadline = false;
        self.status = ChatStatus::Running;
        true
    }

    fn work(&mut self, act: Act, id: u32) -> bool {
        if self.status != ChatStatus::Running {
            return false;
        }
        match act {
            Act::Attempt => self.rows.has_retry = false,
            Act::Retry => self.rows.has_retry = true,
            Act::Commit { n_calls } => self.rows.commit((0..n_calls).map(|n| id + n).collect()),
            _ => (self.status, self.rows.has_deadline) = (ChatStatus::RequiresAction, true),
        }
        true
    }

    fn end(&mut self, act: Act) -> bool {
        if self.status != ChatStatus::Running {
            return false;
        }
        if let Act::FinishError { has_partial } = act {
            self.rows.answer_open();
            self.rows.history.extend(has_partial.then(|| Item::Answer(Vec::new())));
            (self.status, self.rows.has_error) = (ChatStatus::Error, true);
        } else {
            self.status = ChatStatus::Waiting;
            self.say_next();
        }
        true
    }

    fn end_interruption(&mut self, has_partial: bool) -> bool {
        if self.status != ChatStatus::Interrupting {
            return false;
        }
        self.rows.answer_open();
        self.rows.history.extend(has_partial.then(|| Item::Answer(Vec::new())));
        self.status = ChatStatus::Waiting;
        self.say_next();
        true
    }
}

fn acts() -> impl Strategy<Value = Act> {
    let busy = prop_oneof![Just(BusyBehavior::Queue), Just(BusyBehavior::Interrupt)];
    prop_oneof![
        6 => busy.prop_map(Act::Send),
        1 => any::<usize>().prop_map(Act::Edit),
        1 => any::<usize>().prop_map(Act::DeleteQueued),
        1 => any::<usize>().prop_map(Act::PromoteQueued),
        1 => Just(Act::Interrupt),
        2 => Just(Act::Complete),
        2 => any::<bool>().prop_map(Act::SetArchived),
        2 => Just(Act::Attempt),
        1 => Just(Act::Retry),
        3 => (0..3_u32).prop_map(|n_calls| Act::Commit { n_calls }),
        2 => Just(Act::Enter),
        3 => Just(Act::FinishTurn),
        1 => any::<bool>().prop_map(|has_partial| Act::FinishError { has_partial }),
        3 => any::<bool>().prop_map(|has_partial| Act::FinishInterruption { has_partial }),
        1 => Just(Act::Cancel),
        1 => Just(Act::Acquire),
        1 => Just(Act::Abandon),
    ]
}

/// Follows each message that a user has sent: it waits, or stands in the history, or a user has taken it away.
fn assert_no_message_is_lost(before: &Rows, after: &Rows, act: Act, sent: Option<u32>) {
    let of = |rows: &Rows| {
        let said = rows.history.iter().filter_map(|item| match item {
            Item::User(id) => Some(*id),
            Item::Answer(_) | Item::Results(_) => None,
        });
        let mut all: Vec<_> = said.chain(rows.queue.iter().copied()).collect();
        all.sort_unstable();
        all
    };
    let (mut wanted, found) = (of(before), of(after));
    wanted.extend(sent);
    wanted.sort_unstable();
    assert!(found.windows(2).all(|pair| pair[0] != pair[1]), "twice after {act:?}: {after:?}");
    match act {
        Act::Edit(_) => assert!(found.iter().all(|id| wanted.contains(id))),
        Act::DeleteQueued(_) => assert!(found.len() + 1 >= wanted.len()),
        _ => assert_eq!(found, wanted, "after {act:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn random_walks_agree_with_the_rules_and_lose_nothing(acts in prop::collection::vec(acts(), 1..120)) {
        let (state, _) = create();
        let rows = Rows { history: vec![Item::User(0)], ..Rows::default() };
        let status = state.status;
        let mut machine = Machine { state, rows: rows.clone() };
        let mut reference = Reference { status, is_archived: false, is_leased: false, rows };
        for (act, n) in acts.into_iter().zip(1..) {
            let before = machine.rows.clone();
            let id = n * 10;
            let is_allowed = machine.take(act, id);
            prop_assert_eq!(is_allowed, reference.take(act, id), "{:?} in {:?}", act, before);
            prop_assert_eq!(&machine.rows, &reference.rows, "after {:?} in {:?}", act, before);
            let state = &machine.state;
            prop_assert_eq!(
                (state.status, state.archived, state.lease.is_some(), state.queue_len, state.has_retry),
                (reference.status, reference.is_archived, reference.is_leased, machine.rows.queue.len(), machine.rows.has_retry)
            );
            prop_assert_ne!(state.execution(), Execution::Invalid);
            let is_sent = is_allowed && matches!(act, Act::Send(_) | Act::Edit(_));
            assert_no_message_is_lost(&before, &machine.rows, act, is_sent.then_some(id));
            let says_error = state.status == ChatStatus::Error;
            prop_assert_eq!(machine.rows.has_error, says_error);
            prop_assert_eq!(machine.rows.has_deadline, state.status == ChatStatus::RequiresAction);
        }
    }
}
