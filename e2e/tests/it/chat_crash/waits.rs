//! The server dies around a chat that waits for its owner or its client.

use anyhow::{Result, ensure};
use serde_json::json;
use warren_sdk::Client;
use warren_testkit::eventually;
use warren_vocab::ChatId;

use super::{
    LIFE,
    view::View,
    walk::{Walk, begin, begin_with, decide, decide_until_rest, find, send},
};

pub(super) async fn asked(walk: &mut Walk, number: usize, point: &str, approve: bool) -> Result<()> {
    let mark = format!("ask-{number}");
    let text = format!("Ask {mark}");
    let client = walk.doomed(point).await?;
    let mut view = if point.ends_with("enter_requires_action") {
        walk.through_death(&client, &text, walk.workspace).await?
    } else {
        let mut view = View::new(begin(&client, &text, walk.workspace).await?);
        view.until(&client, LIFE, |view| view.status == "requires_action").await?;
        // The server may die before it answers.
        drop(decide(&client, view.chat, approve).await);
        walk.revive().await?;
        view
    };
    let n_asked = decide_until_rest(&client, view.chat, approve).await?;
    view.until(&client, LIFE, |view| {
        view.status == "waiting" && view.answers().last().is_some_and(|text| text == "Done asking.")
    })
    .await?;
    view.agrees_with_history(&client).await?;
    let n_runs = walk.n_runs(&mark)?;
    ensure!(n_runs == usize::from(approve), "the command ran {n_runs} times: {:?}", view.results());
    ensure!(view.results().len() == 1, "{:?}", view.results());
    let is_told = walk.last_prompt().contains("did not allow");
    ensure!(approve != is_told, "the model is told {}", walk.last_prompt());
    ensure!(n_asked == 0 || point != "after:complete_requires_action", "a decision is asked for again");
    Ok(())
}

pub(super) async fn overdue(walk: &mut Walk, number: usize, point: &str) -> Result<()> {
    let mark = format!("ask-{number}");
    let text = format!("Ask {mark}");
    let client = walk.stage.client().await?;
    let mut view = View::new(begin(&client, &text, walk.workspace).await?);
    view.until(&client, LIFE, |view| view.status == "requires_action").await?;
    walk.doomed_after(point, "requires_action_deadline_at = created_at", &text).await?;
    walk.revive().await?;
    view.until(&client, LIFE, |view| {
        view.status == "waiting" && view.answers().last().is_some_and(|text| text == "Done asking.")
    })
    .await?;
    view.agrees_with_history(&client).await?;
    ensure!(walk.n_runs(&mark)? == 0, "a command that nobody approved ran");
    ensure!(
        walk.last_prompt().contains("Nobody answered in time"),
        "the model is told {}",
        walk.last_prompt()
    );
    Ok(())
}

pub(super) async fn given_up(walk: &mut Walk, number: usize, point: &str) -> Result<()> {
    let mark = format!("ask-{number}");
    let client = walk.doomed(point).await?;
    let mut view = View::new(begin(&client, &format!("Ask {mark}"), walk.workspace).await?);
    view.until(&client, LIFE, |view| view.status == "requires_action").await?;
    // The server may die before it answers.
    drop(client.interrupt_chat(view.chat).await);
    walk.revive().await?;
    if point.starts_with("before") {
        ensure!(client.chat(view.chat).await?.status.as_str() == "requires_action", "nothing was committed");
        client.interrupt_chat(view.chat).await?;
    }
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await?;
    ensure!(walk.n_runs(&mark)? == 0, "a command that was given up ran");
    ensure!(view.results().len() == 1 && view.results()[0].1, "{:?}", view.results());
    Ok(())
}

pub(super) async fn client_tool(walk: &mut Walk, number: usize, point: &str) -> Result<()> {
    let text = format!("Weather {number}");
    let client = walk.doomed(point).await?;
    let tools = json!([{ "name": "weather", "description": "Says the weather." }]);
    let made = begin_with(&client, &text, None, tools).await;
    let is_at_entrance = point.ends_with("enter_requires_action");
    let chat = match made {
        Ok(chat) if is_at_entrance => {
            walk.revive().await?;
            chat
        }
        Ok(chat) => {
            let mut view = View::new(chat);
            view.until(&client, LIFE, |view| view.status == "requires_action").await?;
            drop(answer(&client, chat, number).await);
            walk.revive().await?;
            chat
        }
        Err(_) => {
            walk.revive().await?;
            find(&client, &text).await?.ok_or_else(|| anyhow::anyhow!("the chat is gone"))?
        }
    };
    let n_answers = std::cell::Cell::new(0);
    eventually("the end of the turn", LIFE, || async {
        match client.chat(chat).await.ok()?.status.as_str() {
            "waiting" => Some(()),
            "requires_action" => {
                n_answers.set(n_answers.get() + usize::from(answer(&client, chat, number).await.is_ok()));
                None
            }
            _ => None,
        }
    })
    .await?;
    let wanted = usize::from(point != "after:complete_requires_action");
    ensure!(n_answers.get() == wanted, "{} more answers were taken", n_answers.get());
    let mut view = View::new(chat);
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await?;
    ensure!(view.answers() == ["So that is the weather."], "{:?}", view.answers());
    ensure!(view.results() == [(json!(format!("sunny-{number}")), false)], "{:?}", view.results());
    ensure!(walk.last_prompt().matches("sunny-").count() == 1, "the model is told {}", walk.last_prompt());
    Ok(())
}

pub(super) async fn question(walk: &mut Walk, number: usize, point: &str) -> Result<()> {
    let client = walk.doomed(point).await?;
    let mut view = walk.through_death(&client, &format!("Question {number}"), None).await?;
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    ensure!(view.results().len() == 1 && !view.results()[0].1, "{:?}", view.results());
    send(&client, view.chat, &format!("Blue {number}")).await?;
    view.until(&client, LIFE, |view| view.answers().last().is_some_and(|text| text == "Blue it is.")).await?;
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await
}

async fn answer(client: &Client, chat: ChatId, number: usize) -> Result<()> {
    let results = json!({ "results": [{ "tool_call_id": "weather-1", "output": format!("sunny-{number}"), "is_error": false }] });
    client.submit_chat_tool_results(chat, &serde_json::from_value(results)?).await?;
    Ok(())
}
