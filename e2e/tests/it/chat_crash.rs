//! The server dies at every step of a turn, right before and right after each commit. After the next start the chat goes on,
//! nothing that a viewer saw is taken back without an event that says so, and no command has run twice.
//!
//! The points are those of `warren-chat`, which a server that is not built for release stops at when it is told to.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::stage::{SOON, Stage};
use serde_json::{Value, json};
use warren_api::chats::{ChatInputPart, CreateChatRequest};
use warren_sdk::Client;
use warren_testkit::eventually;
use warren_vocab::{ChatId, WorkspaceId};

mod view;

use view::View;

/// Time for a life of the server: it dies or the turn ends.
const LIFE: Duration = Duration::from_secs(60);

/// A turn with an answer, a command and another answer: every commit of it, and the first parts of each stage.
const TURN: &[&str] = &[
    "before:acquire",
    "after:acquire",
    "before:record_attempt",
    "after:record_attempt",
    "before:parts",
    "after:parts",
    "before:parts#2",
    "after:parts#2",
    "before:commit_step",
    "after:commit_step",
    "before:record_attempt#2",
    "after:record_attempt#2",
    "before:tool_start",
    "after:tool_start",
    "before:tool_finish",
    "after:tool_finish",
    "before:commit_step#2",
    "after:commit_step#2",
    "before:record_attempt#3",
    "after:record_attempt#3",
    "before:commit_step#3",
    "after:commit_step#3",
    "before:finish_turn",
    "after:finish_turn",
    "before:abandon",
    "after:abandon",
];
const RETRY: &[&str] = &["before:record_retry", "after:record_retry"];
const ERROR: &[&str] = &["before:finish_error", "after:finish_error"];
const INTERRUPT: &[&str] =
    &["before:interrupt", "after:interrupt", "before:finish_interruption", "after:finish_interruption"];
