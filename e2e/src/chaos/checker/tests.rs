use std::collections::{BTreeMap, BTreeSet};

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
        (
            "the chat shows an error",
            changed(|events| events.push(Seen::Error(String::from("x")))),
            Wrong::Failed,
        ),
        (
            "nobody knows what it is",
            changed(|events| events.push(Seen::Other(String::from("x")))),
            Wrong::Different,
        ),
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

/// A chat in which the second message asked for a tool.
fn answered() -> Committed {
    let call = json!([{ "type": "text", "text": "#2 5 " },
        { "type": "tool-call", "tool_call_id": "c1", "tool_name": "lookup" }]);
    let messages = vec![
        message(1, "user", "Short <c0m0>"),
        message(2, "assistant", "#1 3 4 "),
        message(3, "user", "Lookup <c0m1>"),
        Kept::read(&json!({ "id": 4, "role": "assistant", "content": call })),
        message(5, "tool", ""),
        message(6, "assistant", "#3 6 "),
    ];
    Committed { status: String::from("waiting"), messages, queue: Vec::new() }
}

fn wrongs(found: Vec<Violation>) -> Vec<Wrong> {
    found.into_iter().map(|violation| violation.wrong).collect()
}

#[test]
fn each_message_has_one_answer() {
    let judge = |n_interrupts, change: &dyn Fn(&mut Committed)| {
        let mut committed = answered();
        change(&mut committed);
        wrongs(committed.each_message_has_one_answer("chat", "<c0m", n_interrupts))
    };
    assert_eq!(judge(0, &|_| ()), []);
    assert_eq!(judge(0, &|it| drop(it.messages.remove(5))), [Wrong::Lost], "the closing answer is missing");
    assert_eq!(judge(0, &|it| drop(it.messages.remove(1))), [Wrong::Lost]);
    assert_eq!(judge(1, &|it| drop(it.messages.remove(1))), [], "it was interrupted");
    let both = |it: &mut Committed| it.messages.retain(|kept| kept.role == "user");
    assert_eq!(judge(1, &both), [Wrong::Lost], "one interrupt does not silence two");
    assert_eq!(judge(0, &|it| it.messages.push(message(7, "assistant", "#4 7 "))), [Wrong::Doubled]);
    assert_eq!(judge(5, &|it| it.messages.insert(2, message(2, "assistant", "#4 7 "))), [Wrong::Doubled]);
    assert_eq!(judge(0, &|it| it.status = String::from("error")), [Wrong::Failed]);
}

/// What is wrong with chats that keep these answers, of which the model said the first three.
fn judge_answers(n_interrupts: usize, chats: &[&[&str]]) -> Vec<Wrong> {
    let mut answers = Answers::default();
    let said = |serial: u64| {
        let (text, is_complete) = match serial {
            1 => ("#1 3 4 ", true),
            2 => ("#2 5 6 ", true),
            3 => ("#3 7 ", false),
            _ => return None,
        };
        Some(Said { text: text.to_owned(), is_complete })
    };
    let judged = chats.iter().flat_map(|texts| {
        let messages = (1..).zip(texts.iter()).map(|(id, text)| message(id, "assistant", text)).collect();
        let committed = Committed { messages, ..Committed::default() };
        answers.take("chat", &committed, n_interrupts, said)
    });
    wrongs(judged.collect())
}

