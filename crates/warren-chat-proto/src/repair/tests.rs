//! Histories that providers would refuse, and what they become.

use proptest::prelude::*;
use warren_vocab::{ChatId, MessageId, MessageVisibility};

use super::*;

fn message(role: MessageRole, content: Vec<Part>) -> Message {
    Message {
        id: MessageId(1),
        chat_id: ChatId::nil(),
        created_by: None,
        model_config_id: None,
        created_at: chrono::DateTime::UNIX_EPOCH,
        role,
        visibility: MessageVisibility::Both,
        compressed: false,
        content,
        usage: None,
        revision: 1,
    }
}

fn user(text: &str) -> Message {
    message(MessageRole::User, vec![Part::text(text)])
}

fn assistant(parts: Vec<Part>) -> Message {
    message(MessageRole::Assistant, parts)
}

fn tool(parts: Vec<Part>) -> Message {
    message(MessageRole::Tool, parts)
}

fn signed(text: &str) -> Part {
    Part::Reasoning {
        text: text.into(),
        signature: Some("seal".into()),
        provider_metadata: None,
        created_at: None,
        completed_at: None,
    }
}

fn by_provider(part: Part) -> Part {
    match part {
        Part::ToolCall { tool_call_id, tool_name, args, provider_metadata, created_at, .. } => {
            Part::ToolCall {
                tool_call_id,
                tool_name,
                args,
                args_delta: None,
                provider_executed: true,
                provider_metadata,
                created_at,
            }
        }
        Part::ToolResult { tool_call_id, tool_name, result, is_error, is_media, created_at, .. } => {
            Part::ToolResult {
                tool_call_id,
                tool_name,
                result,
                result_delta: None,
                result_reset: false,
                is_error,
                is_media,
                provider_executed: true,
                created_at,
            }
        }
        other => other,
    }
}

fn own(history: &[Message]) -> Vec<PromptMessage> {
    for_prompt(history, |_| true)
}

#[test]
fn every_call_gets_a_result_right_behind_it_and_no_result_stands_alone() {
    let history = [
        user("go"),
        assistant(vec![
            Part::tool_call("a", "execute", json!({"command": "ls"})),
            Part::tool_call("b", "read_file", json!("not an object")),
        ]),
        user("stop"),
        tool(vec![
            Part::tool_result("x", "execute", json!(1), false),
            Part::tool_result("b", "read_file", json!({"content": "late"}), false),
        ]),
    ];
    let prompt = own(&history);
    let roles: Vec<_> = prompt.iter().map(|message| message.role).collect();
    assert_eq!(roles, [MessageRole::User, MessageRole::Assistant, MessageRole::Tool, MessageRole::User]);
    assert_eq!(prompt[1].parts[1], Part::tool_call("b", "read_file", json!({})));
    assert_eq!(
        prompt[2].parts,
        [
            Part::tool_result("a", "execute", json!({"error": MISSING_RESULT}), true),
            Part::tool_result("b", "read_file", json!({"content": "late"}), false),
        ]
    );
}

#[test]
fn ids_become_plain_and_stay_pairs() {
    let turn = |id: &str| {
        let call = assistant(vec![Part::tool_call(id, "execute", json!({}))]);
        [call, tool(vec![Part::tool_result(id, "execute", json!(id), false)])]
    };
    let history: Vec<_> = ["a.b", "a:b", "a_b", "", "call"].iter().flat_map(|id| turn(id)).collect();
    let prompt = for_prompt(&history, |_| false);
    let ids: Vec<_> = prompt.chunks(2).map(|pair| pair_of(&pair[0].parts[0], &pair[1].parts[0])).collect();
    assert_eq!(ids, ["a_b", "a_b-2", "a_b-3", "call", "call-2"]);
    let results: Vec<_> = prompt.chunks(2).map(|pair| pair[1].parts[0].clone()).collect();
    assert_eq!(results[1], Part::tool_result("a_b-2", "execute", json!("a:b"), false));
}

#[test]
fn ids_go_back_to_their_provider_as_it_gave_them() {
    let given = "call_1__thought__a+b/c==";
    let call = |metadata: Value| {
        let mut stored = serde_json::to_value(Part::tool_call("call_1", "execute", json!({}))).unwrap();
        stored["provider_metadata"] = metadata;
        serde_json::from_value::<Part>(stored).unwrap()
    };
    let history = [
        assistant(vec![call(json!({ GIVEN_ID: given }))]),
        tool(vec![Part::tool_result("call_1", "execute", json!(1), false)]),
        assistant(vec![Part::tool_call("a.b", "execute", json!({}))]),
        tool(vec![Part::tool_result("a.b", "execute", json!(2), false)]),
    ];
    let ids = |prompt: Vec<PromptMessage>| -> Vec<String> {
        prompt.chunks(2).map(|pair| pair_of(&pair[0].parts[0], &pair[1].parts[0])).collect()
    };
    assert_eq!(ids(own(&history)), [given, "a.b"]);
    assert_eq!(ids(for_prompt(&history, |_| false)), ["call_1", "a_b"]);
}

