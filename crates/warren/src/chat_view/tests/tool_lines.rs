//! Tool calls, their outputs and results.

use super::*;

fn lines(from: usize, to: usize) -> String {
    (from..=to).map(|n| format!("line {n}\n")).collect()
}

fn ran(output: &str) -> Value {
    json!({ "output": output, "exit_code": 0, "wall_duration_ms": 1234, "success": true })
}

#[test]
fn a_call_and_its_result_are_printed_once_each() {
    let run = call("c1", "execute", json!({ "command": "ls" }));
    let mut view = new();
    let mut out = view.see(&[text((1, 1), 1, "Look:"), part((1, 1), 2, run.clone())]);
    out += &view.see(&[message(2, MessageRole::Assistant, vec![ChatMessagePart::text("Look:"), run])]);
    let ended = result("c1", "execute", ran("a\nb\n"), false);
    out += &view.see(&[part((2, 0), 1, ended.clone()), message(3, MessageRole::Tool, vec![ended])]);
    out += &view.see(&[answer(4, "Two files.")]);
    assert_eq!(out, "Look:\n\n● Run ls\n  │ a\n  │ b\n  ✔ 1.2 s\n\nTwo files.\n");
}

#[test]
fn results_say_how_the_call_ended() {
    for (name, args, given, is_error, expected) in [
        (
            "execute",
            json!({ "command": "x" }),
            json!({ "output": "", "exit_code": 2, "wall_duration_ms": 40 }),
            false,
            "● Run x\n  ✘ failed · exit 2 · 0.0 s\n",
        ),
        (
            "execute",
            json!({ "command": "x" }),
            json!({ "output": "half", "interrupted": true, "error": "It was killed." }),
            true,
            "● Run x\n  │ half\n  │ It was killed.\n  ■ stopped\n",
        ),
        ("write_file", json!({ "path": "/a" }), json!({ "ok": true }), false, "● Write /a\n  ✔ done\n"),
        (
            "write_file",
            json!({ "path": "/a" }),
            json!({ "error": "A rule forbids it.", "error_code": "denied_by_rule" }),
            true,
            "● Write /a\n  │ A rule forbids it.\n  ⊘ not allowed\n",
        ),
        (
            "write_file",
            json!({ "path": "/a" }),
            json!({ "error": "Nobody knows.", "error_code": "outcome_unknown" }),
            true,
            "● Write /a\n  │ Nobody knows.\n  ? outcome unknown\n",
        ),
        (
            "read_file",
            json!({ "path": "/a" }),
            json!({ "content": "1\tone", "lines_read": 1 }),
            false,
            "● Read /a\n  ✔ 1 line\n",
        ),
        (
            "weather",
            json!({ "city": "Oslo" }),
            json!({ "sky": "grey" }),
            false,
            "● weather {\"city\":\"Oslo\"}\n  │ {\n  │   \"sky\": \"grey\"\n  │ }\n  ✔ done\n",
        ),
        ("execute", json!({ "command": "a\nb" }), ran(""), false, "● Run a⏎b\n  ✔ 1.2 s\n"),
        (
            "chat_summarized",
            json!({}),
            json!({ "summary": "s" }),
            false,
            "[the conversation so far was condensed to a summary; the model goes on from there]\n",
        ),
    ] {
        let out = new().see(&[
            message(1, MessageRole::Assistant, vec![call("c", name, args)]),
            message(2, MessageRole::Tool, vec![result("c", name, given, is_error)]),
        ]);
        assert_eq!(out, expected);
    }
}

