//! What a chat does in a real workspace: the scripted model decides, everything else is real.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{
    processes,
    stage::{BUILD, SOON, Stage},
};
use serde_json::{Value, json};
use warren_testkit::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_makes_a_workspace_and_works_in_it_across_a_crash_and_an_interrupt() -> Result<()> {
    let mut stage = Stage::new().await?;
    let outcome = story(&mut stage).await;
    stage.explain(outcome)
}

async fn story(stage: &mut Stage) -> Result<()> {
    stage.push_process_template().await?;
    let template = stage.client().await?.templates().await?.pop().context("a template was pushed")?;
    let marker = format!("86397.{}", stage.server.address().port());
    let _model = stage.with_model(&script(&template.id.to_string(), &marker)).await?;

    let printed = stage.warren(&["chat", "new", "--no-follow", "Make notes"]).await?;
    let chat = printed.split_whitespace().last().context("no id was printed")?.to_owned();
    a_command_is_found_again_after_a_crash(stage, &chat).await?;
    notes_were_made_once(stage, &chat).await?;
    an_interrupt_ends_the_processes(stage, &chat, &marker).await?;
    a_stopped_workspace_and_a_dead_agent_are_told(stage, &chat).await
}

async fn a_command_is_found_again_after_a_crash(stage: &mut Stage, chat: &str) -> Result<()> {
    // The workspace is named after the template and the chat.
    let begun = || async { (!stage_file(stage, "runs").is_empty()).then_some(()) };
    let waited = eventually("the command that waits", BUILD, begun).await;
    waited.with_context(|| "the chat did not get to its command")?;
    stage.server.kill()?;
    stage.server.restart().await?;
    let home = stage_home(stage).context("the workspace has a home directory")?;
    std::fs::write(home.join("gate"), "")?;
    let is_done = || async { (state(stage, chat).await.ok()?["status"] == "waiting").then_some(()) };
    eventually("the end of the turn", BUILD, is_done).await
}

async fn notes_were_made_once(stage: &Stage, chat: &str) -> Result<()> {
    ensure!(stage_file(stage, "runs") == "begun\n", "the command ran again: {:?}", stage_file(stage, "runs"));
    ensure!(stage_file(stage, "notes.txt") == "one\nthree\n", "{:?}", stage_file(stage, "notes.txt"));
    let results = results(stage, chat).await?;
    let names: Vec<_> = results.iter().map(|(name, ..)| name.as_str()).collect();
    let wanted = [
        "list_templates",
        "create_workspace",
        "write_file",
        "execute",
        "edit_files",
        "search_files",
        "read_file",
        "execute",
    ];
    ensure!(names == wanted, "the calls are {names:?}");
    for (name, result, is_error) in &results {
        ensure!(!is_error, "{name} failed: {result}");
    }
    ensure!(results[1].1["created"] == true, "{}", results[1].1);
    ensure!(results[3].1["output"] == "2\ntrue dumb\n", "{}", results[3].1);
    let diff = results[4].1["files"][0]["diff"].as_str().unwrap_or_default();
    ensure!(diff.contains("-two\n+three\n"), "the diff is {diff:?}");
    ensure!(
        results[5].1["matches"][0].as_str().unwrap_or_default().ends_with("notes.txt:2: three"),
        "{}",
        results[5].1
    );
    ensure!(results[6].1["content"] == "1\tone\n2\tthree", "{}", results[6].1);
    ensure!(results[7].1["output"] == "finished\n", "{}", results[7].1);
    Ok(())
}

async fn an_interrupt_ends_the_processes(stage: &Stage, chat: &str, marker: &str) -> Result<()> {
    stage.warren(&["chat", "send", "--no-follow", chat, "Hang"]).await?;
    let runs = || async { (processes::count_with(marker) > 0).then_some(()) };
    eventually("the start of the process", BUILD, runs).await?;
    let id = chat.parse()?;
    stage.client().await?.interrupt_chat(id).await?;
    let is_done = || async { (state(stage, chat).await.ok()?["status"] == "waiting").then_some(()) };
    eventually("the end of the interruption", SOON, is_done).await?;
    let is_gone = || async { (processes::count_with(marker) == 0).then_some(()) };
    let gone = eventually("the end of the processes", Duration::from_secs(10), is_gone).await;
    gone.with_context(|| format!("these run: {:?}", processes::list_with(marker)))?;
    let (_, result, is_error) = results(stage, chat).await?.pop().context("the call has a result")?;
    ensure!(is_error && result["interrupted"] == true, "the result is {result}");
    ensure!(result["error"].as_str().unwrap_or_default().contains("killed"), "the result is {result}");
    ensure!(result["output"] == "hanging\n", "the result is {result}");
    Ok(())
}

