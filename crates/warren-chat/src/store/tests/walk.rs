//! A long random walk of what users and workers do, with the rules that must hold after every step.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use warren_chat_proto::{ChatError, ChatState, Execution as X, Fence, Lease, Part};
use warren_db::query;
use warren_vocab::{
    BusyBehavior, ChatId, LeaseId, MessageId, MessageRole, QueuedMessageId, ReplicaId, RunnerId,
};

use super::{
    super::{ClientResult, Command, NewMessage},
    matrix::retry,
    stage::{Stage, answer},
};
use crate::error::ChatServiceError;

/// Steps in a test run; `WARREN_WALK_STEPS` sets another number, for a longer search.
const N_STEPS: usize = 2000;
const N_CHATS: usize = 36;
/// Where the walk begins.
const STATES: [X; 12] = [X::W, X::E0, X::E1, X::R0, X::R1, X::I0, X::I1, X::A0, X::A1, X::XW, X::XE0, X::XE1];

/// What a walker knows of a chat: its messages of users, in the order of the history and of the queue.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    state: ChatState,
    sent: Vec<(MessageId, String)>,
    waiting: Vec<(QueuedMessageId, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Send,
    Edit,
    Delete,
    Promote,
    Other,
}

#[tokio::test]
async fn a_random_walk_of_users_and_workers_never_loses_a_message_or_breaks_a_state() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stage = Stage::new().await;
    let mut chats = Vec::new();
    for n in 0..N_CHATS {
        let state = STATES[n % STATES.len()];
        let has_queue = matches!(state, X::E1 | X::R1 | X::I1 | X::A1 | X::XE1);
        let chat = stage.chat_in(state, if has_queue { 2 } else { 0 }).await;
        chats.push((chat, look(&stage, chat).await));
    }
    let mut n_done = 0;
    let n_steps = std::env::var("WARREN_WALK_STEPS").map_or(N_STEPS, |steps| steps.parse().unwrap());
    for n in 0..n_steps {
        let place = random.random_range(0..N_CHATS);
        let (chat, before) = chats[place].clone();
        let text = format!("m{n}");
        let (kind, command, fence) = choose(&stage, &mut random, &before, &text);
        let said = format!("seed {seed}, step {n}: {command:?} in {}", before.state.execution().as_str());
        let done = stage.apply_under(chat, fence.as_ref(), command.clone()).await;
        let after = look(&stage, chat).await;
        assert_ne!(after.state.execution(), X::Invalid, "{said}");
        match done {
            Ok(_) => {
                n_done += 1;
                check(&before, &after, kind, &command, &text, &said);
            }
            Err(
                ChatServiceError::Conflict { .. }
                | ChatServiceError::QueueFull
                | ChatServiceError::NotFound
                | ChatServiceError::Invalid { .. }
                | ChatServiceError::Stale(_),
            ) => assert_eq!(after, before, "{said}"),
            Err(error) => panic!("{said}: {error}"),
        }
        chats[place].1 = after;
    }
    assert!(n_done > n_steps / 5, "seed {seed}: only {n_done} steps did something");
}

async fn look(stage: &Stage, chat: ChatId) -> Known {
    let live = stage.live(chat).await;
    let of_users = live.into_iter().filter(|message| message.role == MessageRole::User);
    let sent = of_users.map(|message| {
        let Part::Text { text } = &message.content[0] else { panic!("users write texts") };
        (message.id, text.clone())
    });
    Known { state: stage.state(chat).await, sent: sent.collect(), waiting: stage.queue(chat).await }
}