#[test]
fn of_a_long_output_the_beginning_and_the_end_are_shown() {
    let run = message(1, MessageRole::Assistant, vec![call("c", "execute", json!({ "command": "make" }))]);
    let ended = message(2, MessageRole::Tool, vec![result("c", "execute", ran(&lines(1, 30)), false)]);
    let shown = |from, to| (from..=to).map(|n| format!("  │ line {n}\n")).collect::<String>();
    let short = format!("{}  │ … 18 lines left out; --full shows them\n{}", shown(1, 8), shown(27, 30));
    let expected = format!("● Run make\n{short}  ✔ 1.2 s\n");
    assert_eq!(new().see(&[run.clone(), ended.clone()]), expected, "read later");

    let mut view = new();
    let mut out = view.see(std::slice::from_ref(&run));
    for n in (1..=30).step_by(3) {
        out += &view.see(&[part(
            (1, 1),
            n,
            delta("c", &lines(n.try_into().unwrap(), usize::try_from(n).unwrap() + 2)),
        )]);
    }
    out += &view.see(std::slice::from_ref(&ended));
    assert_eq!(out, expected, "while it runs");

    let full = ChatView::new(Look { full: true, ..PLAIN }, chat(), None).see(&[run, ended]);
    assert_eq!(full, format!("● Run make\n{}  ✔ 1.2 s\n", shown(1, 30)));
}

#[test]
fn output_is_printed_in_whole_lines_as_a_terminal_would_show_them() {
    let mut view = new();
    view.see(&[message(1, MessageRole::Assistant, vec![call("c", "execute", json!({ "command": "make" }))])]);
    assert_eq!(view.see(&[part((1, 1), 1, delta("c", "10%\r50"))]), "");
    let out = view.see(&[part((1, 1), 2, delta("c", "%\r100%\r\n\u{1b}[32mok\u{1b}[0m\nrest"))]);
    assert_eq!(out, "  │ 100%\n  │ ok\n");
    let ended = result("c", "execute", ran("10%\r50%\r100%\r\n\u{1b}[32mok\u{1b}[0m\nrest"), false);
    assert_eq!(view.see(&[message(2, MessageRole::Tool, vec![ended])]), "  │ rest\n  ✔ 1.2 s\n");
}

#[test]
fn lines_of_calls_that_run_at_the_same_time_are_told_apart() {
    let mut view = new();
    let calls = ["a", "b"].map(|id| call(id, "execute", json!({ "command": format!("run {id}") })));
    let mut out = view.see(&[message(1, MessageRole::Assistant, calls.to_vec())]);
    out += &view.see(&[part((1, 1), 1, delta("a", "from a\n")), part((1, 1), 2, delta("b", "from b\n"))]);
    let done = |id: &str| result(id, "execute", ran(&format!("from {id}\n")), false);
    out += &view.see(&[message(2, MessageRole::Tool, vec![done("a"), done("b")])]);
    let expected = "● Run run a\n● Run run b\n◌ Run run a\n  │ from a\n◌ Run run b\n  │ from b\n  ✔ Run run a · 1.2 s\n  ✔ 1.2 s\n";
    assert_eq!(out, expected);
}

#[test]
fn long_lines_are_cut_to_the_terminal() {
    let look = Look { columns: 30, ..PLAIN };
    let wide = "日本語".repeat(20);
    let out = ChatView::new(look, chat(), None).see(&[
        message(1, MessageRole::Assistant, vec![call("c", "execute", json!({ "command": "y".repeat(99) }))]),
        message(
            2,
            MessageRole::Tool,
            vec![result("c", "execute", ran(&format!("{}\n{wide}\n", "x".repeat(99))), false)],
        ),
    ]);
    let cells = |line: &str| {
        line.chars().map(|c| if ('\u{3000}'..'\u{a000}').contains(&c) { 2 } else { 1 }).sum::<usize>()
    };
    for line in out.lines() {
        assert!(cells(line) <= 30, "{line}");
    }
    assert_eq!(out.matches('…').count(), 3, "{out}");
}

#[test]
fn the_ids_of_an_earlier_turn_may_come_again() {
    let turn = |id: i64, n: i64| {
        let output = format!("turn {n}\n");
        [
            user(id, "go"),
            message(id + 1, MessageRole::Assistant, vec![call("c", "execute", json!({ "command": "date" }))]),
            message(id + 2, MessageRole::Tool, vec![result("c", "execute", ran(&output), false)]),
        ]
    };
    let mut view = new();
    let out = view.see(&turn(1, 1)) + &view.see(&turn(4, 2));
    assert_eq!(out.matches("● Run date").count(), 2, "{out}");
    assert!(out.contains("  │ turn 2\n"), "{out}");
}
