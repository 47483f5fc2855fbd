//! An agent that dies in the middle of a command forgets what it did. Nobody makes up an outcome: the owner is asked, and the
//! command runs again only when they say so.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{
    processes,
    stage::{BUILD, Stage},
};
use serde_json::{Value, json};
use warren_api::chats::{ChatApprovalReason, CreateChatRequest};
use warren_dev_model::ScriptedModel;
use warren_sdk::Client;
use warren_testkit::eventually;
use warren_vocab::{ChatId, WorkspaceId};

/// How long a chat may take to find out that nobody knows.
const DOUBT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_agent_died_runs_again_only_when_its_owner_says_so() -> Result<()> {
    let mut stage = Stage::new().await?;
    let outcome = async {
        stage.push_process_template().await?;
        stage.create("dev").await?;
        let model = stage.with_model(&script()).await?;
        let client = stage.client().await?;
        let found = client.workspaces("").await?.workspaces.pop().context("there is a workspace")?;
        denied(&mut stage, &client, &model, found.id).await?;
        stage.build(&["stop", "dev", "-y"]).await?;
        stage.build(&["start", "dev", "-y"]).await?;
        approved(&mut stage, &client, &model, found.id).await
    };
    let outcome = outcome.await;
    stage.explain(outcome)
}

async fn denied(
    stage: &mut Stage,
    client: &Client,
    model: &ScriptedModel,
    workspace: WorkspaceId,
) -> Result<()> {
    let chat = in_doubt(stage, client, workspace, "one").await?;
    decide(client, chat, false).await?;
    until_rest(client, chat).await?;
    ensure!(n_runs(stage, "one")? == 1, "the command ran again");
    let prompt = last_prompt(model);
    ensure!(prompt.contains("outcome") && prompt.contains("unknown"), "the model is told {prompt}");
    Ok(())
}

async fn approved(
    stage: &mut Stage,
    client: &Client,
    model: &ScriptedModel,
    workspace: WorkspaceId,
) -> Result<()> {
    let chat = in_doubt(stage, client, workspace, "two").await?;
    ensure!(n_runs(stage, "two")? == 1, "the command ran before anybody was asked");
    stage.build(&["stop", "dev", "-y"]).await?;
    stage.build(&["start", "dev", "-y"]).await?;
    ensure!(n_runs(stage, "two")? == 1, "the command ran before anybody decided");
    // Lets the command end this time.
    for home in homes(stage)? {
        std::fs::write(home.join("gate"), "")?;
    }
    decide(client, chat, true).await?;
    until_rest(client, chat).await?;
    ensure!(n_runs(stage, "two")? == 2, "the command did not run again");
    let prompt = last_prompt(model);
    ensure!(prompt.contains("finished two"), "the model is told {prompt}");
    Ok(())
}

/// Lets the server and the agent die in the middle of a command, and waits until the owner is asked.
async fn in_doubt(stage: &mut Stage, client: &Client, workspace: WorkspaceId, mark: &str) -> Result<ChatId> {
    let organization = client.organizations().await?.first().context("there is an organization")?.id;
    let request: CreateChatRequest = serde_json::from_value(json!({
        "organization_id": organization,
        "content": [{ "type": "text", "text": format!("Run {mark}") }],
        "workspace_id": workspace,
    }))?;
    let chat = client.create_chat(&request).await?.id;
    eventually("the start of the command", BUILD, || async {
        n_runs(stage, mark).is_ok_and(|n_runs| n_runs == 1).then_some(())
    })
    .await?;
    stage.server.kill()?;
    let root = stage.server.workspaces_dir().display().to_string();
    ensure!(processes::kill_with(&root)? > 0, "no agent runs");
    stage.server.restart().await?;
    eventually("the question", DOUBT, || async {
        (client.chat(chat).await.ok()?.status.as_str() == "requires_action").then_some(())
    })
    .await?;
    let asked = client.chat_approvals(chat).await?.approvals;
    ensure!(asked.len() == 1 && asked[0].reason == ChatApprovalReason::OutcomeUnknown, "{asked:?}");
    ensure!(!asked[0].message.is_empty(), "the question says nothing");
    Ok(chat)
}

async fn decide(client: &Client, chat: ChatId, approve: bool) -> Result<()> {
    let asked = client.chat_approvals(chat).await?.approvals;
    let decisions = asked.iter().map(|ask| json!({ "tool_call_id": ask.tool_call_id, "approve": approve }));
    let request: Value = json!({ "decisions": decisions.collect::<Vec<_>>() });
    client.decide_chat_approvals(chat, &serde_json::from_value(request)?).await?;
    Ok(())
}

async fn until_rest(client: &Client, chat: ChatId) -> Result<()> {
    eventually("the end of the turn", DOUBT, || async {
        (client.chat(chat).await.ok()?.status.as_str() == "waiting").then_some(())
    })
    .await
}

fn n_runs(stage: &Stage, mark: &str) -> Result<usize> {
    let runs =
        homes(stage)?.into_iter().map(|home| std::fs::read_to_string(home.join("runs")).unwrap_or_default());
    Ok(runs.collect::<String>().lines().filter(|line| *line == mark).count())
}

fn homes(stage: &Stage) -> Result<Vec<std::path::PathBuf>> {
    let all = std::fs::read_dir(stage.server.workspaces_dir())?.filter_map(Result::ok);
    Ok(all.map(|entry| entry.path().join("home")).filter(|home| home.is_dir()).collect())
}

fn last_prompt(model: &ScriptedModel) -> String {
    model.requests().last().map(|request| request["messages"].to_string()).unwrap_or_default()
}

fn script() -> String {
    let run = |mark: &str| {
        let command =
            format!("echo {mark} >> ~/runs; until [ -e ~/gate ]; do sleep 0.1; done; echo finished {mark}");
        json!({ "when": { "user": format!("Run {mark}"), "tool_results": 0 }, "steps": [
            { "tool_call": { "name": "execute", "args": { "command": command, "timeout": "5m" } } },
        ] })
    };
    let end = json!({ "when": { "user": "Run" }, "steps": [{ "text": "I know now." }] });
    json!({ "turns": [run("one"), run("two"), end] }).to_string()
}
