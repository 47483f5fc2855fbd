//! Many writers of one chat at once.

use std::collections::BTreeSet;

use futures::future::join_all;
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