#[test]
fn answers_are_kept_once_and_as_the_model_said_them() {
    assert_eq!(judge_answers(0, &[&["#1 3 4 ", ""], &["#2 5 6 "]]), []);
    assert_eq!(judge_answers(0, &[&["#1 3 4 ", "#1 3 4 "]]), [Wrong::Doubled]);
    assert_eq!(judge_answers(0, &[&["#1 3 4 "], &["#1 3 4 "]]), [Wrong::Doubled], "in two chats");
    assert_eq!(judge_answers(0, &[&["#9 3 4 "]]), [Wrong::Different], "nobody said it");
    assert_eq!(judge_answers(0, &[&["3 4 "]]), [Wrong::Different], "the beginning is missing");
    assert_eq!(judge_answers(0, &[&["#1 3 5 "]]), [Wrong::Different]);
    assert_eq!(judge_answers(0, &[&["#1 3 #2 5 6 "]]), [Wrong::Different], "two answers in one");
    assert_eq!(judge_answers(0, &[&["#1 3 "]]), [Wrong::Lost], "the end is missing");
    assert_eq!(judge_answers(0, &[&["#3 7 "]]), [Wrong::Lost], "the model did not come to the end");
    assert_eq!(judge_answers(1, &[&["#1 3 "]]), [], "it was interrupted");
    assert_eq!(judge_answers(1, &[&["#1 3 ", "#2 5 "]]), [Wrong::Lost], "one interrupt does not cut two");
}

#[test]
fn a_prompt_with_an_answer_twice_is_found() {
    let prompt = |texts: &[&str]| {
        let messages: Vec<_> =
            texts.iter().map(|text| json!({ "role": "assistant", "content": text })).collect();
        wrongs(answers_are_told_once(&json!({ "messages": messages })))
    };
    assert_eq!(prompt(&["#1 3 ", "#2 3 "]), []);
    assert_eq!(prompt(&["#1 3 ", "#2 3 ", "#1 3 "]), [Wrong::Doubled]);
    assert_eq!(prompt(&["#1 3 #1 3 "]), [Wrong::Doubled]);
    let parts = json!([{ "type": "text", "text": "#1 3 " }, { "type": "text", "text": "#1 4 " }]);
    let request = json!({ "messages": [{ "role": "assistant", "content": parts }] });
    assert_eq!(wrongs(answers_are_told_once(&request)), [Wrong::Doubled]);
}

#[test]
fn calls_that_are_booked_twice_are_found() {
    let counts = |count| BTreeMap::from([(String::from("c0-1"), count)]);
    assert_eq!(wrongs(calls_are_booked_once(&counts(3), &counts(3))), []);
    assert_eq!(wrongs(calls_are_booked_once(&counts(2), &counts(3))), [], "one was lost with its server");
    assert_eq!(wrongs(calls_are_booked_once(&counts(4), &counts(3))), [Wrong::Doubled]);
    assert_eq!(wrongs(calls_are_booked_once(&counts(1), &BTreeMap::new())), [Wrong::Doubled]);
}

#[test]
fn whose_request_it_is_stands_in_the_last_message() {
    let request = |content| {
        json!({ "messages": [{ "role": "user", "content": "Short <c0-1m0>" }, { "role": "user", "content": content },
            { "role": "tool", "content": "<x" }] })
    };
    assert_eq!(asks(&request(json!("Long <c2-7m12>"))).as_deref(), Some("c2-7"));
    assert_eq!(asks(&request(json!([{ "type": "text", "text": "Long <c3-0m1>" }]))).as_deref(), Some("c3-0"));
    assert_eq!(asks(&json!({ "messages": [] })), None);
}

#[test]
fn failures_of_the_model_are_read_and_counted_once() {
    let frame = json!([
        { "type": "retry", "retry": { "attempt": 1, "retrying_at": "2026-01-01T00:00:00Z" } },
        { "type": "error", "error": { "message": "no" } },
        { "type": "action_required", "action_required": { "tool_calls": [] } },
        { "type": "new" },
    ]);
    let (events, _) = read_events(&frame.to_string()).unwrap();
    assert!(matches!(&events[1], Seen::Error(error) if error.contains("no")));
    assert_eq!(events[2..], [Seen::ActionRequired, Seen::Other(String::from("new"))]);
    let mut viewer = ViewerCheck::new("viewer", 0);
    assert_eq!(viewer.take(&events[0]), []);
    assert_eq!(viewer.take(&events[0]), []);
    assert_eq!(viewer.retries.len(), 1);
}