const QUEUE: &[&str] = &["before:send", "after:send"];

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_the_server_dies_in_is_finished_and_its_command_runs_once() -> Result<()> {
    let mut stage = Stage::new().await?;
    let outcome = async {
        stage.push_process_template().await?;
        stage.create("dev").await?;
        let _model = stage.with_model(&script()).await?;
        for (number, point) in TURN.iter().enumerate() {
            turn(&mut stage, number, point).await.with_context(|| format!("at {point}"))?;
        }
        Ok(())
    };
    let outcome = outcome.await;
    stage.explain(outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_errors_interrupts_and_queues_outlive_the_server() -> Result<()> {
    let mut stage = Stage::new().await?;
    let outcome = async {
        let _model = stage.with_model(&script()).await?;
        for point in RETRY {
            retried(&mut stage, point).await.with_context(|| format!("at {point}"))?;
        }
        for point in ERROR {
            failed(&mut stage, point).await.with_context(|| format!("at {point}"))?;
        }
        for point in INTERRUPT {
            interrupted(&mut stage, point).await.with_context(|| format!("at {point}"))?;
        }
        for point in QUEUE {
            queued(&mut stage, point).await.with_context(|| format!("at {point}"))?;
        }
        Ok(())
    };
    let outcome = outcome.await;
    stage.explain(outcome)
}

async fn turn(stage: &mut Stage, number: usize, point: &str) -> Result<()> {
    let mark = format!("mark-{number}");
    let workspace =
        stage.client().await?.workspaces("").await?.workspaces.pop().context("there is a workspace")?;
    let text = format!("Run {mark}");
    let client = doomed(stage, point).await?;
    let mut view = through_death(stage, &client, &text, Some(workspace.id)).await?;
    view.until(&client, LIFE, |view| view.status == "waiting" || view.status == "requires_action").await?;
    if view.status == "requires_action" {
        // The command may have run; this user does not want it again.
        deny(stage, view.chat).await?;
        view.until(&client, LIFE, |view| view.status == "waiting").await?;
    }
    view.agrees_with_history(&client).await?;
    ensure!(view.answers().last().is_some_and(|text| text == "It has run."), "{:?}", view.answers());
    let runs = std::fs::read_dir(stage.server.workspaces_dir())?
        .filter_map(Result::ok)
        .map(|home| std::fs::read_to_string(home.path().join("home/runs")).unwrap_or_default())
        .collect::<String>();
    let n_runs = runs.lines().filter(|line| *line == mark).count();
    let is_known = view.results().iter().all(|(_, is_error)| !is_error);
    ensure!(n_runs <= 1, "the command ran {n_runs} times");
    ensure!(!is_known || n_runs == 1, "the command is said to have run and has not: {:?}", view.results());
    Ok(())
}

async fn retried(stage: &mut Stage, point: &str) -> Result<()> {
    let view = to_rest(stage, point, &format!("Stumble at {point}"), "waiting").await?;
    ensure!(view.answers() == ["Up again."], "{:?}", view.answers());
    Ok(())
}

async fn failed(stage: &mut Stage, point: &str) -> Result<()> {
    let view = to_rest(stage, point, "Fail", "error").await?;
    ensure!(view.error.contains("key"), "the error is {:?}", view.error);
    Ok(())
}

async fn interrupted(stage: &mut Stage, point: &str) -> Result<()> {
    let client = doomed(stage, point).await?;
    let chat = begin(&client, "Hang", None).await?;
    let mut view = View::new(chat);
    view.until(&client, LIFE, |view| view.preview == "Half an answer ").await?;
    // The server may die before it answers.
    let _ = client.interrupt_chat(chat).await;
    stage.server.ended(LIFE).await?;
    stage.server.restart().await?;
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

async fn queued(stage: &mut Stage, point: &str) -> Result<()> {
    let client = doomed(stage, point).await?;
    let chat = begin(&client, "Hang", None).await?;
    let mut view = View::new(chat);
    view.until(&client, LIFE, |view| view.preview == "Half an answer ").await?;
    let message = serde_json::from_value(json!({ "content": [{ "type": "text", "text": "Next" }] }))?;
    let answer = client.send_chat_message(chat, &message).await;
    ensure!(answer.is_err(), "the server was to die");
    stage.server.ended(LIFE).await?;
    stage.server.restart().await?;
    let n_queued = client.chat_messages(chat).await?.queued_messages.len();
    let wanted = usize::from(point.starts_with("after"));
    ensure!(n_queued == wanted, "{n_queued} messages wait");
    client.interrupt_chat(chat).await?;
    view.until(&client, LIFE, |view| view.status == "waiting").await?;
    view.agrees_with_history(&client).await?;
    let has_answer = view.answers().contains(&String::from("Went on."));
    ensure!(has_answer == (wanted == 1), "{:?}", view.answers());
    Ok(())
}

/// Makes a chat whose server dies at the point, starts the server again and follows the chat to its rest.
async fn to_rest(stage: &mut Stage, point: &str, text: &str, rest: &str) -> Result<View> {
    let client = doomed(stage, point).await?;
    let mut view = through_death(stage, &client, text, None).await?;
    view.until(&client, LIFE, |view| view.status == rest).await?;
    view.agrees_with_history(&client).await?;
    Ok(view)
}

/// Makes a chat and looks at it until the server has died; then starts the server again. It may die before it answers, as
/// a worker takes a chat at once; the chat is there all the same.
async fn through_death(
    stage: &mut Stage,
    client: &Client,
    text: &str,
    workspace: Option<WorkspaceId>,
) -> Result<View> {
    let seen = match begin(client, text, workspace).await {
        Ok(chat) => {
            let mut view = View::new(chat);
            view.until_lost(client, LIFE).await?;
            Some(view)
        }
        Err(_) => None,
    };
    stage.server.ended(LIFE).await?;
    stage.server.restart().await?;
    match seen {
        Some(view) => Ok(view),
        None => {
            let chats = client.chats().await?;
            let made = chats.iter().find(|chat| chat.title == text).context("the chat was made")?;
            Ok(View::new(made.id))
        }
    }
}

/// Starts the server anew, so that it dies at the point.
async fn doomed(stage: &mut Stage, point: &str) -> Result<Client> {
    let client = stage.client().await?;
    stage.server.stop().await?;
    stage.server.restart_with(&[("TEST_CRASH_AT", point)]).await?;
    Ok(client)
}

async fn begin(client: &Client, text: &str, workspace: Option<WorkspaceId>) -> Result<ChatId> {
    let organization = client.organizations().await?.first().context("there is an organization")?.id;
    let request: CreateChatRequest = serde_json::from_value(json!({
        "organization_id": organization,
        "content": [ChatInputPart::text(text)],
        "workspace_id": workspace,
    }))?;
    Ok(client.create_chat(&request).await?.id)
}

/// Says no to everything that is asked.
async fn deny(stage: &Stage, chat: ChatId) -> Result<()> {
    let http = reqwest::Client::new();
    let url = stage.server.url().join(&format!("api/experimental/chats/{chat}/approvals"))?;
    let token = stage.warren(&["login", "token"]).await?;
    let pending: Value =
        http.get(url.clone()).header("Coder-Session-Token", token.trim()).send().await?.json().await?;
    let decisions: Vec<_> = pending["approvals"]
        .as_array()
        .context("no approvals")?
        .iter()
        .map(|ask| json!({ "tool_call_id": ask["tool_call_id"], "approve": false }))
        .collect();
    let body = json!({ "decisions": decisions });
    let answer = http.post(url).header("Coder-Session-Token", token.trim()).json(&body).send().await?;
    ensure!(answer.status() == 204, "{}", answer.text().await?);
    Ok(())
}

fn script() -> String {
    let marks = (0..TURN.len()).map(|number| {
        let mark = format!("mark-{number}");
        json!({ "when": { "user": format!("Run {mark}"), "tool_results": 0 }, "steps": [
            { "text": "I run it. " },
            { "tool_call": { "name": "execute", "args": { "command": format!("echo {mark} >> ~/runs") } } },
        ] })
    });
    // Longer numbers first: `mark-1` is part of `mark-10`.
    let mut turns: Vec<_> = marks.rev().collect();
    let stumble = json!([{ "fail": { "status": 500, "message": "no" } }]);
    turns.extend([
        // Messages that nobody answered are told as one with the next, so the next is looked for first.
        json!({ "when": { "user": "Next" }, "steps": [{ "text": "Went on." }] }),
        json!({ "when": { "user": "Run mark" }, "steps": [{ "text": "It has run." }] }),
        json!({ "when": { "user": "Stumble at before", "nth": 1 }, "steps": stumble }),
        json!({ "when": { "user": "Stumble at after", "nth": 1 }, "steps": stumble }),
        json!({ "when": { "user": "Stumble" }, "steps": [{ "text": "Up again." }] }),
        json!({ "when": { "user": "Fail" }, "steps": [{ "fail": { "status": 401, "message": "bad key" } }] }),
        json!({ "when": { "user": "Hang" }, "steps": [{ "text": "Half an answer " }, { "stall": null }] }),
    ]);
    json!({ "turns": turns }).to_string()
}
