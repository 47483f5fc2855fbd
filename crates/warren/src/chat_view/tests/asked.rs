//! Approvals, questions and calls that others answer.

use super::*;

pub(super) fn approval(id: &str, tool: &str, args: Value, message: &str) -> ChatApproval {
    ChatApproval {
        tool_call_id: id.into(),
        tool_name: tool.into(),
        args: args.to_string(),
        reason: ChatApprovalReason::Rule,
        message: message.into(),
        requested_at: moment(),
        expires_at: moment(),
    }
}

fn action(approvals: Vec<ChatApproval>, tool_calls: Vec<ChatStreamToolCall>) -> ChatStreamEvent {
    let mut event = bare(ChatStreamEventType::ActionRequired);
    event.action_required = Some(ChatStreamActionRequired { tool_calls, approvals });
    event
}

const PUSH: &str = "\
? The agent wants to run a command.
    $ git push &&
      echo done
    timeout: 5m
  refused by itself at 2026-11-26 10:00 UTC
  approve:    warren chat approve 00000000-0000-0000-0000-000000000000 c1
  deny:       warren chat approve 00000000-0000-0000-0000-000000000000 c1 --deny --note \"…\"
";

#[test]
fn an_approval_shows_the_whole_call_and_the_commands_that_answer() {
    let push = approval(
        "c1",
        "execute",
        json!({ "command": "git push &&\necho done", "timeout": "5m" }),
        "The agent wants to run a command.",
    );
    let mut view = new();
    assert_eq!(view.see(&[status(ChatStatus::RequiresAction)]), "");
    assert!(!view.has_ended(), "what is asked comes in the next frame");
    assert_eq!(view.see(&[action(vec![push.clone()], Vec::new())]), PUSH);
    assert!(view.has_ended());
    assert_eq!(view.waits_for().unwrap().approvals.len(), 1);
    let other = approval("a b", "stop_workspace", json!({}), "May it?");
    let out = view.see(&[action(vec![push, other], Vec::new())]);
    assert!(
        out.starts_with("? May it?\n") && out.contains("'a b' --deny"),
        "only what is new is told: {out}"
    );
    view.see(&[status(ChatStatus::Running)]);
    assert!(view.waits_for().is_none());
}

#[test]
fn whoever_asks_in_person_needs_no_commands() {
    let mut view = ChatView::new(Look { asks: true, ..PLAIN }, chat(), None);
    let push = approval("c1", "execute", json!({ "command": "git push" }), "May it?");
    let out = view.see(&[status(ChatStatus::RequiresAction), action(vec![push], Vec::new())]);
    assert_eq!(out, "? May it?\n    $ git push\n  refused by itself at 2026-11-26 10:00 UTC\n");
}

#[test]
fn a_call_of_another_program_shows_the_command_that_answers_it() {
    let weather = ChatStreamToolCall {
        tool_call_id: "c1".into(),
        tool_name: "weather".into(),
        args: json!({ "city": "Oslo", "days": 2 }).to_string(),
    };
    let out = new().see(&[status(ChatStatus::RequiresAction), action(Vec::new(), vec![weather])]);
    let expected = "? Another program must answer weather.\n    city: Oslo\n    days: 2\n  answer it:  warren chat answer 00000000-0000-0000-0000-000000000000 --result c1='<JSON>'\n";
    assert_eq!(out, expected);
}

fn question(header: &str, options: &[(&str, &str)]) -> Value {
    let options: Vec<_> = options
        .iter()
        .map(|(label, description)| json!({ "label": label, "description": description }))
        .collect();
    json!({ "header": header, "question": format!("Which {header}?"), "options": options })
}

#[test]
fn a_question_is_shown_with_its_options_until_somebody_says_something() {
    let asked = json!({ "questions": [question("database", &[("SQLite", "one file"), ("PostgreSQL", "")])] });
    let ask = [
        message(
            1,
            MessageRole::Assistant,
            vec![ChatMessagePart::text("First:"), call("q", "ask_user_question", asked.clone())],
        ),
        message(2, MessageRole::Tool, vec![result("q", "ask_user_question", asked, false)]),
    ];
    let mut view = new();
    let out = view.see(&ask);
    assert_eq!(out, "First:\n\n? Which database?\n  1  SQLite  one file\n  2  PostgreSQL\n");
    let out = view.see(&[status(ChatStatus::Waiting)]);
    assert_eq!(
        out,
        "  answer it:  warren chat answer 00000000-0000-0000-0000-000000000000 <number or your own words>\n"
    );
    assert_eq!(view.waits_for().unwrap().questions.len(), 1);
    let out = view.see(&[user(3, "SQLite"), answer(4, "Good."), status(ChatStatus::Waiting)]);
    assert_eq!(out, "\n> SQLite\n\nGood.\n");
    assert!(view.waits_for().is_none());
}

#[test]
fn a_question_that_was_refused_asks_nothing() {
    let mut view = new();
    let out = view.see(&[
        message(1, MessageRole::Assistant, vec![call("q", "ask_user_question", json!({ "questions": [] }))]),
        message(
            2,
            MessageRole::Tool,
            vec![result("q", "ask_user_question", json!({ "error": "Ask something." }), true)],
        ),
        status(ChatStatus::Waiting),
    ]);
    assert_eq!(out, "  │ Ask something.\n  ✘ failed\n");
    assert!(view.waits_for().is_none());
}

#[test]
fn answers_are_read_as_numbers_labels_or_own_words() {
    let questions = waiting::questions_of(&json!({ "questions": [
        question("database", &[("SQLite", ""), ("PostgreSQL", "")]),
        question("cache", &[("Yes", ""), ("No", "")]),
    ] }));
    for (said, read) in [
        ("1", Ok("SQLite")),
        (" postgresql ", Ok("PostgreSQL")),
        ("both of them", Ok("both of them")),
        ("3", Err("there is no option 3, only 1 to 2")),
        ("0", Err("there is no option 0, only 1 to 2")),
        ("", Err("an answer is missing")),
    ] {
        assert_eq!(choose(&questions[0], said), read.map(str::to_owned).map_err(str::to_owned), "{said:?}");
    }
    let choices = ["SQLite".to_owned(), "later".to_owned()];
    assert_eq!(answer_text(&questions, &choices), "database: SQLite\ncache: later");
    assert_eq!(answer_text(&questions[..1], &choices[..1]), "SQLite");
}