#[test]
fn names_become_such_as_every_provider_takes() {
    for (said, sent) in [
        ("", "unknown"),
        ("read file.v2", "read_file_v2"),
        ("große", "gro_e"),
        (&*"x".repeat(1000), &*"x".repeat(64)),
    ] {
        let call = assistant(vec![Part::tool_call("a", said, json!({}))]);
        let prompt = own(&[call, tool(vec![Part::tool_result("a", said, json!(1), true)])]);
        assert_eq!(prompt[0].parts, [Part::tool_call("a", sent, json!({}))]);
        assert_eq!(prompt[1].parts, [Part::tool_result("a", sent, json!(1), true)]);
    }
}

fn pair_of(call: &Part, result: &Part) -> String {
    let (Part::ToolCall { tool_call_id: asked, .. }, Part::ToolResult { tool_call_id: answered, .. }) =
        (call, result)
    else {
        panic!("a call and its result")
    };
    assert_eq!(asked, answered);
    asked.clone()
}

#[test]
fn ids_that_come_again_in_later_answers_keep_their_own_results() {
    let turn = |n: i64| {
        let call = assistant(vec![Part::tool_call("0", "execute", json!({"n": n}))]);
        [call, tool(vec![Part::tool_result("0", "execute", json!(n), false)])]
    };
    let history: Vec<_> = (0..3).flat_map(turn).collect();
    let prompt = own(&history);
    for (n, pair) in prompt.chunks(2).enumerate() {
        assert!(
            matches!(&pair[1].parts[0], Part::ToolResult { result: Some(result), .. } if *result == json!(n))
        );
    }
}

#[test]
fn signed_thoughts_go_back_unchanged_even_when_they_are_empty() {
    let parts = vec![signed(""), Part::reasoning(""), signed("deep"), Part::text(" "), Part::text("so")];
    let prompt = own(&[assistant(parts)]);
    assert_eq!(prompt[0].parts, [signed(""), signed("deep"), Part::text("so")]);
}

#[test]
fn what_another_provider_has_signed_or_run_is_left_out_and_comes_back_with_it() {
    let call = by_provider(Part::tool_call("s", "web_search", json!({})));
    let result = by_provider(Part::tool_result("s", "web_search", json!([]), false));
    let history = [assistant(vec![signed("deep"), call, result, Part::text("found")])];
    assert_eq!(for_prompt(&history, |_| false)[0].parts, [Part::text("found")]);
    assert_eq!(own(&history)[0].parts, history[0].content);
}

#[test]
fn half_of_what_a_provider_has_run_is_left_out() {
    let call = by_provider(Part::tool_call("s", "web_search", json!({})));
    let result = by_provider(Part::tool_result("t", "web_search", json!([]), false));
    assert_eq!(own(&[assistant(vec![call, result, Part::text("x")])])[0].parts, [Part::text("x")]);
}

#[test]
fn an_answer_that_says_nothing_is_left_out() {
    let source = Part::Source { source_id: "1".into(), url: "http://x".into(), title: "x".into() };
    let empty =
        [assistant(vec![Part::text(""), source, Part::Unknown]), assistant(vec![Part::reasoning("hm")])];
    assert_eq!(own(&empty), []);
}

fn parts() -> impl Strategy<Value = Part> {
    let id = prop_oneof![Just("a"), Just("b"), Just("a.b"), Just("")];
    prop_oneof![
        "[ a-z]{0,2}".prop_map(Part::text),
        Just(signed("")),
        Just(Part::reasoning("hm")),
        Just(Part::Unknown),
        id.clone().prop_map(|id| Part::tool_call(id, "x", json!(1))),
        id.clone().prop_map(|id| Part::tool_result(id, "x", json!({}), false)),
        id.clone().prop_map(|id| by_provider(Part::tool_call(id, "x", json!({})))),
        id.prop_map(|id| by_provider(Part::tool_result(id, "x", json!({}), false))),
    ]
}

fn histories() -> impl Strategy<Value = Vec<Message>> {
    let role = prop_oneof![Just(MessageRole::User), Just(MessageRole::Assistant), Just(MessageRole::Tool)];
    let one = (role, prop::collection::vec(parts(), 0..4)).prop_map(|(role, parts)| message(role, parts));
    prop::collection::vec(one, 0..8)
}

proptest! {
    #[test]
    fn any_history_becomes_one_that_providers_take(history in histories(), own in any::<bool>()) {
        let prompt = for_prompt(&history, |_| own);
        let mut used = BTreeSet::new();
        for (place, message) in prompt.iter().enumerate() {
            prop_assert!(!message.parts.is_empty());
            let asked: Vec<String> = message.parts.iter().filter_map(|part| match part {
                Part::ToolCall { tool_call_id, provider_executed: false, args: Some(args), .. } => {
                    assert!(args.is_object());
                    Some(tool_call_id.clone())
                }
                _ => None,
            }).collect();
            for id in &asked {
                prop_assert!(used.insert(id.clone()), "{id} twice");
                let is_plain = id.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
                prop_assert!((own || is_plain) && !id.is_empty());
            }
            let next = prompt.get(place + 1).filter(|next| next.role == MessageRole::Tool);
            let answered: Vec<String> = next.iter().flat_map(|next| &next.parts).map(|part| match part {
                Part::ToolResult { tool_call_id, .. } => tool_call_id.clone(),
                other => panic!("{other:?} among results"),
            }).collect();
            if message.role != MessageRole::Tool {
                prop_assert_eq!(asked, answered);
            }
        }
    }
}
