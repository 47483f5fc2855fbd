use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn message(id: i64, role: &str, text: &str) -> Kept {
    Kept::read(&json!({ "id": id, "role": role, "content": [{ "type": "text", "text": text }] }))
}

fn said(id: i64, role: &str, text: &str) -> Seen {
    Seen::Message(message(id, role, text))
}

fn part(history: i64, attempt: i64, seq: i64, text: &str) -> Seen {
    Seen::Part { history, attempt, seq, text: text.to_owned(), digest: 0 }
}

fn status(word: &str) -> Seen {
    Seen::Status(word.to_owned())
}

fn committed() -> Committed {
    let messages = vec![message(1, "user", "hello"), message(2, "assistant", "one two ")];
    Committed { status: String::from("waiting"), messages, queue: Vec::new() }
}

/// A viewer that saw everything, over a failed attempt.
fn good() -> Vec<Seen> {
    vec![
        said(1, "user", "hello"),
        status("running"),
        Seen::PreviewReset,
        part(2, 1, 1, "eins "),
        part(2, 1, 2, "zwei "),
        Seen::PreviewReset,
        part(2, 2, 1, "one "),
        part(2, 2, 2, "two "),
        said(2, "assistant", "one two "),
        status("waiting"),
        Seen::PreviewReset,
    ]
}

/// What is wrong with a viewer of the committed history, event by event and at the end.
fn judge(events: &[Seen]) -> BTreeSet<Wrong> {
    let mut viewer = ViewerCheck::new("viewer", 0);
    let mut found: Vec<_> = events.iter().flat_map(|event| viewer.take(event)).collect();
    found.extend(viewer.finish(&committed()));
    found.into_iter().map(|violation| violation.wrong).collect()
}

fn changed(change: impl FnOnce(&mut Vec<Seen>)) -> BTreeSet<Wrong> {
    let mut events = good();
    change(&mut events);
    judge(&events)
}

#[test]
fn a_good_history_is_accepted() {
    assert_eq!(judge(&good()), BTreeSet::new());
}

#[test]
fn a_viewer_that_was_away_for_an_attempt_is_accepted() {
    let events = changed(|events| drop(events.drain(5..8)));
    assert_eq!(events, BTreeSet::new());
}

#[test]
fn an_edit_takes_messages_back_only_with_a_reset() {
    let reset = [Seen::HistoryReset, said(1, "user", "hello"), said(2, "assistant", "one two ")];
    assert_eq!(changed(|events| events.extend(reset)), BTreeSet::new());
    let mut old = good();
    old.insert(1, said(3, "user", "cut"));
    old[9] = said(4, "assistant", "one two ");
    assert!(judge(&old).contains(&Wrong::Different));
}

#[test]
fn bad_histories_are_rejected() {
    let table: Vec<(&str, BTreeSet<Wrong>, Wrong)> = vec![
        ("a part is missing", changed(|events| drop(events.remove(6))), Wrong::Lost),
        ("a part in the middle is missing", changed(|events| events[7] = part(2, 2, 3, "two ")), Wrong::Lost),
        ("a part comes twice", changed(|events| events.insert(4, part(2, 1, 1, "eins "))), Wrong::Doubled),
        ("parts are swapped", changed(|events| events.swap(6, 7)), Wrong::Lost),
        ("a reset is missing", changed(|events| drop(events.remove(5))), Wrong::OutOfOrder),
        (
            "an earlier attempt comes back",
            changed(|events| drop(events.splice(8..8, [Seen::PreviewReset, part(2, 1, 1, "eins ")]))),
            Wrong::OutOfOrder,
        ),
        ("a message is missing", changed(|events| drop(events.remove(0))), Wrong::Lost),
        ("a message comes twice", changed(|events| events.insert(1, events[0].clone())), Wrong::Doubled),
        ("messages are swapped", changed(|events| events.swap(0, 8)), Wrong::OutOfOrder),
        ("a message differs", changed(|events| events[0] = said(1, "user", "hallo")), Wrong::Different),
        (
            "the text that was shown is not the text that is kept",
            changed(|events| events[7] = part(2, 2, 2, "three ")),
            Wrong::Different,
        ),
        ("the preview stays", changed(|events| drop(events.remove(10))), Wrong::Different),
        ("the end is not told", changed(|events| drop(events.remove(9))), Wrong::Lost),
        ("the status comes twice", changed(|events| events.push(status("waiting"))), Wrong::Doubled),
        ("the queue is not told", changed(|events| events.push(Seen::Queue(1))), Wrong::Lost),
    ];
    for (name, found, wanted) in table {
        assert!(found.contains(&wanted), "{name}: {found:?}");
    }
}

#[test]
fn a_viewer_gets_nothing_that_it_said_it_has() {
    let mut viewer = ViewerCheck::new("viewer", 1);
    assert_eq!(viewer.take(&said(1, "user", "hello"))[0].wrong, Wrong::Doubled);
    let mut viewer = ViewerCheck::new("viewer", 1);
    assert_eq!(viewer.take(&said(2, "assistant", "one two ")), []);
    viewer.take(&status("waiting"));
    assert_eq!(viewer.finish(&committed()), []);
}

