//! The server dies while the model answers.

use anyhow::{Result, ensure};

use super::{
    LIFE,
    view::View,
    walk::{Walk, begin, decide_until_rest, find, send},
};

pub(super) async fn turn(walk: &mut Walk, number: usize, point: &str) -> Result<()> {
    let mark = format!("mark-{number}");
    let client = walk.doomed(point).await?;
    let mut view = walk.through_death(&client, &format!("Run {mark}"), walk.workspace).await?;
    // The command may have run; this user does not want it again.
    decide_until_rest(&client, view.chat, false).await?;
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await?;
    ensure!(view.answers().last().is_some_and(|text| text == "It has run."), "{:?}", view.answers());
    let n_runs = walk.n_runs(&mark)?;
    let is_known = view.results().iter().all(|(_, is_error)| !is_error);
    ensure!(n_runs <= 1, "the command ran {n_runs} times");
    ensure!(!is_known || n_runs == 1, "the command is said to have run and has not: {:?}", view.results());
    Ok(())
}

pub(super) async fn retried(walk: &mut Walk, point: &str) -> Result<()> {
    let view = walk.follow_to_rest(point, &format!("Stumble at {point}"), "waiting").await?;
    ensure!(view.answers() == ["Up again."], "{:?}", view.answers());
    Ok(())
}

pub(super) async fn failed(walk: &mut Walk, point: &str) -> Result<()> {
    let view = walk.follow_to_rest(point, &format!("Fail at {point}"), "error").await?;
    ensure!(view.error.contains("key"), "the error is {:?}", view.error);
    Ok(())
}

/// Titles and summaries are made beside the turn: one that is lost is not made up for, and the turn does not suffer.
pub(super) async fn named(walk: &mut Walk, point: &str) -> Result<()> {
    let text = format!("Name {point}");
    let client = walk.doomed(point).await?;
    let mut view = match begin(&client, &text, None).await {
        Ok(chat) => {
            let mut view = View::new(chat);
            view.until_lost(&client, LIFE).await?;
            walk.revive().await?;
            view
        }
        Err(_) => {
            walk.revive().await?;
            let known = find(&client, &text).await?;
            let chat = match known {
                Some(chat) => Some(chat),
                None => find(&client, "A fine title").await?,
            };
            View::new(chat.ok_or_else(|| anyhow::anyhow!("the chat is gone"))?)
        }
    };
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await?;
    ensure!(view.answers() == ["It is named."], "{:?}", view.answers());
    let chat = client.chat(view.chat).await?;
    let is_kept = chat.title == "A fine title";
    ensure!(is_kept || chat.title == text, "the title is {:?}", chat.title);
    ensure!(is_kept || point != "after:title", "the title is lost");
    let summary = chat.last_turn_summary.unwrap_or_default();
    ensure!(summary.is_empty() || summary == "Gave a name", "the summary is {summary:?}");
    ensure!(!summary.is_empty() || point != "after:turn_summary", "the summary is lost");
    Ok(())
}

pub(super) async fn compacted(walk: &mut Walk, point: &str) -> Result<()> {
    let client = walk.doomed(point).await?;
    let mut view = View::new(begin(&client, &format!("Compact {point}"), None).await?);
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    // The server may die before it answers.
    drop(send(&client, view.chat, &format!("Go on {point}")).await);
    walk.revive().await?;
    view.until(&client, LIFE, |view| {
        view.status == "waiting" && view.answers().last().is_some_and(|text| text == "Went further.")
    })
    .await?;
    view.agrees_with_history(&client).await?;
    ensure!(view.answers() == ["The first part.", "Went further."], "{:?}", view.answers());
    let n_summaries =
        view.results().iter().filter(|(result, _)| result["summary"] == "What was said so far.").count();
    ensure!(n_summaries == 1, "{n_summaries} summaries");
    let prompt = walk.last_prompt();
    ensure!(prompt.contains("What was said so far."), "the model goes on without the summary: {prompt}");
    let n_requests = prompt.matches(&format!("Go on {point}")).count();
    ensure!(n_requests == 1, "the request is told {n_requests} times: {prompt}");
    Ok(())
}
