//! What the model says in each scene.

use serde_json::{Value, json};

/// More than the numbers of all points.
const MARKS: usize = 40;

pub(super) fn script() -> String {
    // Messages that nobody answered are told as one with the next, so the next is looked for first.
    let mut turns = vec![says("Next", "Went on.")];
    // Longer numbers first: `mark-1` is part of `mark-10`.
    for number in (0..MARKS).rev() {
        turns.push(command(&format!("Run mark-{number}"), &format!("mark-{number}")));
        turns.push(command(&format!("Ask ask-{number}"), &format!("ask-{number}")));
    }
    let stumble = json!([{ "fail": { "status": 500, "message": "no" } }]);
    let weather = json!([{ "tool_call": { "name": "weather", "args": {}, "id": "weather-1" } }]);
    let options = json!([{ "label": "Blue" }, { "label": "Red" }]);
    let questions = json!({ "questions": [{ "question": "Which colour?", "options": options }] });
    let question = json!([{ "tool_call": { "name": "ask_user_question", "args": questions } }]);
    turns.extend([
        says("Run mark", "It has run."),
        says("Ask ask", "Done asking."),
        json!({ "when": { "user": "Stumble at before", "nth": 1 }, "steps": stumble }),
        json!({ "when": { "user": "Stumble at after", "nth": 1 }, "steps": stumble }),
        says("Stumble", "Up again."),
        json!({ "when": { "user": "Fail" }, "steps": [{ "fail": { "status": 401, "message": "bad key" } }] }),
        json!({ "when": { "user": "Hang" }, "steps": [{ "text": "Half an answer " }, { "stall": null }] }),
        json!({ "when": { "user": "Weather", "tool_results": 0 }, "steps": weather }),
        says("Weather", "So that is the weather."),
        json!({ "when": { "user": "Question", "tool_results": 0 }, "steps": question }),
        says("Blue", "Blue it is."),
        says("Draft", "A draft."),
        says("Final", "The final one."),
        says("Make", "Made."),
        json!({ "when": { "purpose": "title", "user": "Name" }, "steps": [{ "text": "A fine title" }] }),
        json!({ "when": { "purpose": "turn_summary", "user": "is named" }, "steps": [{ "text": "Gave a name" }] }),
        says("Name", "It is named."),
        json!({ "when": { "purpose": "compaction" }, "steps": [{ "text": "What was said so far." }] }),
        json!({ "when": { "user": "Go on" }, "steps": [{ "text": "Went further." }] }),
        json!({ "when": { "user": "Compact" }, "steps": [
            { "text": "The first part." }, { "usage": { "input": 900_000, "output": 5 } } ] }),
    ]);
    json!({ "turns": turns }).to_string()
}

fn says(user: &str, text: &str) -> Value {
    json!({ "when": { "user": user }, "steps": [{ "text": text }] })
}

/// A command that leaves its mark and says something.
fn command(user: &str, mark: &str) -> Value {
    let command = format!("echo {mark} >> ~/runs; echo {mark}");
    json!({ "when": { "user": user, "tool_results": 0 }, "steps": [
        { "text": "I run it. " },
        { "tool_call": { "name": "execute", "args": { "command": command } } },
    ] })
}
