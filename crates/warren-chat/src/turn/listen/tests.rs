use serde_json::json;

use super::*;

fn call(call_id: &str, args_delta: &str) -> ModelEvent {
    let (call_id, args_delta) = (call_id.to_owned(), args_delta.to_owned());
    ModelEvent::ToolCall { call_id, name: "execute".into(), args_delta, provider_executed: false }
}

fn end(reason: FinishReason) -> ModelEvent {
    ModelEvent::End { reason, usage: Usage::default() }
}

fn read(used: &[&str], events: Vec<ModelEvent>) -> Result<Vec<Part>, ModelError> {
    let used_ids = used.iter().map(|id| (*id).to_owned()).collect();
    let mut reader = Reader { used_ids, ..Reader::default() };
    for event in events {
        let part = reader.take(event);
        reader.parts.extend(part);
    }
    let calls = reader.whole_calls();
    reader.parts.extend(calls);
    reader.finish("local").map(|answer| answer.parts)
}

fn calls(parts: &[Part]) -> Vec<(String, Value)> {
    let call = |part: &Part| match part {
        Part::ToolCall { tool_call_id, args, .. } => {
            Some((tool_call_id.clone(), args.clone().unwrap_or_default()))
        }
        _ => None,
    };
    parts.iter().filter_map(call).collect()
}

#[test]
fn ids_of_calls_are_unique_in_the_whole_history() {
    let parts = read(&["a"], vec![call("a", "{}"), call("", "{}"), end(FinishReason::ToolCalls)]).unwrap();
    let ids: Vec<_> = calls(&parts).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["a-2", "call"]);
}

#[test]
fn arguments_that_are_no_json_are_left_to_the_tool() {
    let parts = read(&[], vec![call("a", "{\"comm"), call("b", " "), end(FinishReason::Length)]).unwrap();
    assert_eq!(calls(&parts), [("a".into(), json!("{\"comm")), ("b".into(), json!({}))]);
}

#[test]
fn pieces_of_mixed_calls_find_their_call() {
    let events = vec![
        call("a", "{\"n\""),
        call("b", "{\"n\":"),
        call("a", ":1}"),
        call("b", "2}"),
        end(FinishReason::ToolCalls),
    ];
    assert_eq!(
        calls(&read(&[], events).unwrap()),
        [("a".into(), json!({"n": 1})), ("b".into(), json!({"n": 2}))]
    );
}

#[test]
fn a_stream_without_an_end_is_no_answer() {
    let error = read(&[], vec![ModelEvent::Text("Half".into())]).unwrap_err();
    assert!(error.retryable && error.kind == ChatErrorKind::Timeout);
}

#[test]
fn an_answer_that_says_nothing_is_no_answer() {
    let thought = || ModelEvent::Reasoning("Hm.".into());
    let error = read(&[], vec![thought(), end(FinishReason::Stop)]).unwrap_err();
    assert!(error.retryable && error.message == SAYS_NOTHING);
    let error = read(&[], vec![thought(), end(FinishReason::Length)]).unwrap_err();
    assert!(!error.retryable, "the same limit holds next time");
    let error = read(&[], vec![end(FinishReason::Refused)]).unwrap_err();
    assert!(!error.retryable && error.message.contains("held its answer back"), "{error}");
}

#[test]
fn thoughts_keep_their_seal_and_their_times() {
    let seal = ModelEvent::ReasoningSignature { signature: Some("s".into()), metadata: None };
    let events = vec![
        ModelEvent::Reasoning("One ".into()),
        ModelEvent::Reasoning("two".into()),
        seal,
        ModelEvent::Text("Hi.".into()),
        end(FinishReason::Stop),
    ];
    let parts = read(&[], events).unwrap();
    let Part::Reasoning { text, signature, created_at, completed_at, .. } = &parts[0] else {
        panic!("{parts:?}");
    };
    assert_eq!((text.as_str(), signature.as_deref()), ("One two", Some("s")));
    assert!(created_at.is_some() && completed_at >= created_at);
}

#[test]
fn an_id_that_cannot_be_a_column_is_kept_beside_ours_for_its_provider() {
    let long = format!("call_1__thought__{}", "a+/=".repeat(1000));
    let events = vec![call(&long, "{}"), call("b\0", "{}"), call("c", "{}"), end(FinishReason::ToolCalls)];
    let parts = read(&[], events).unwrap();
    let kept: Vec<_> = parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall { tool_call_id, provider_metadata, .. } => {
                assert!(tool_call_id.len() <= ID_CHARS_MAX && !tool_call_id.contains('\0'));
                Some(provider_metadata.as_ref().map(|own| own[GIVEN_ID].clone()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(kept, [Some(json!(long)), Some(json!("b\0")), None]);
}

#[test]
fn what_the_provider_runs_is_marked_from_its_first_piece_on() {
    let mut reader = Reader::default();
    let piece = |delta: &str| ModelEvent::ToolCall {
        call_id: "s".into(),
        name: "web_search".into(),
        args_delta: delta.into(),
        provider_executed: true,
    };
    let metadata = ModelEvent::ToolCallMetadata { call_id: "s".into(), metadata: json!({ "anthropic": {} }) };
    let shown: Vec<_> = [piece("{\"q\":"), metadata, piece("1}")]
        .into_iter()
        .filter_map(|event| reader.take(event))
        .collect();
    let cut = warren_chat_proto::cut_short(shown, &[], "interrupted");
    assert!(cut.results.is_empty(), "nobody answers for the provider: {:?}", cut.results);
    let [Part::ToolCall { provider_executed: true, provider_metadata, args, .. }] = &cut.assistant[..] else {
        panic!("{:?}", cut.assistant)
    };
    assert_eq!((provider_metadata, args), (&Some(json!({ "anthropic": {} })), &Some(json!({ "q": 1 }))));
}
