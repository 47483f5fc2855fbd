//! Many writers of one chat at once.
//!
//! Guards that were taken away, and a test that failed:
//!
//! | guard | test |
//! |---|---|
//! | the end of an interruption takes up what waits (it ended in `waiting`) | `a_message_that_meets_an_interruption_and_its_end_is_never_left_behind` |
//! | a message to a chat that is being stopped keeps it so (it ended in `waiting`) | the same |
//! | the worker's belief is compared with the row | `a_message_that_meets_the_end_of_a_turn_is_never_left_behind` |

use std::collections::BTreeSet;

use futures::future::join_all;
use warren_chat_proto::Execution as X;
use warren_db::{Database, Guard, Tx};
use warren_vocab::{BusyBehavior, ChatId};

use super::{
    super::{Command, transition},
    stage::{Stage, answer},
};
use crate::error::{ChatResult, ChatServiceError};

const N_WRITERS: usize = 50;

async fn apply(db: &Database, chat: ChatId, command: Command) -> ChatResult<i64> {
    let write = async |tx: &Tx| transition(tx, chat, None, command).await;
    Ok(db.write_guarded(Guard::chat(chat), write).await?.state.versions.snapshot)
}

#[tokio::test]
async fn fifty_writers_of_one_chat_lose_nothing() {
    let stage = Stage::new().await;
    let second = stage.database.second_handle().await;
    let chat = stage.create("hello").await;
    let writes = (0..N_WRITERS).map(|n| {
        let db = second.as_ref().filter(|_| n % 2 == 0).unwrap_or(&stage.db);
        let command = match n % 5 {
            0 => stage.send(&format!("message {n}"), BusyBehavior::Queue),
            1 => Command::CommitStep(vec![answer(&format!("answer {n}"))]),
            _ => Command::RecordAttempt,
        };
        apply(db, chat, command)
    });
    let snapshots: BTreeSet<i64> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(snapshots, (2..=51).collect(), "each had a version of its own");
    let state = stage.state(chat).await;
    assert_eq!((state.versions.snapshot, state.queue_len), (51, 10));
    let story = stage.story(chat).await;
    let answers: BTreeSet<_> = story.iter().filter(|(_, text)| text.starts_with("answer")).collect();
    assert_eq!(answers.len(), 10);
    let queue: BTreeSet<_> = stage.queue(chat).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(queue.len(), 10);
}

#[tokio::test]
async fn fifty_messages_at_once_fill_the_queue_and_not_more() {
    let stage = Stage::new().await;
    let second = stage.database.second_handle().await;
    let chat = stage.create("hello").await;
    let sent = join_all((0..N_WRITERS).map(|n| {
        let db = second.as_ref().filter(|_| n % 2 == 0).unwrap_or(&stage.db);
        apply(db, chat, stage.send(&format!("{n}"), BusyBehavior::Queue))
    }));
    let sent = sent.await;
    let n_full = sent.iter().filter(|one| matches!(one, Err(ChatServiceError::QueueFull))).count();
    assert_eq!((sent.iter().filter(|one| one.is_ok()).count(), n_full), (20, 30));
    assert_eq!(stage.queue(chat).await.len(), 20);
}

#[tokio::test]
async fn a_message_that_meets_the_end_of_a_turn_is_never_left_behind() {
    let stage = Stage::new().await;
    for round in 0..30 {
        let chat = stage.create("hello").await;
        stage.take(chat).await;
        stage.apply(chat, Command::CommitStep(vec![answer("hi")])).await.unwrap();
        let fence = stage.fence(chat).await;
        let finish = stage.apply_under(chat, Some(&fence), Command::FinishTurn);
        let send = stage.apply(chat, stage.send("stop that", BusyBehavior::Interrupt));
        let (finished, sent) = if round % 2 == 0 {
            tokio::join!(finish, send)
        } else {
            let (sent, finished) = tokio::join!(send, finish);
            (finished, sent)
        };
        sent.unwrap();
        let (state, n_queued) = (stage.state(chat).await.execution(), stage.queue(chat).await.len());
        match finished {
            Ok(_) => assert_eq!((state, n_queued), (X::R0, 0), "the turn had ended before"),
            Err(ChatServiceError::Stale(_)) => assert_eq!((state, n_queued), (X::I1, 1)),
            Err(error) => panic!("{error}"),
        }
        assert!(state.needs_worker());
    }
}

/// Two users and the worker at once: one stops the chat, one sends a message that stops it, the worker ends what was stopped.
#[tokio::test]
async fn a_message_that_meets_an_interruption_and_its_end_is_never_left_behind() {
    let stage = Stage::new().await;
    let second = stage.database.second_handle().await.unwrap_or_else(|| stage.db.clone());
    for round in 0..60 {
        let chat = stage.create("hello").await;
        stage.take(chat).await;
        if round % 3 > 0 {
            stage.apply(chat, Command::Interrupt).await.unwrap();
        }
        let fence = stage.fence(chat).await;
        let partial = vec![answer("half")];
        let send = apply(&second, chat, stage.send("do that", BusyBehavior::Interrupt));
        let end = async {
            if round % 3 == 0 {
                apply(&stage.db, chat, Command::Interrupt).await.map(drop)
            } else {
                let end = Command::FinishInterruption { partial };
                stage.apply_under(chat, Some(&fence), end).await.map(drop)
            }
        };
        let (sent, ended) = if round % 2 == 0 {
            tokio::join!(send, end)
        } else {
            let (ended, sent) = tokio::join!(end, send);
            (sent, ended)
        };
        sent.unwrap();
        // Whoever stops a chat that is being stopped already is told so.
        assert!(matches!(ended, Ok(()) | Err(ChatServiceError::Conflict { .. })), "{ended:?}");
        let state = stage.state(chat).await;
        if state.execution() == X::I1 {
            // The worker has not ended it yet.
            let fence = stage.fence(chat).await;
            let end = Command::FinishInterruption { partial: Vec::new() };
            stage.apply_under(chat, Some(&fence), end).await.unwrap();
        }
        let (state, story) = (stage.state(chat).await, stage.story(chat).await);
        assert_eq!((state.execution(), state.queue_len), (X::R0, 0), "it runs, with the message");
        assert_eq!(story.last().unwrap().1, "do that");
        assert_eq!(story.iter().filter(|(_, text)| text == "do that").count(), 1);
    }
}
