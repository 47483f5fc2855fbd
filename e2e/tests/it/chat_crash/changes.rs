//! The server dies while its user changes a chat.

use anyhow::{Context, Result, ensure};
use e2e::stage::SOON;
use serde_json::json;
use warren_sdk::Client;
use warren_testkit::eventually;
use warren_vocab::QueuedMessageId;

use super::{
    LIFE,
    view::View,
    walk::{Walk, begin, find, send},
};

pub(super) async fn interrupted(walk: &mut Walk, point: &str) -> Result<()> {
    let client = walk.doomed(point).await?;
    let mut view = hanging(&client, point).await?;
    let chat = view.chat;
    // The server may die before it answers.
    drop(client.interrupt_chat(chat).await);
    walk.revive().await?;
    eventually("the interrupt is taken or done", SOON, || async {
        let is_over = client.chat(chat).await.is_ok_and(|chat| chat.status.as_str() == "waiting");
        (is_over || client.interrupt_chat(chat).await.is_ok()).then_some(())
    })
    .await?;
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await?;
    // A life that has begun a new attempt may have been stopped before it said anything.
    let answers = view.answers();
    ensure!(answers.is_empty() || answers == ["Half an answer "], "{answers:?}");
    Ok(())
}

pub(super) async fn queued(walk: &mut Walk, point: &str) -> Result<()> {
    let client = walk.doomed(point).await?;
    let mut view = hanging(&client, point).await?;
    let answer = send(&client, view.chat, &format!("Next {point}")).await;
    ensure!(answer.is_err(), "the server was to die");
    walk.revive().await?;
    let wanted = usize::from(point.starts_with("after"));
    ends_with_queue(&client, &mut view, wanted).await
}

pub(super) async fn unqueued(walk: &mut Walk, point: &str) -> Result<()> {
    let client = walk.doomed(point).await?;
    let mut view = hanging(&client, point).await?;
    let message = one_queued(&client, &view, point).await?;
    let answer = client.delete_queued_chat_message(view.chat, message).await;
    ensure!(answer.is_err(), "the server was to die");
    walk.revive().await?;
    let wanted = usize::from(point.starts_with("before"));
    ends_with_queue(&client, &mut view, wanted).await
}

pub(super) async fn promoted(walk: &mut Walk, point: &str) -> Result<()> {
    let client = walk.doomed(point).await?;
    let mut view = hanging(&client, point).await?;
    let message = one_queued(&client, &view, point).await?;
    // The server may die before it answers.
    drop(client.promote_queued_chat_message(view.chat, message).await);
    walk.revive().await?;
    if point.starts_with("before") {
        return ends_with_queue(&client, &mut view, 1).await;
    }
    view.until(&client, LIFE, |view| view.answers().last().is_some_and(|text| text == "Went on.")).await?;
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await
}

pub(super) async fn edited(walk: &mut Walk, point: &str) -> Result<()> {
    let client = walk.doomed(point).await?;
    let mut view = View::new(begin(&client, &format!("Draft {point}"), None).await?);
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    let messages = client.chat_messages(view.chat).await?.messages;
    let first = messages.iter().find(|message| message.role.as_str() == "user").context("a message")?.id;
    let request = json!({ "content": [{ "type": "text", "text": format!("Final {point}") }] });
    let answer = client.edit_chat_message(view.chat, first, &serde_json::from_value(request)?).await;
    ensure!(answer.is_err(), "the server was to die");
    walk.revive().await?;
    let wanted = if point.starts_with("after") { "The final one." } else { "A draft." };
    view.until(&client, LIFE, |view| view.status == "waiting" && view.answers() == [wanted]).await?;
    view.agrees_with_history(&client).await
}

pub(super) async fn archived(walk: &mut Walk, point: &str) -> Result<()> {
    let client = walk.doomed(point).await?;
    let mut view = View::new(begin(&client, &format!("Make {point}"), None).await?);
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    let patch = serde_json::from_value(json!({ "archived": true }))?;
    ensure!(client.update_chat(view.chat, &patch).await.is_err(), "the server was to die");
    walk.revive().await?;
    let is_archived = client.chat(view.chat).await?.archived;
    ensure!(is_archived == point.starts_with("after"), "it is archived: {is_archived}");
    Ok(())
}

pub(super) async fn created(walk: &mut Walk, point: &str) -> Result<()> {
    let text = format!("Make {point}");
    let client = walk.doomed(point).await?;
    ensure!(begin(&client, &text, None).await.is_err(), "the server was to die");
    walk.revive().await?;
    let found = find(&client, &text).await?;
    ensure!(found.is_some() == point.starts_with("after"), "the chat is {found:?}");
    let Some(chat) = found else { return Ok(()) };
    let mut view = View::new(chat);
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await?;
    ensure!(view.answers() == ["Made."], "{:?}", view.answers());
    Ok(())
}

/// A row that no transition makes: an older program may have left it.
pub(super) async fn repaired(walk: &mut Walk, point: &str) -> Result<()> {
    let text = format!("Make {point}");
    let client = walk.stage.client().await?;
    let mut view = View::new(begin(&client, &text, None).await?);
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    walk.doomed_after(point, "status = 'pending'", &text).await?;
    walk.revive().await?;
    view.until(&client, LIFE, |view| view.status == "error").await?;
    ensure!(view.error.contains("has been repaired"), "the error is {:?}", view.error);
    send(&client, view.chat, &format!("Next {point}")).await?;
    view.until(&client, LIFE, |view| view.answers() == ["Made.", "Went on."]).await?;
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await
}

/// A chat whose model has said a half and says nothing more.
async fn hanging(client: &Client, point: &str) -> Result<View> {
    let mut view = View::new(begin(client, &format!("Hang {point}"), None).await?);
    view.until(client, LIFE, |view| view.preview == "Half an answer ").await?;
    Ok(view)
}

async fn one_queued(client: &Client, view: &View, point: &str) -> Result<QueuedMessageId> {
    send(client, view.chat, &format!("Next {point}")).await?;
    let queue = client.chat_messages(view.chat).await?.queued_messages;
    Ok(queue.first().context("a message waits")?.id)
}

/// So many messages wait, and are answered once the model stops to hang.
async fn ends_with_queue(client: &Client, view: &mut View, n_wanted: usize) -> Result<()> {
    let n_queued = client.chat_messages(view.chat).await?.queued_messages.len();
    ensure!(n_queued == n_wanted, "{n_queued} messages wait");
    client.interrupt_chat(view.chat).await?;
    view.until(client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(client).await?;
    let n_answers = view.answers().iter().filter(|text| *text == "Went on.").count();
    ensure!(n_answers == n_wanted, "{:?}", view.answers());
    Ok(())
}
