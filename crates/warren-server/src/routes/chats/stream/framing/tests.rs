//! The wire, byte for byte, and the same events in every framing.

use serde_json::Value;

use super::*;

/// One event of every type, as clients of the July API read them.
const EVENTS: [(&str, &str); 12] = [
    ("message_part", include_str!("fixtures/message_part.json")),
    ("a call's arguments", include_str!("fixtures/message_part_args_delta.json")),
    ("a call", include_str!("fixtures/message_part_tool_call.json")),
    ("a result", include_str!("fixtures/message_part_tool_result.json")),
    ("message", include_str!("fixtures/message.json")),
    ("status", include_str!("fixtures/status.json")),
    ("error", include_str!("fixtures/error.json")),
    ("retry", include_str!("fixtures/retry.json")),
    ("queue_update", include_str!("fixtures/queue_update.json")),
    ("action_required", include_str!("fixtures/action_required.json")),
    ("preview_reset", include_str!("fixtures/preview_reset.json")),
    ("history_reset", include_str!("fixtures/history_reset.json")),
];

fn events() -> Vec<ChatStreamEvent> {
    EVENTS
        .iter()
        .map(|(name, text)| serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}")))
        .collect()
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn every_event_has_its_golden_bytes_in_every_framing() {
    for (name, golden) in EVENTS {
        let golden = golden.trim_end();
        let event: ChatStreamEvent = serde_json::from_str(golden).unwrap();
        let events = std::slice::from_ref(&event);
        assert_eq!(text(&Framing::Bare.events(events, None)), format!("[{golden}]\n"), "{name}");
        let envelope = format!("{{\"type\":\"data\",\"data\":[{golden}]}}\n");
        assert_eq!(text(&Framing::Envelope.events(events, None)), envelope, "{name}");
        let block = format!("id: 1.x\ndata: [{golden}]\n\n");
        assert_eq!(text(&Framing::Events.events(events, Some("1.x"))), block, "{name}");
    }
}

#[test]
fn all_framings_carry_the_same_sequence() {
    let mut events = events();
    events.last_mut().unwrap().cursor = Some("1.x".into());
    let bare: Value = serde_json::from_slice(&Framing::Bare.events(&events, Some("1.x"))).unwrap();
    let envelope: Value = serde_json::from_slice(&Framing::Envelope.events(&events, Some("1.x"))).unwrap();
    let block = Framing::Events.events(&events, Some("1.x"));
    let data = text(&block).strip_prefix("id: 1.x\ndata: ").unwrap();
    assert_eq!(envelope["data"], bare);
    assert_eq!(serde_json::from_str::<Value>(data).unwrap(), bare);
    let last = bare.as_array().unwrap().last().unwrap();
    assert_eq!(last["cursor"], "1.x");
    assert!(bare.as_array().unwrap().iter().rev().skip(1).all(|event| event.get("cursor").is_none()));
}

#[test]
fn a_line_break_in_a_text_does_not_end_a_block() {
    let mut event = events().remove(0);
    event.cursor = Some("1.x\n".trim().into());
    let part = event.message_part.as_mut().unwrap();
    part.part = warren_api::chats::ChatMessagePart::text("one\ntwo\r\n\nthree");
    let block = Framing::Events.events(&[event], Some("1.x"));
    assert_eq!(text(&block).lines().filter(|line| !line.is_empty()).count(), 2, "{}", text(&block));
}

#[test]
fn clients_choose_the_framing_by_query_or_subprotocol() {
    let none = HeaderMap::new();
    let mut offers = HeaderMap::new();
    offers.insert(SEC_WEBSOCKET_PROTOCOL, "other, chat.envelope".parse().unwrap());
    assert_eq!(Framing::wanted(None, &none).unwrap(), Framing::Bare);
    assert_eq!(Framing::wanted(Some("envelope"), &none).unwrap(), Framing::Envelope);
    assert_eq!(Framing::wanted(None, &offers).unwrap(), Framing::Envelope);
    assert_eq!(Framing::wanted(Some("bare"), &offers).unwrap(), Framing::Bare);
    assert!(Framing::wanted(Some("xml"), &none).is_err());
}

#[test]
fn only_the_envelope_greets_watchers_of_the_list() {
    assert_eq!(Framing::Bare.greeting(), None);
    assert_eq!(text(&Framing::Envelope.greeting().unwrap()), "{\"type\":\"ping\"}");
}
