use std::time::Duration;

use serde_json::{Value, json};

use crate::{Answer, DEMO_SCRIPT, Script, ScriptedModel};

const DEADLINE: Duration = Duration::from_secs(10);

#[test]
fn the_demo_script_is_a_script() {
    assert_eq!(Script::parse(DEMO_SCRIPT).unwrap().turns.len(), 5);
}

#[test]
fn a_wrong_script_names_what_is_wrong() {
    let error = Script::parse(r#"{"turns": [{"steps": [{"sing": "la"}]}]}"#).unwrap_err();
    assert!(error.to_string().contains("sing"), "{error}");
    let late = r#"{"turns": [{"steps": [{"text": "a"}, {"fail": {"status": 500, "message": ""}}]}]}"#;
    assert!(Script::parse(late).unwrap_err().to_string().contains("turn 1"));
}

#[tokio::test]
async fn arguments_are_filled_from_the_last_result() {
    let script = r#"{"turns": [{"when": {"tool_results": 1}, "steps": [
        {"tool_call": {"name": "create_workspace", "args": {"template_id": "$result:/templates/0/id"}}}]}]}"#;
    let model = start(script).await;
    let messages = json!([
        {"role": "user", "content": "go"},
        {"role": "assistant", "tool_calls": []},
        {"role": "tool", "content": r#"{"templates":[{"id":"t-1"}]}"#},
    ]);
    let text = ask(&model, messages).await;
    let args: String = frames(&text)
        .iter()
        .filter_map(|frame| frame["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str())
        .collect();
    assert_eq!(args, r#"{"template_id":"t-1"}"#);
    assert!(text.ends_with("data: [DONE]\n\n"));
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_waits_at_a_barrier_until_it_is_released() {
    let model = start(r#"{"turns": [{"steps": [{"text": "a "}, {"barrier": "b"}, {"text": "c"}]}]}"#).await;
    let answer = ask(&model, json!([{"role": "user", "content": "x"}]));
    let release = async {
        assert!(model.reached("b", DEADLINE).await);
        model.release("b");
    };
    let (text, ()) = tokio::join!(answer, release);
    let words: Vec<_> = frames(&text)
        .iter()
        .filter_map(|frame| frame["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(words, ["a ", "c"]);
}

#[tokio::test]
async fn the_nth_request_can_fail() {
    let script = r#"{"turns": [
        {"when": {"nth": 1}, "steps": [{"fail": {"status": 503, "message": "later"}}]},
        {"steps": [{"text": "ok"}]}]}"#;
    let model = start(script).await;
    let user = json!([{"role": "user", "content": "x"}]);
    assert!(ask(&model, user.clone()).await.contains("later"));
    assert!(ask(&model, user).await.contains("ok"));
}

#[tokio::test]
async fn every_nth_request_can_fail() {
    let script = r#"{"turns": [
        {"when": {"every": 2}, "steps": [{"fail": {"status": 503, "message": "later"}}]},
        {"steps": [{"text": "ok"}]}]}"#;
    let model = start(script).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(ask(&model, json!([{"role": "user", "content": "x"}])).await.contains("later"));
    }
    assert_eq!(answers, [false, true, false, true]);
}

#[tokio::test]
async fn an_answer_with_a_number_is_known_as_far_as_it_was_said() {
    let script = r##"{"turns": [
        {"when": {"nth": 2}, "steps": ["serial", {"text": "half"}, "cut"]},
        {"steps": ["serial", {"reasoning": "hm "}, {"text": "a b"}]}]}"##;
    let model = start(script).await;
    for _ in 0..2 {
        ask(&model, json!([{"role": "user", "content": "x"}])).await;
    }
    let answer = |text: &str, is_complete| Some(Answer { text: text.to_owned(), is_complete });
    assert_eq!(model.answer(1), answer("#1 a b", true));
    assert_eq!(model.answer(2), answer("#2 half", false));
    assert_eq!(model.answer(3), None);
}

#[tokio::test]
async fn a_cut_answer_has_no_end_mark() {
    let model = start(r#"{"turns": [{"steps": [{"text": "half"}, "cut"]}]}"#).await;
    let text = ask(&model, json!([{"role": "user", "content": "x"}])).await;
    assert!(text.contains("half") && !text.contains("[DONE]"), "{text}");
}

async fn start(script: &str) -> ScriptedModel {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = "127.0.0.1:0".parse().unwrap();
    ScriptedModel::start(Script::parse(script).unwrap(), address).await.unwrap()
}

async fn ask(model: &ScriptedModel, messages: Value) -> String {
    let url = format!("{}/chat/completions", model.base_url());
    let body = json!({"model": "scripted", "stream": true, "messages": messages});
    reqwest::Client::new().post(url).json(&body).send().await.unwrap().text().await.unwrap()
}

fn frames(text: &str) -> Vec<Value> {
    text.split("\n\n").filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}