async fn a_stopped_workspace_and_a_dead_agent_are_told(stage: &Stage, chat: &str) -> Result<()> {
    stage.user.succeed(&["chat", "send", chat, "Stop"], BUILD).await?;
    let shown = results(stage, chat).await?;
    let [(_, stopped, _), (_, refused, is_error), (_, started, _), (_, status, _)] =
        &shown[shown.len() - 4..]
    else {
        anyhow::bail!("these are not four results: {shown:?}")
    };
    ensure!(stopped["stopped"] == true, "the result is {stopped}");
    ensure!(*is_error && refused["error_code"] == "workspace_stopped", "the result is {refused}");
    ensure!(started["started"] == true && started["agent_status"] == "ready", "the result is {started}");
    ensure!(status["status"] == "running" && status["agent_status"] == "connected", "the result is {status}");

    let root = stage.server.workspaces_dir().display().to_string();
    ensure!(processes::kill_with(&root)? > 0, "no agent runs");
    stage.user.succeed(&["chat", "send", chat, "Dead"], BUILD).await?;
    let (_, result, is_error) = results(stage, chat).await?.pop().context("the call has a result")?;
    let code = result["error_code"].as_str().unwrap_or_default();
    ensure!(
        is_error && ["agent_unreachable", "agent_disconnected"].contains(&code),
        "the result is {result}"
    );
    Ok(())
}

fn script(template: &str, marker: &str) -> String {
    let call = |name: &str, args: Value| json!({ "tool_call": { "name": name, "args": args } });
    let turn = |n: usize, steps: Value| json!({ "when": { "user": "Make notes", "tool_results": n }, "steps": steps });
    let edits = json!([{ "old_text": "two", "new_text": "three" }]);
    let waits = "echo begun >> ~/runs; until [ -e ~/gate ]; do sleep 0.1; done; echo finished";
    let hangs = format!("echo hanging; sleep {marker} & wait");
    let turns = json!([
        turn(0, json!([call("list_templates", json!({}))])),
        turn(1, json!([call("create_workspace", json!({ "template_id": template }))])),
        turn(2, json!([call("write_file", json!({ "path": "~/notes.txt", "content": "one\ntwo\n" }))])),
        turn(3, json!([call("execute", json!({ "command": "wc -l < ~/notes.txt; echo $CODER_CHAT_AGENT $TERM" }))])),
        turn(4, json!([call("edit_files", json!({ "files": [{ "path": "~/notes.txt", "edits": edits }] }))])),
        turn(5, json!([
            call("search_files", json!({ "path": "~", "name": "*.txt", "content": "th.ee" })),
            call("read_file", json!({ "path": "~/notes.txt" })),
        ])),
        turn(7, json!([call("execute", json!({ "command": waits, "timeout": "5m" }))])),
        turn(8, json!([{ "text": "The notes are made." }])),
        { "when": { "user": "Stop", "tool_results": 0 }, "steps": [call("stop_workspace", json!({}))] },
        { "when": { "user": "Stop", "tool_results": 1 }, "steps": [call("execute", json!({ "command": "true" }))] },
        { "when": { "user": "Stop", "tool_results": 2 }, "steps": [
            call("start_workspace", json!({})), call("workspace_status", json!({})) ] },
        { "when": { "user": "Stop" }, "steps": [{ "text": "It was stopped and started." }] },
        { "when": { "user": "Dead", "tool_results": 0 }, "steps": [call("execute", json!({ "command": "true" }))] },
        { "when": { "user": "Dead" }, "steps": [{ "text": "It cannot be reached." }] },
        { "when": { "user": "Hang" }, "steps": [call("execute", json!({ "command": hangs, "timeout": "5m" }))] },
    ]);
    json!({ "turns": turns }).to_string()
}

/// The chat as the API shows it.
async fn state(stage: &Stage, chat: &str) -> Result<Value> {
    Ok(serde_json::to_value(stage.client().await?.chat(chat.parse()?).await?)?)
}

/// Names, results and failures of all tool calls, in the order of the history.
async fn results(stage: &Stage, chat: &str) -> Result<Vec<(String, Value, bool)>> {
    let page = stage.client().await?.chat_messages(chat.parse()?).await?;
    let mut messages = serde_json::to_value(page)?["messages"].as_array().cloned().unwrap_or_default();
    messages.sort_by_key(|message| message["id"].as_i64());
    let parts =
        messages.iter().flat_map(|message| message["content"].as_array().cloned().unwrap_or_default());
    let results = parts.filter(|part| part["type"] == "tool-result").map(|part| {
        let name = part["tool_name"].as_str().unwrap_or_default().to_owned();
        (name, part["result"].clone(), part["is_error"] == true)
    });
    Ok(results.collect())
}

/// The home directory of the only workspace, once there is one.
fn stage_home(stage: &Stage) -> Option<std::path::PathBuf> {
    let workspace = std::fs::read_dir(stage.server.workspaces_dir()).ok()?.find_map(Result::ok)?.path();
    Some(workspace.join("home"))
}

/// A file in the home directory of the only workspace; empty when it is not there.
fn stage_file(stage: &Stage, name: &str) -> String {
    let read = stage_home(stage).map(|home| std::fs::read_to_string(home.join(name)).unwrap_or_default());
    read.unwrap_or_default()
}
