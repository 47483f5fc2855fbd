//! Tool calls: side by side, under rules, with arguments that are wrong and results that are too large.

use std::time::Duration;

use serde_json::{Value, json};
use warren_chat::{Answer, AskReason, ClientResult, DynamicTool, SendMessage, WorkerConfig};
use warren_db::{entity::deployment_settings, query};
use warren_vocab::{BusyBehavior, ChatStatus, MessageRole, WorkspaceId};

use crate::support::{DEADLINE, Stage};

fn call(name: &str, args: Value) -> Value {
    json!({ "tool_call": { "name": name, "args": args } })
}

fn create() -> Value {
    call("create_workspace", json!({ "template_id": "00000000-0000-4000-8000-000000000000" }))
}

fn execute(command: &str) -> Value {
    call("execute", json!({ "command": command }))
}

async fn with_calls(stage: &Stage, calls: Value) -> warren_dev_model::ScriptedModel {
    let turns = json!([
        { "when": { "user": "never mind" }, "steps": [{ "text": "Fine." }] },
        { "when": { "tool_results": 0 }, "steps": [create()] },
        { "when": { "tool_results": 1 }, "steps": calls },
        { "steps": [{ "text": "Done." }] },
    ]);
    stage.with_script(&json!({ "turns": turns })).await
}

