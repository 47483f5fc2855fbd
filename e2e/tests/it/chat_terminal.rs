//! A person who works with chats on the command line alone.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use e2e::stage::{SOON, Stage};
use reqwest::Method;
use serde_json::{Value, json};
use warren_testkit::{Background, Finished, eventually};

const WAITS: Option<i32> = Some(2);
const LEFT: Option<i32> = Some(130);

#[tokio::test(flavor = "multi_thread")]
async fn approvals_questions_and_results_of_tools_are_answered_on_the_command_line() -> Result<()> {
    let stage = Stage::new().await?;
    let outcome = async {
        let _model = stage.with_model(&script()).await?;
        an_approval_is_given_and_remembered(&stage).await?;
        a_refusal_is_told_to_the_model(&stage).await?;
        a_question_is_answered(&stage).await?;
        a_person_at_the_terminal_is_asked(&stage).await?;
        a_tool_of_a_client_is_answered(&stage).await
    };
    let outcome = outcome.await;
    stage.explain(outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_found_stopped_left_and_exported() -> Result<()> {
    let stage = Stage::new().await?;
    let outcome = async {
        let _model = stage.with_model(&script()).await?;
        let chat =
            first_line(&stage.warren(&["chat", "new", "--no-follow", "-l", "team=core", "Hang on"]).await?)?;
        a_viewer_leaves_and_the_chat_goes_on(&stage, &chat).await?;
        a_chat_is_stopped_once(&stage, &chat).await?;
        chats_are_listed(&stage, &chat).await?;
        what_waits_is_stopped(&stage).await?;
        a_chat_is_exported(&stage, &chat).await?;
        wrong_words_are_refused(&stage, &chat).await
    };
    let outcome = outcome.await;
    stage.explain(outcome)
}

async fn an_approval_is_given_and_remembered(stage: &Stage) -> Result<()> {
    let rules = json!({ "rules": [{ "tool": "list_templates", "action": "ask" }] });
    api(stage, Method::PUT, "chats/config/user-tool-approvals", rules).await?;
    let done = stage.user.run(&["chat", "new", "Look around"], SOON).await?;
    says(
        &done,
        WAITS,
        "? The agent wants to use list_templates. A rule asks for your approval.\n    query: all\n",
    )?;
    let chat = done.stderr.lines().find_map(|line| line.strip_prefix("Chat ")).context("the id is told")?;
    let command = format!("warren chat approve {chat} call_look\n");
    says(&done, WAITS, &command)?;

    let listed = stage.warren(&["chat", "approve", chat]).await?;
    ensure!(listed.contains("call_look") && listed.contains("List templates all"), "it lists {listed}");
    let listed: Value = serde_json::from_str(&stage.warren(&["chat", "approve", chat, "-o", "json"]).await?)?;
    ensure!(listed[0]["tool_name"] == "list_templates", "it lists {listed}");
    let waits = stage.warren(&["chat", "list", "-c", "id,status"]).await?;
    ensure!(waits.contains("requires_action"), "it lists {waits}");
    let wrong = stage.user.run(&["chat", "approve", chat, "call_other"], SOON).await?;
    says(&wrong, Some(1), "no call \"call_other\" waits; these do: call_look")?;

    let beginning = &chat[..8];
    let approved = stage.warren(&["chat", "approve", beginning, "call_look", "--remember"]).await?;
    ensure!(approved.contains("Approved, now and later in this chat: List templates"), "it says {approved}");
    let shown = stage.user.succeed(&["chat", "follow", beginning], SOON).await?;
    ensure!(shown.contains("● List templates all\n  ✔ done\n\nNothing is there.\n"), "it shows\n{shown}");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
    let mut command = stage.user.warren(&["chat", "follow", chat]);
    let done = command.stdout(full).output()?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(said.starts_with("error: standard output cannot be written"), "it says {said}");
    let nothing = stage.user.run(&["chat", "approve", chat, "--all"], SOON).await?;
    says(&nothing, Some(1), "nothing waits for your approval in this chat; it is waiting")?;

    let again = stage.user.succeed(&["chat", "send", chat, "Look around again"], SOON).await?;
    ensure!(again.ends_with("Nothing is there.\n") && !again.contains('?'), "it asks again:\n{again}");
    Ok(())
}

async fn a_refusal_is_told_to_the_model(stage: &Stage) -> Result<()> {
    let done = stage.user.run(&["chat", "new", "Look around"], SOON).await?;
    let chat = done.stderr.lines().find_map(|line| line.strip_prefix("Chat ")).context("the id is told")?;
    stage.warren(&["chat", "approve", chat, "--all", "--deny", "--note", "look at the door"]).await?;
    let shown = stage.user.succeed(&["chat", "follow", chat], SOON).await?;
    ensure!(shown.contains("look at the door") && shown.contains("⊘ not allowed"), "it shows\n{shown}");
    Ok(())
}

async fn a_question_is_answered(stage: &Stage) -> Result<()> {
    let done = stage.user.run(&["chat", "new", "Ask me"], SOON).await?;
    let chat = done.stderr.lines().find_map(|line| line.strip_prefix("Chat ")).context("the id is told")?;
    says(&done, WAITS, "? Which database?\n  1  SQLite  one file\n  2  PostgreSQL  for teams\n")?;
    says(&done, WAITS, &format!("warren chat answer {chat} <number or your own words>"))?;
    let asked = stage.warren(&["chat", "answer", chat]).await?;
    ensure!(asked.contains("2  PostgreSQL"), "it shows {asked}");
    let asked: Value = serde_json::from_str(&stage.warren(&["chat", "answer", chat, "-o", "json"]).await?)?;
    ensure!(asked["questions"][0]["options"][1]["label"] == "PostgreSQL", "it shows {asked}");
    let wrong = stage.user.run(&["chat", "answer", chat, "3"], SOON).await?;
    says(&wrong, Some(1), "there is no option 3, only 1 to 2")?;
    let answered = stage.warren(&["chat", "answer", chat, "2"]).await?;
    ensure!(answered == "Answered: PostgreSQL\n", "it says {answered}");
    let shown = stage.user.succeed(&["chat", "follow", chat], SOON).await?;
    ensure!(shown.ends_with("> PostgreSQL\n\nPostgreSQL it is.\n"), "it shows\n{shown}");
    let nothing = stage.user.run(&["chat", "answer", chat, "1"], SOON).await?;
    says(&nothing, Some(1), "The chat asks nothing")
}

/// The answers come from a file, which --force-tty takes for a person.
async fn a_person_at_the_terminal_is_asked(stage: &Stage) -> Result<()> {
    let typed = stage.user.home().join("typed");
    let run = async |message: &str, answers: &str| -> Result<Finished> {
        std::fs::write(&typed, answers)?;
        let mut command = stage.user.warren(&["--force-tty", "chat", "new", message]);
        command.stdin(std::fs::File::open(&typed)?);
        warren_testkit::finish(command, SOON).await
    };
    let done = run("Look around", "what?\nn not here\n").await?;
    says(&done, Some(0), "Approve? y = yes")?;
    says(&done, Some(0), "[type y, a or n]\n")?;
    says(&done, Some(0), "  │ not here\n  ⊘ not allowed\n\nNothing is there.\n")?;
    ensure!(!done.stdout.contains("warren chat approve"), "it shows commands:\n{}", done.stdout);
    let done = run("Look around", "y\n").await?;
    says(&done, Some(0), "● List templates all\n")?;
    says(&done, Some(0), "✔ done")?;
    let done = run("Ask me", "3\npostgresql\n").await?;
    says(&done, Some(0), "[there is no option 3, only 1 to 2]")?;
    says(&done, Some(0), "> PostgreSQL\n\nPostgreSQL it is.\n")?;
    says(&run("Ask me", "").await?, WAITS, "left for later")
}

async fn a_tool_of_a_client_is_answered(stage: &Stage) -> Result<()> {
    let organization = stage.client().await?.organizations().await?.first().context("there is one")?.id;
    let tool = json!({ "name": "weather", "description": "Tells the weather.", "input_schema": { "type": "object" } });
    let body = json!({
        "organization_id": organization, "unsafe_dynamic_tools": [tool],
        "content": [{ "type": "text", "text": "How is the weather" }],
    });
    let made = api(stage, Method::POST, "chats", body).await?;
    let chat = made["id"].as_str().context("the chat has an id")?;
    let done = stage.user.run(&["chat", "follow", chat], SOON).await?;
    says(&done, WAITS, "? Another program must answer weather.\n    city: Oslo\n")?;
    let wrong = stage.user.run(&["chat", "answer", chat, "--result", "call_weather=cold"], SOON).await?;
    says(&wrong, Some(1), "the result of call_weather is not JSON")?;
    stage.warren(&["chat", "answer", chat, "--result", "call_weather={\"celsius\": -4}"]).await?;
    let shown = stage.user.succeed(&["chat", "follow", chat], SOON).await?;
    ensure!(shown.contains("\"celsius\": -4") && shown.ends_with("It is cold.\n"), "it shows\n{shown}");
    Ok(())
}

async fn a_viewer_leaves_and_the_chat_goes_on(stage: &Stage, chat: &str) -> Result<()> {
    let mut command = stage.user.warren(&["chat", "follow", chat]);
    let (out, err) = (stage.user.home().join("out"), stage.user.home().join("err"));
    command.stdout(std::fs::File::create(&out)?).stderr(std::fs::File::create(&err)?).stdin(Stdio::null());
    let mut viewer = command.spawn()?;
    let shows = || async {
        std::fs::read_to_string(&out).is_ok_and(|text| text.contains("Half an answer")).then_some(())
    };
    eventually("the beginning of the answer", SOON, shows).await?;
    let interrupt = std::process::Command::new("kill").args(["-INT", &viewer.id().to_string()]).status()?;
    ensure!(interrupt.success(), "the viewer has ended by itself");
    let status = eventually("the end of the viewer", SOON, || {
        let status = viewer.try_wait().ok().flatten();
        async move { status }
    })
    .await?;
    let said = std::fs::read_to_string(&err)?;
    ensure!(status.code() == LEFT, "it ends with {status}: {said}");
    ensure!(
        said.contains("the chat goes on") && said.contains(&format!("warren chat stop {chat}")),
        "it says {said}"
    );
    let state = stage.client().await?.chat(chat.parse()?).await?.status;
    ensure!(state.as_str() == "running", "the chat is {state}");
    Ok(())
}

async fn a_chat_is_stopped_once(stage: &Stage, chat: &str) -> Result<()> {
    let viewer = Background::start(stage.user.warren(&["chat", "follow", "--forever", chat]))?;
    viewer.shows("Half an answer", SOON).await?;
    let stopped = stage.warren(&["chat", "stop", chat]).await?;
    ensure!(stopped == "Stopped. What was written so far is kept.\n", "it says {stopped}");
    let idle = stage.warren(&["chat", "stop", chat]).await?;
    ensure!(idle == "Nothing was stopped: the chat waits for your next message.\n", "it says {idle}");
    let shown = stage.user.succeed(&["chat", "send", chat, "Show off"], SOON).await?;
    ensure!(!shown.contains('\u{1b}') && shown.contains("␛[31mred"), "it shows {shown:?}");
    viewer.shows("> Show off\n", SOON).await
}

/// The answer that waits for an approval is stopped as any other.
async fn what_waits_is_stopped(stage: &Stage) -> Result<()> {
    let rules = json!({ "rules": [{ "tool": "workspace_status", "action": "ask" }] });
    api(stage, Method::PUT, "chats/config/user-tool-approvals", rules).await?;
    let done = stage.user.run(&["chat", "new", "Status then"], SOON).await?;
    let chat = done.stderr.lines().find_map(|line| line.strip_prefix("Chat ")).context("the id is told")?;
    ensure!(done.code() == WAITS, "it does not ask: {}", done.stdout);
    let stopped = stage.warren(&["chat", "stop", chat]).await?;
    ensure!(stopped == "Stopped. What waited for an answer was not run.\n", "it says {stopped}");
    let state = stage.client().await?.chat(chat.parse()?).await?.status;
    ensure!(state.as_str() == "waiting", "the chat is {state}");
    Ok(())
}

async fn chats_are_listed(stage: &Stage, chat: &str) -> Result<()> {
    let list =
        async |flags: &[&str]| -> Result<String> { stage.warren(&[&["chat", "list"], flags].concat()).await };
    let all = list(&[]).await?;
    let mut lines = all.lines();
    let head: Vec<_> = lines.next().unwrap_or_default().split_whitespace().collect();
    ensure!(head == ["ID", "TITLE", "STATUS", "UPDATED", "UNREAD"], "the columns are {head:?}");
    ensure!(
        lines.next().is_some_and(|line| line.starts_with(chat) && line.contains("waiting")),
        "it lists {all}"
    );
    for (flags, has_it) in [
        (&["--label", "team=core"][..], true),
        (&["--label", "team:other"], false),
        (&["--search", "Hang"], true),
        (&["--search", "nothing like it"], false),
        (&["-s", "title:hang has_unread:false"], true),
        (&["--limit", "1"], true),
        (&["--archived"], false),
    ] {
        let shown: Value = serde_json::from_str(&list(&[flags, &["-o", "json"]].concat()).await?)?;
        let ids: Vec<_> = shown.as_array().context("no list")?.iter().map(|chat| &chat["id"]).collect();
        ensure!((ids == [chat]) == has_it, "{flags:?} lists {ids:?}");
    }
    api(stage, Method::PATCH, &format!("chats/{chat}"), json!({ "archived": true })).await?;
    ensure!(list(&["--archived"]).await?.contains(chat), "the archive does not list it");
    ensure!(!list(&[]).await?.contains(chat), "the list still has it");
    let named = stage.user.succeed(&["chat", "follow", "hang ON"], SOON).await?;
    ensure!(named.starts_with("> Hang on\n"), "its title does not find it: {named}");
    Ok(())
}

async fn a_chat_is_exported(stage: &Stage, chat: &str) -> Result<()> {
    let markdown = stage.warren(&["chat", "export", chat]).await?;
    for piece in [
        "# Hang on\n\n- **Chat:** `",
        "- **Owner:** ada\n",
        "- **Status:** waiting, archived\n",
        "- **Labels:** team=core\n",
        "## User · 20",
        "> Hang on\n",
        "## Assistant (scripted) · 20",
        "Half an answer",
        "### weather ````{\"say\":\"```\"}````\n",
        "Result: **failed**",
    ] {
        ensure!(markdown.contains(piece), "{piece:?} is missing in\n{markdown}");
    }
    ensure!(!markdown.contains('\u{1b}'), "it has escape sequences:\n{markdown:?}");

    let file = stage.user.home().join("chat.json").display().to_string();
    stage.warren(&["chat", "export", chat, "--output-file", &file]).await?;
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    let page = api(stage, Method::GET, &format!("chats/{chat}/messages"), Value::Null).await?;
    let mut messages = page["messages"].as_array().context("messages are a list")?.clone();
    messages.reverse();
    ensure!(
        written["messages"] == Value::Array(messages),
        "the messages are not those of the API: {written}"
    );
    let shown = api(stage, Method::GET, &format!("chats/{chat}"), Value::Null).await?;
    ensure!(
        written["chat"]["id"] == chat && written["chat"]["labels"] == shown["labels"],
        "the chat is {written}"
    );
    ensure!(written["queued_messages"] == json!([]), "the queue is {written}");
    Ok(())
}

async fn wrong_words_are_refused(stage: &Stage, chat: &str) -> Result<()> {
    for (arguments, said) in [
        (&["chat", "follow", "zzz"][..], "there is no chat \"zzz\""),
        (&["chat", "export", "00000000-0000-0000-0000-00000000000a"], "not found"),
        (&["chat", "list", "-s", "colour:red"], "colour"),
        (&["chat", "list", "-l", "team"], "KEY=VALUE"),
        (&["chat", "send", chat, "more"], "archived"),
        (&["chat", "approve", chat, "--remember"], "name the calls"),
        (&["chat", "export", chat, "--output-file", "/nonexistent/x.md"], "cannot write /nonexistent/x.md"),
    ] {
        let done = stage.user.run(arguments, SOON).await?;
        let words = format!("{}{}", done.stdout, done.stderr);
        ensure!(done.code() == Some(1), "{arguments:?} ends with {:?}: {words}", done.code());
        ensure!(words.to_lowercase().contains(&said.to_lowercase()), "{arguments:?} says {words}");
    }
    Ok(())
}

fn says(done: &Finished, code: Option<i32>, text: &str) -> Result<()> {
    let words = format!("{}{}", done.stdout, done.stderr);
    ensure!(done.code() == code, "it ends with {:?}:\n{words}", done.code());
    ensure!(words.contains(text), "{text:?} is missing in\n{words}");
    Ok(())
}

fn first_line(text: &str) -> Result<String> {
    Ok(text.lines().next().context("nothing was printed")?.to_owned())
}

/// Calls the API as the user and returns the answer, which must be a success.
async fn api(stage: &Stage, method: Method, path: &str, body: Value) -> Result<Value> {
    let token = stage.warren(&["login", "token"]).await?;
    let url = stage.server.url().join(&format!("api/experimental/{path}"))?;
    let mut request = reqwest::Client::new().request(method, url).header("Coder-Session-Token", token.trim());
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.timeout(Duration::from_secs(30)).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "{path} answers {status}: {text}");
    Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
}

fn script() -> String {
    let call =
        |id: &str, name: &str, args: Value| json!({ "tool_call": { "id": id, "name": name, "args": args } });
    let question = json!({ "questions": [{ "header": "Database", "question": "Which database?", "options": [
        { "label": "SQLite", "description": "one file" },
        { "label": "PostgreSQL", "description": "for teams" },
    ] }] });
    let turns = json!([
        { "when": { "user": "Look around", "tool_results": 0 }, "steps": [call("call_look", "list_templates", json!({ "query": "all" }))] },
        { "when": { "user": "Look around" }, "steps": [{ "text": "Nothing is there." }] },
        { "when": { "user": "Ask me", "tool_results": 0 }, "steps": [call("call_ask", "ask_user_question", question)] },
        { "when": { "user": "PostgreSQL" }, "steps": [{ "text": "PostgreSQL it is." }] },
        { "when": { "user": "weather", "tool_results": 0 }, "steps": [call("call_weather", "weather", json!({ "city": "Oslo" }))] },
        { "when": { "user": "weather" }, "steps": [{ "text": "It is cold." }] },
        { "when": { "user": "Status then", "tool_results": 0 }, "steps": [call("call_status", "workspace_status", json!({}))] },
        { "when": { "user": "Status then" }, "steps": [{ "text": "Still " }, { "stall": null }] },
        { "when": { "user": "Hang on" }, "steps": [{ "text": "Half an answer " }, { "stall": null }] },
        { "when": { "user": "Show off", "tool_results": 0 }, "steps": [
            { "text": "\u{1b}[31mred ```" }, call("call_unknown", "weather", json!({ "say": "```" })) ] },
        { "when": { "user": "Show off" }, "steps": [{ "text": "Done." }] },
    ]);
    json!({ "turns": turns }).to_string()
}