fn choose(stage: &Stage, random: &mut StdRng, known: &Known, text: &str) -> (Kind, Command, Option<Fence>) {
    let busy = *[BusyBehavior::Queue, BusyBehavior::Interrupt].choose(random).unwrap();
    let queued = known.waiting.choose(random).map_or(QueuedMessageId(0), |(id, _)| *id);
    let state = &known.state;
    let runner = state.lease.map_or_else(RunnerId::new, |lease| lease.runner);
    let mut fence = Fence {
        lease: LeaseId { epoch: state.epoch, runner },
        status: state.status,
        history_version: state.versions.history,
        attempt: None,
    };
    // Some workers are late.
    if random.random_ratio(1, 10) {
        fence.lease.epoch -= 1;
    } else if random.random_ratio(1, 10) {
        fence.lease.runner = RunnerId::new();
    } else if random.random_ratio(1, 10) {
        fence.history_version -= 1;
    }
    let fenced = |command| (Kind::Other, command, Some(fence));
    let free = |kind, command| (kind, command, None);
    match random.random_range(0..24) {
        0..=3 => free(Kind::Send, stage.send(text, busy)),
        4 => {
            let message_id = known.sent.choose(random).map_or(MessageId(0), |(id, _)| *id);
            free(Kind::Edit, Command::Edit { message_id, message: stage.message(text) })
        }
        5 => free(Kind::Delete, Command::DeleteQueued(queued)),
        6 => free(Kind::Promote, Command::PromoteQueued(queued)),
        7 => free(Kind::Other, Command::Interrupt),
        8 | 9 => free(Kind::Other, Command::SetArchived(!state.archived)),
        10 => {
            let results = ["a", "b"].map(|call| ClientResult {
                call_id: call.to_owned(),
                output: json!(text),
                is_error: false,
            });
            let command = Command::CompleteRequiresAction { results: results.into(), decisions: Vec::new() };
            free(Kind::Other, command)
        }
        11 | 12 => {
            let lease = Lease { worker: ReplicaId::new(), runner: RunnerId::new() };
            free(Kind::Other, Command::Acquire { lease, lasts: chrono::TimeDelta::seconds(30) })
        }
        13 => fenced(Command::Abandon),
        14 => fenced(Command::RecordAttempt),
        15 => fenced(Command::RecordRetry(retry())),
        16 => fenced(Command::CommitStep(vec![answer(text)])),
        17 => {
            let calls = ["a", "b"].map(|call| Part::tool_call(call, "tool", json!({})));
            fenced(Command::CommitStep(vec![NewMessage::new(MessageRole::Assistant, calls.into())]))
        }
        18 | 19 => {
            let within = chrono::TimeDelta::minutes(5);
            fenced(Command::EnterRequiresAction { asks: Vec::new(), within })
        }
        20 => fenced(Command::CancelRequiresAction { why: String::from("Too late.") }),
        21 => fenced(Command::FinishTurn),
        22 => fenced(Command::FinishError {
            error: ChatError::generic("It broke."),
            partial: vec![answer(text)],
        }),
        _ => fenced(Command::FinishInterruption { partial: vec![answer(text)] }),
    }
}

/// Every message of a user is where it was, or where the step says that it goes.
fn check(before: &Known, after: &Known, kind: Kind, command: &Command, text: &str, said: &str) {
    let texts = |known: &Known| {
        let sent: Vec<_> = known.sent.iter().map(|(_, text)| text.clone()).collect();
        let waiting: Vec<_> = known.waiting.iter().map(|(_, text)| text.clone()).collect();
        (sent, waiting)
    };
    let ((old_sent, mut old_waiting), (sent, waiting)) = (texts(before), texts(after));
    assert_eq!(after.state.queue_len, waiting.len(), "{said}");
    if let (Kind::Edit, Command::Edit { message_id, .. }) = (kind, command) {
        let kept = before.sent.iter().take_while(|(id, _)| id < message_id).map(|(_, text)| text.clone());
        assert_eq!(sent, kept.chain([text.to_owned()]).collect::<Vec<_>>(), "{said}");
        assert!(waiting.is_empty(), "{said}");
        return;
    }
    if let Command::DeleteQueued(gone) = command {
        old_waiting =
            before.waiting.iter().filter(|(id, _)| id != gone).map(|(_, text)| text.clone()).collect();
    }
    if let Command::PromoteQueued(chosen) = command {
        let (first, rest): (Vec<_>, Vec<_>) = before.waiting.iter().partition(|(id, _)| id == chosen);
        old_waiting = first.into_iter().chain(rest).map(|(_, text)| text.clone()).collect();
    }
    // What was in the history stays there; what waited follows in its order, the new one last.
    let mut expected = old_sent.clone();
    expected.extend(old_waiting);
    if kind == Kind::Send {
        expected.push(text.to_owned());
    }
    let n_sent = sent.len();
    let all: Vec<_> = sent.into_iter().chain(waiting).collect();
    assert_eq!(all, expected, "{said}");
    assert!(n_sent >= old_sent.len() && n_sent <= old_sent.len() + 1, "{said}");
}

/// The walker does not look into the ledger; this does, for one chat at a time.
#[tokio::test]
async fn after_a_walk_nothing_waits_in_a_chat_that_does_not() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stage = Stage::new().await;
    let chat = stage.create("first").await;
    let mut known = look(&stage, chat).await;
    for n in 0..200 {
        let (_, command, fence) = choose(&stage, &mut random, &known, &format!("m{n}"));
        let _ = stage.apply_under(chat, fence.as_ref(), command).await;
        known = look(&stage, chat).await;
        let waiting = query::chat_tool_calls::pending(stage.db.reader(), chat).await.unwrap();
        let is_waiting = matches!(known.state.execution(), X::A0 | X::A1);
        assert!(is_waiting || waiting.is_empty(), "seed {seed}, step {n}: {waiting:?}");
        let deadline = stage.row_of(chat).await.requires_action_deadline_at;
        assert_eq!(deadline.is_some(), is_waiting, "seed {seed}, step {n}");
    }
}
