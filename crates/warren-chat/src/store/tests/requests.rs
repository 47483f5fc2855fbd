//! Requests that are sent again.

use futures::future::join_all;
use warren_db::{Guard, Tx};
use warren_vocab::{BusyBehavior, ChatId};

use super::{
    super::{Command, Request, find_request, remember_request, transition},
    stage::Stage,
};
use crate::error::{ChatResult, ChatServiceError};

/// Sends a message once, as a route does.
async fn send_once(stage: &Stage, chat: ChatId, key: &str, digest: &str) -> ChatResult<bool> {
    let request = Request { owner: stage.owner, key, digest };
    let command: Command = stage.send(digest, BusyBehavior::Queue);
    let write = async |tx: &Tx| {
        if find_request(tx, request).await?.is_some() {
            return Ok(false);
        }
        let outcome = transition(tx, chat, None, command).await?;
        remember_request(tx, request, &outcome).await?;
        Ok(true)
    };
    stage.db.write_guarded(Guard::chat(chat), write).await
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_carried_out_once() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let outcomes = join_all((0..10).map(|_| send_once(&stage, chat, "key", "once"))).await;
    let n_sent = outcomes.into_iter().filter(|sent| *sent.as_ref().unwrap()).count();
    assert_eq!(n_sent, 1);
    assert_eq!(stage.queue(chat).await.len(), 1);
    let request = Request { owner: stage.owner, key: "key", digest: "once" };
    let answered = find_request(stage.db.reader(), request).await.unwrap().unwrap();
    assert_eq!((answered.chat, answered.queued), (chat, Some(stage.queue(chat).await[0].0)));
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_user() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    assert!(send_once(&stage, chat, "key", "once").await.unwrap());
    let other = send_once(&stage, chat, "key", "something else").await;
    assert!(matches!(other, Err(ChatServiceError::Conflict { .. })), "{other:?}");
    let bob = stage.user("bob").await;
    let theirs = Request { owner: bob, key: "key", digest: "theirs" };
    assert_eq!(find_request(stage.db.reader(), theirs).await.unwrap(), None);
}