#[test]
fn two_viewers_see_the_same_part_under_the_same_number() {
    let part = |digest| Seen::Part { history: 1, attempt: 1, seq: 1, text: String::new(), digest };
    let mut parts = PartsOfChat::default();
    assert_eq!(parts.take("one", &part(5)), None);
    assert_eq!(parts.take("two", &part(5)), None);
    assert_eq!(parts.take("two", &part(6)).unwrap().wrong, Wrong::Different);
}

fn told(once: &[&str], gone: &[&str]) -> Acknowledged {
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Acknowledged { once: set(once), gone: set(gone), ..Acknowledged::default() }
}

#[test]
fn acknowledged_messages_are_there_once() {
    let judge = |told: &Acknowledged, committed: &Committed| {
        let found = committed.agrees_with("chat", told, &ClientTools::default());
        found.into_iter().map(|violation| violation.wrong).collect::<Vec<_>>()
    };
    assert_eq!(judge(&told(&["hello"], &["draft"]), &committed()), []);
    assert_eq!(judge(&told(&["hello", "more"], &[]), &committed()), [Wrong::Lost]);
    assert_eq!(judge(&told(&[], &["hello"]), &committed()), [Wrong::Different]);
    let mut twice = committed();
    twice.queue.push(String::from("hello"));
    assert_eq!(judge(&told(&["hello"], &[]), &twice), [Wrong::Doubled]);
    let unsure = Acknowledged { at_most_once: told(&["hello"], &[]).once, ..Acknowledged::default() };
    assert_eq!(judge(&unsure, &twice), [Wrong::Doubled]);
    assert_eq!(judge(&unsure, &committed()), []);
}

fn with_calls(parts: serde_json::Value) -> Committed {
    let mut committed = committed();
    committed.messages.push(Kept::read(&json!({ "id": 3, "role": "tool", "content": parts })));
    committed
}

#[test]
fn each_call_has_one_result_and_it_is_the_accepted_one() {
    let call = json!({ "type": "tool-call", "tool_call_id": "c1", "tool_name": "lookup" });
    let result = |output: &str| json!({ "type": "tool-result", "tool_call_id": "c1", "result": output });
    let judge = |parts: serde_json::Value, accepted: &[&str]| {
        let accepted = accepted.iter().map(|it| (*it).to_owned()).collect();
        let tools = ClientTools { accepted: [(String::from("c1"), accepted)].into() };
        let found = with_calls(parts).agrees_with("chat", &Acknowledged::default(), &tools);
        found.into_iter().map(|violation| violation.wrong).collect::<Vec<_>>()
    };
    assert_eq!(judge(json!([call, result("n-1")]), &["n-1"]), []);
    assert_eq!(judge(json!([call, result("n-1")]), &[]), []);
    assert_eq!(judge(json!([call]), &[]), [Wrong::Lost]);
    assert_eq!(judge(json!([call, result("n-1"), result("n-1")]), &["n-1"]), [Wrong::Doubled]);
    assert_eq!(judge(json!([call, result("n-2")]), &["n-1"]), [Wrong::Different]);
    assert_eq!(judge(json!([call, result("n-1")]), &["n-1", "n-2"]), [Wrong::EffectTwice]);
}

#[test]
fn a_command_that_ran_twice_or_never_is_found() {
    let judge = |marks: &[&str], ran: &[&str]| {
        let marks: Vec<_> = marks.iter().map(|mark| (*mark).to_owned()).collect();
        let found = commands_ran_once(&marks, &ran.iter().map(|call| (*call).to_owned()).collect());
        found.into_iter().map(|violation| violation.wrong).collect::<Vec<_>>()
    };
    assert_eq!(judge(&["c1", "c2"], &["c1"]), []);
    assert_eq!(judge(&["c1", "c1"], &["c1"]), [Wrong::EffectTwice]);
    assert_eq!(judge(&["c2"], &["c1"]), [Wrong::Lost]);
}

#[test]
fn a_prompt_with_a_result_twice_is_found() {
    let result = json!({ "role": "tool", "tool_call_id": "c1", "content": "x" });
    assert_eq!(prompt_is_told_once(&json!({ "messages": [result] })), []);
    let twice = prompt_is_told_once(&json!({ "messages": [result, result] }));
    assert_eq!(twice[0].wrong, Wrong::Doubled);
}

#[test]
fn frames_are_read() {
    let frame = json!([
        { "type": "message", "message": { "id": 4, "role": "user", "content": [{ "type": "text", "text": "hi" }] } },
        { "type": "message_part", "message_part": { "role": "assistant", "history_version": 3, "generation_attempt": 1,
            "seq": 2, "part": { "type": "text", "text": "word" } } },
        { "type": "status", "status": { "status": "running" }, "cursor": "1.x" },
    ]);
    let (events, cursor) = read_events(&frame.to_string()).unwrap();
    assert_eq!(cursor.as_deref(), Some("1.x"));
    assert_eq!(events[0], said(4, "user", "hi"));
    assert!(matches!(&events[1], Seen::Part { history: 3, attempt: 1, seq: 2, text, .. } if text == "word"));
    assert_eq!(events[2], status("running"));
}