async fn rules(stage: &Stage, rules: Value) {
    let row = deployment_settings::Model {
        key: "agents_tool_approvals".into(),
        value: rules,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    stage.db.write(async |tx| query::deployment_settings::put(tx, row).await).await.unwrap();
}

#[tokio::test]
async fn calls_of_one_answer_run_side_by_side_and_their_results_keep_the_order_of_the_calls() {
    let stage = Stage::new().await;
    let calls = json!([execute("meet"), call("read_file", json!({ "path": "/a" })), execute("meet")]);
    let _model = with_calls(&stage, calls).await;
    let chat = stage.create("both").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let results: Vec<_> = view.results().into_iter().skip(1).collect();
    assert_eq!(results.len(), 3);
    assert_eq!((&results[0].0["exit_code"], &results[2].0["exit_code"]), (&json!(0), &json!(0)));
    assert_eq!(results[1].0["content"], "1\thello");
    let n_messages = view.messages.iter().filter(|message| message.role == MessageRole::Tool).count();
    assert_eq!(n_messages, 2, "one answer's results are one message");
}

#[tokio::test]
async fn a_workspace_that_one_call_makes_is_there_for_the_calls_after_it() {
    let stage = Stage::new().await;
    let turns = json!([
        { "when": { "tool_results": 0 }, "steps": [create(), execute("ls"), create()] },
        { "steps": [{ "text": "Done." }] },
    ]);
    let _model = stage.with_script(&json!({ "turns": turns })).await;
    let chat = stage.create("at once").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(stage.tools.calls(), ["create_workspace", "execute ls"]);
    let results = view.results();
    assert_eq!(results[1].0["exit_code"], 0);
    assert_eq!(results[2].0, json!({ "created": false }), "the second finds the first one's workspace");
    let row = stage.chat.get(&stage.subject, chat).await.unwrap();
    assert!(row.workspace_id.is_some());
}

#[tokio::test]
async fn what_goes_wrong_in_one_call_is_its_result_and_the_turn_goes_on() {
    let stage = Stage::new().await;
    let calls = json!([
        execute("panic"),
        call("execute", json!({ "cmd": "ls" })),
        call("no_such_tool", json!({})),
        execute("ls"),
    ]);
    let _model = with_calls(&stage, calls).await;
    let chat = stage.create("wrong").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let results: Vec<_> = view.results().into_iter().skip(1).collect();
    let codes: Vec<_> = results.iter().map(|(result, _)| result["error_code"].clone()).collect();
    assert_eq!(codes, [json!("internal"), json!("invalid_arguments"), json!("unknown_tool"), Value::Null]);
    assert_eq!(results.iter().map(|(_, is_error)| *is_error).collect::<Vec<_>>(), [true, true, true, false]);
    assert!(results[1].0["error"].as_str().unwrap().contains("command"), "{:?}", results[1]);
    assert_eq!(view.story().last().unwrap().1, "Done.");
}

#[tokio::test]
async fn only_the_tools_of_a_chat_are_offered_and_a_call_of_another_is_an_error() {
    let stage = Stage::new().await;
    let turns = json!([
        { "when": { "user": "with", "tool_results": 0 }, "steps": [{ "text": "Hi." }] },
        { "when": { "user": "out", "tool_results": 0 }, "steps": [call("weather", json!({ "town": "Ulm" }))] },
        { "steps": [{ "text": "I see." }] },
    ]);
    let model = stage.with_script(&json!({ "turns": turns })).await;
    let weather = DynamicTool {
        name: "weather".into(),
        description: "Tells the weather.".into(),
        input_schema: json!({ "type": "object" }),
    };
    let first = stage.create_with_tools("with", vec![weather]).await;
    stage.view(first).await.until_waiting().await;
    let second = stage.create("out").await;
    let mut view = stage.view(second).await;
    view.until_waiting().await;
    let (result, is_error) = view.results().pop().unwrap();
    assert_eq!((&result["error_code"], is_error), (&json!("unknown_tool"), true), "{result}");
    assert_eq!(view.story().last().unwrap().1, "I see.");
    let offered = |request: &Value| -> Vec<String> {
        let tools = request["tools"].as_array().unwrap().iter();
        tools.map(|tool| tool["function"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let requests = model.requests();
    let (mut with, without) = (offered(&requests[0]), offered(&requests[1]));
    assert!(
        without.contains(&"execute".to_owned()) && !without.contains(&"weather".to_owned()),
        "{without:?}"
    );
    with.retain(|name| name != "weather");
    assert_eq!(with, without);
}

#[tokio::test]
async fn a_tool_that_outlasts_many_leases_runs_once() {
    let lease = Duration::from_millis(1500);
    let stage = Stage::with_config(WorkerConfig { lease, sweep: lease / 5, ..WorkerConfig::default() }).await;
    let slow = call(
        "create_workspace",
        json!({ "template_id": "00000000-0000-4000-8000-000000000000", "name": "slow" }),
    );
    let turns = json!([
        { "when": { "tool_results": 0 }, "steps": [slow] },
        { "steps": [{ "text": "Done." }] },
    ]);
    let model = stage.with_script(&json!({ "turns": turns })).await;
    let chat = stage.create("make").await;
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();
    // Another server looks for chats that nobody works on.
    let other =
        stage.second_server(WorkerConfig { lease, sweep: lease / 5, ..WorkerConfig::default() }).await;
    let lease_of = async || stage.chat.get(&stage.subject, chat).await.unwrap();
    let begun = lease_of().await;
    let until = begun.lease_expires_at.unwrap() + chrono::TimeDelta::from_std(lease * 3).unwrap();
    let renewed = tokio::time::timeout(DEADLINE, async {
        while lease_of().await.lease_expires_at.is_none_or(|at| at < until) {
            tokio::time::sleep(lease / 20).await;
        }
    });
    renewed.await.expect("the lease is renewed while the tool runs");
    assert_eq!(lease_of().await.lease_epoch, begun.lease_epoch, "nobody has taken over");
    stage.tools.made.notify_one();
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(stage.tools.calls(), ["create_workspace"]);
    assert_eq!(model.requests().len(), 2);
    if let Some((_, tasks)) = other {
        tasks.stop(DEADLINE).await;
    }
}

#[tokio::test]
async fn a_result_that_is_too_large_is_cut_in_the_middle_and_cleaned() {
    let stage = Stage::new().await;
    let _model = with_calls(&stage, json!([execute("flood")])).await;
    let chat = stage.create("flood").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let (result, is_error) = view.results().pop().unwrap();
    let text = result["output"].as_str().unwrap();
    assert!(!is_error && text.len() < 200_000, "{} bytes", text.len());
    assert!(text.starts_with("\u{fffd}begin€") && text.ends_with("€end") && text.contains("bytes cut]"));
    assert_eq!(view.story().last().unwrap().1, "Done.");
}

#[tokio::test]
async fn a_call_that_a_rule_asks_about_waits_while_the_others_run() {
    let stage = Stage::new().await;
    rules(&stage, json!([{ "tool": "execute", "command": "git push*", "action": "ask" }])).await;
    let _model = with_calls(&stage, json!([execute("git push origin"), execute("ls")])).await;
    let chat = stage.create("push").await;
    let mut view = stage.view(chat).await;
    view.until("the question", |view| view.status == Some(ChatStatus::RequiresAction)).await;
    assert_eq!(stage.tools.calls(), ["create_workspace", "execute ls"]);
    assert_eq!(view.results().len(), 2, "the call that ran has its result");
    // Whoever does not want to decide goes on in another way, and the call is cancelled.
    let message =
        SendMessage { busy: BusyBehavior::Interrupt, ..Stage::message("never mind", BusyBehavior::Queue) };
    stage.chat.send(&stage.subject, chat, message).await.unwrap();
    view.until("the answer", |view| view.story().last().is_some_and(|(_, text)| text == "Fine.")).await;
    assert_eq!(stage.tools.calls(), ["create_workspace", "execute ls"]);
    let cancelled = view
        .results()
        .into_iter()
        .find(|(result, _)| result["error"].as_str().is_some_and(|error| error.contains("cancelled")));
    assert!(cancelled.is_some_and(|(_, is_error)| is_error), "{:?}", view.results());
}

#[tokio::test]
async fn a_call_that_a_rule_forbids_does_not_run() {
    let stage = Stage::new().await;
    rules(&stage, json!([{ "tool": "*_file*", "path": "/etc/**", "action": "deny" }])).await;
    let write = |path: &str| call("write_file", json!({ "path": path, "content": "" }));
    let _model = with_calls(&stage, json!([write("/etc/hosts"), write("/home/hosts")])).await;
    let chat = stage.create("write").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(stage.tools.calls(), ["create_workspace", "write_file /home/hosts"]);
    let results = view.results();
    assert_eq!((&results[1].0["error_code"], results[1].1), (&json!("denied_by_rule"), true));
    assert_eq!(results[2], (json!({ "ok": true }), false));
}

#[tokio::test]
async fn an_edit_ends_the_command_that_the_cut_history_was_running() {
    let stage = Stage::new().await;
    let turns = json!([
        { "when": { "user": "again" }, "steps": [{ "text": "Done." }] },
        { "when": { "tool_results": 0 }, "steps": [create()] },
        { "steps": [execute("hang")] },
    ]);
    let _model = stage.with_script(&json!({ "turns": turns })).await;
    let chat = stage.create("hang").await;
    let mut view = stage.view(chat).await;
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();
    view.until("the first message", |view| !view.messages.is_empty()).await;
    let first = view.messages[0].id;
    let edit = Stage::message("again", BusyBehavior::Queue);
    stage.chat.edit(&stage.subject, chat, first, edit).await.unwrap();
    view.until("the answer", |view| view.story().last().is_some_and(|(_, text)| text == "Done.")).await;
    assert_eq!(stage.tools.calls().last().unwrap(), "end execute");
    assert!(view.results().is_empty(), "{:?}", view.results());
}

#[tokio::test]
async fn a_question_ends_the_turn_and_a_wrong_one_does_not() {
    let stage = Stage::new().await;
    let ask = |n: usize| {
        let options: Vec<_> = (0..n).map(|n| json!({ "label": n.to_string(), "description": "" })).collect();
        call(
            "ask_user_question",
            json!({ "questions": [{ "header": "h", "question": "Which?", "options": options }] }),
        )
    };
    let turns = json!([
        { "when": { "user": "decide", "tool_results": 0 }, "steps": [ask(1)] },
        { "when": { "user": "decide" }, "steps": [ask(2)] },
        { "steps": [{ "text": "Thank you." }] },
    ]);
    let _model = stage.with_script(&json!({ "turns": turns })).await;
    let chat = stage.create("decide").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let results = view.results();
    assert_eq!(results.iter().map(|(_, is_error)| *is_error).collect::<Vec<_>>(), [true, false]);
    assert_eq!(results[1].0["questions"][0]["options"][1]["label"], "1");
    stage.chat.send(&stage.subject, chat, Stage::message("1", BusyBehavior::Queue)).await.unwrap();
    view.until("the answer", |view| view.story().last().is_some_and(|(_, text)| text == "Thank you.")).await;
}

fn answer(call_id: &str, approve: bool) -> Answer {
    Answer { call_id: call_id.into(), approve, note: None, remember: approve }
}

#[tokio::test]
async fn an_approved_call_runs_and_is_not_asked_about_again_when_that_is_to_be_remembered() {
    let stage = Stage::new().await;
    // What a user wants to be asked about, the user may also allow.
    let own = vec![("agents_tool_approvals", json!([{ "tool": "execute", "action": "ask" }]).to_string())];
    let user = stage.subject.user;
    stage.db.write(async |tx| query::user_settings::set(tx, user, own).await).await.unwrap();
    let turns = json!([
        { "when": { "tool_results": 0 }, "steps": [create()] },
        { "when": { "tool_results": 1 }, "steps": [execute("make"), execute("rm -rf target")] },
        { "when": { "tool_results": 3 }, "steps": [execute("make")] },
        { "steps": [{ "text": "Done." }] },
    ]);
    let _model = stage.with_script(&json!({ "turns": turns })).await;
    let chat = stage.create("build").await;
    let mut view = stage.view(chat).await;
    view.until("the question", |view| view.status == Some(ChatStatus::RequiresAction)).await;
    let asked = stage.chat.approvals(&stage.subject, chat).await.unwrap();
    let ids: Vec<_> = asked.iter().map(|asked| asked.call.call_id.clone()).collect();
    assert_eq!(ids.len(), 2);
    assert!(asked[0].call.message.contains("\"make\""), "{}", asked[0].call.message);
    let answers = vec![answer(&ids[0], true), answer(&ids[1], false)];
    stage.chat.answer(stage.caller(), chat, answers).await.unwrap();
    view.until_waiting().await;
    assert_eq!(stage.tools.calls(), ["create_workspace", "execute make", "execute make"]);
    let refused = view.results().into_iter().find(|(_, is_error)| *is_error).unwrap().0;
    assert!(refused["error"].as_str().unwrap().contains("did not allow"), "{refused}");
    let remembered = stage.chat.remembered_rules(&stage.subject, chat).await.unwrap();
    assert_eq!((remembered.len(), remembered[0].command.as_deref()), (1, Some("make")));
    stage.chat.forget_rules(stage.caller(), chat).await.unwrap();
    assert_eq!(stage.chat.remembered_rules(&stage.subject, chat).await.unwrap(), []);
}

#[tokio::test]
async fn rules_for_paths_decide_about_the_place_where_a_path_leads() {
    let stage = Stage::new().await;
    let rules = json!([
        { "tool": "*", "path": "/repo/**", "action": "allow" },
        { "tool": "write_file", "action": "deny" },
    ]);
    let (user, own) = (stage.subject.user, vec![("agents_tool_approvals", rules.to_string())]);
    stage.db.write(async |tx| query::user_settings::set(tx, user, own).await).await.unwrap();
    let write = |path: &str| call("write_file", json!({ "path": path, "content": "x" }));
    let turns = json!([
        { "when": { "tool_results": 0 }, "steps": [create()] },
        { "when": { "tool_results": 1 }, "steps": [write("/repo/main.rs"), write("/repo/link/key")] },
        { "steps": [{ "text": "Done." }] },
    ]);
    let _model = stage.with_script(&json!({ "turns": turns })).await;
    let chat = stage.create("write").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(stage.tools.calls(), ["create_workspace", "write_file /repo/main.rs"]);
    let refused = view.results().into_iter().find(|(_, is_error)| *is_error).unwrap().0;
    assert_eq!(refused["error_code"], json!("denied_by_rule"));
}

#[tokio::test]
async fn a_call_whose_outcome_is_unknown_runs_again_only_when_the_user_says_so() {
    let stage = Stage::new().await;
    let turns = json!([
        { "when": { "tool_results": 0 }, "steps": [create(), execute("hang")] },
        { "steps": [{ "text": "Done." }] },
    ]);
    let _model = stage.with_script(&json!({ "turns": turns })).await;
    let chat = stage.create("hang").await;
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();

    let stage = stage.crash().await;
    let mut view = stage.view(chat).await;
    view.until("the question", |view| view.status == Some(ChatStatus::RequiresAction)).await;
    let asked = stage.chat.approvals(&stage.subject, chat).await.unwrap();
    assert!(asked[0].call.message.contains("Nothing is known"), "{}", asked[0].call.message);
    let again = answer(&asked[0].call.call_id, true);
    stage.chat.answer(stage.caller(), chat, vec![again]).await.unwrap();
    let remembered = stage.chat.remembered_rules(&stage.subject, chat).await.unwrap();
    assert_eq!(remembered, [], "it says nothing about later calls");
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();
    assert_eq!(stage.tools.calls().last().unwrap(), "execute hang");
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until_waiting().await;
    assert_eq!(stage.tools.calls().last().unwrap(), "end execute");
}

#[tokio::test]
async fn a_signal_is_sent_once_and_the_model_learns_that_its_answer_was_lost() {
    let stage = Stage::new().await;
    let signal = call("process_signal", json!({ "process_id": "p", "signal": "terminate" }));
    let _model = with_calls(&stage, json!([signal])).await;
    let chat = stage.create("end it").await;
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();

    let stage = stage.crash().await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(stage.tools.calls(), Vec::<String>::new(), "it is neither sent again nor looked for");
    let (result, is_error) = view.results().last().unwrap().clone();
    assert!(is_error && result["error"].as_str().unwrap().contains("process_list"), "{result}");
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_and_asked_about_instead_of_told_as_a_failure() {
    let stage = Stage::new().await;
    let _model = with_calls(&stage, json!([execute("lose")])).await;
    let chat = stage.create("lose").await;
    let mut view = stage.view(chat).await;
    view.until("the question", |view| view.status == Some(ChatStatus::RequiresAction)).await;
    assert_eq!(stage.tools.calls(), ["create_workspace", "execute lose", "resume execute"]);
    let asked = stage.chat.approvals(&stage.subject, chat).await.unwrap();
    assert_eq!(asked[0].call.reason, AskReason::OutcomeUnknown);
    assert_eq!(view.results().len(), 1, "the call has no result yet");
    let no = Answer { remember: false, ..answer(&asked[0].call.call_id, false) };
    stage.chat.answer(stage.caller(), chat, vec![no]).await.unwrap();
    view.until_waiting().await;
    assert_eq!(view.results()[1].0["outcome"], "unknown");
    assert_eq!(stage.tools.calls().len(), 3, "it does not run again");
}

#[tokio::test]
async fn a_lost_answer_that_is_found_is_the_result() {
    let stage = Stage::new().await;
    *stage.tools.resumed.lock().unwrap() = Some(json!({ "exit_code": 7 }));
    let _model = with_calls(&stage, json!([execute("lose")])).await;
    let chat = stage.create("lose").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.results()[1], (json!({ "exit_code": 7 }), false));
    assert_eq!(stage.tools.calls(), ["create_workspace", "execute lose", "resume execute"]);
}

#[tokio::test]
async fn an_interrupt_ends_a_command_where_it_was_started_although_the_chat_works_elsewhere_by_then() {
    let stage = Stage::new().await;
    let _model = with_calls(&stage, json!([execute("hang")])).await;
    let chat = stage.create("hang").await;
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();
    let first = stage.chat.get(&stage.subject, chat).await.unwrap().workspace_id;
    let other = Some(WorkspaceId::new());
    stage.db.write(async |tx| query::chats::set_workspace(tx, chat, other).await).await.unwrap();
    let mut view = stage.view(chat).await;
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until_waiting().await;
    let places = stage.tools.places.lock().unwrap().clone();
    assert!(first.is_some());
    assert_eq!(places, [("end", first.map(WorkspaceId::from_uuid))]);
}

#[tokio::test]
async fn only_so_many_calls_of_one_answer_run_at_a_time() {
    let stage = Stage::new().await;
    let calls: Vec<_> = (0..20).map(|_| execute("alone")).collect();
    let _model = with_calls(&stage, json!(calls)).await;
    let chat = stage.create("many").await;
    let mut running = stage.tools.alone.subscribe();
    tokio::time::timeout(DEADLINE, running.wait_for(|(now, _)| *now >= 16)).await.unwrap().unwrap();
    let mut view = stage.view(chat).await;
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until_waiting().await;
    assert_eq!(stage.tools.alone.borrow().1, 16);
}

#[tokio::test]
async fn a_tool_of_the_client_waits_for_the_client_while_the_others_run() {
    let stage = Stage::new().await;
    let turns = json!([
        { "when": { "tool_results": 0 }, "steps": [call("weather", json!({ "town": "Ulm" })), create()] },
        { "steps": [{ "text": "Sunny." }] },
    ]);
    let model = stage.with_script(&json!({ "turns": turns })).await;
    let weather = DynamicTool {
        name: "weather".into(),
        description: "Tells the weather.".into(),
        input_schema: json!({ "type": "object" }),
    };
    let chat = stage.create_with_tools("weather?", vec![weather]).await;
    let mut view = stage.view(chat).await;
    view.until("the question", |view| view.status == Some(ChatStatus::RequiresAction)).await;
    assert_eq!(stage.tools.calls(), ["create_workspace"]);
    assert!(model.requests()[0].to_string().contains("Tells the weather."), "the model knows the tool");
    let calls = view.messages.iter().flat_map(|message| &message.content);
    let id = calls
        .filter_map(|part| match part {
            warren_chat::proto::Part::ToolCall { tool_call_id, tool_name, .. } if tool_name == "weather" => {
                Some(tool_call_id.clone())
            }
            _ => None,
        })
        .next()
        .unwrap();
    let result = ClientResult { call_id: id, output: json!({ "sky": "blue" }), is_error: false };
    stage.chat.take_results(&stage.subject, chat, vec![result]).await.unwrap();
    view.until_waiting().await;
    assert!(view.results().contains(&(json!({ "sky": "blue" }), false)), "{:?}", view.results());
    assert_eq!(view.story().last().unwrap().1, "Sunny.");
}
