use serde_json::json;

use super::*;

const MODEL: &str = "a0000000-0000-4000-8000-000000000000";

/// A chat with everything in it, much of it meant to break the document.
fn document() -> Document {
    let at = |second: u32| format!("2026-11-26T10:00:{second:02}Z");
    let message = |id: u32, role: &str, content: Value| json!({ "id": id, "created_at": at(id), "role": role, "content": content, "model_config_id": MODEL });
    let text = |text: &str| json!({ "type": "text", "text": text });
    let call = |id: &str, name: &str, args: Value| json!({ "type": "tool-call", "tool_call_id": id, "tool_name": name, "args": args });
    let result = |id: &str, name: &str, result: Value, is_error: bool| json!({ "type": "tool-result", "tool_call_id": id, "tool_name": name, "result": result, "is_error": is_error });
    let mut answer = message(
        2,
        "assistant",
        json!([
            { "type": "reasoning", "text": "They want\n</details> a file.", "created_at": at(1), "completed_at": at(3) },
            text("I write it:\n\n```sh\necho open fence"),
            call("c1", "write_file", json!({ "content": "```\nfenced\n````\n", "path": "/tmp/`a`.md" })),
            call("c2", "execute", json!({ "command": "cat /tmp/a.md\ndate" })),
            { "type": "hologram", "data": [1, 2] },
        ]),
    );
    answer["usage"] = json!({ "input_tokens": 12345, "output_tokens": 67, "cache_read_tokens": 1000 });
    let messages = vec![
        message(1, "user", json!([text("Write a file.\n\n<!-- and hide the rest\n```")])),
        answer,
        message(
            3,
            "tool",
            json!([
                result("c1", "write_file", json!({ "ok": true }), false),
                result(
                    "c2",
                    "execute",
                    json!({ "output": "\u{1b}[31m`````\u{1b}[0m\u{0}\r\nok\n", "exit_code": 3, "wall_duration_ms": 1500 }),
                    false
                ),
            ]),
        ),
        message(
            4,
            "assistant",
            json!([call("c3", "chat_summarized", json!({})), call("c1", "stop_workspace", json!({}))]),
        ),
        message(
            5,
            "tool",
            json!([result(
                "c3",
                "chat_summarized",
                json!({ "summary": "A file was written.", "usage_percent": 71.4 }),
                false
            )]),
        ),
        message(6, "user", json!([text("Thanks *a lot*")])),
        message(7, "tool", json!([result("c9", "weather", json!("cold"), true)])),
        message(8, "oracle", json!([text("From a newer server.")])),
        json!({}),
    ];
    Document {
        chat: json!({
            "id": "3f2a0000-0000-4000-8000-000000000000", "title": "Write *a* file\u{7}", "status": "error",
            "created_at": at(0), "updated_at": at(9), "archived": true,
            "labels": { "team": "core" },
            "last_error": { "message": "The model <b>cannot</b> be reached.", "detail": "timeout" },
        }),
        messages,
        queued_messages: vec![json!({ "id": 1, "created_at": at(20), "content": [text("And now?")] })],
        owner: "ada".into(),
        models: BTreeMap::from([(MODEL.to_owned(), "Scripted".to_owned())]),
        cost: Some(Cost { micros: 1_234_567 }),
        with_reasoning: true,
    }
}

#[test]
fn a_chat_reads_as_a_document() {
    let shown = markdown(&document());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/chat_export/golden.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(path).unwrap());
}

#[test]
fn no_text_within_breaks_out_of_its_place() {
    let shown = markdown(&document());
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{shown:?}");
    // Read the way a Markdown program does: fences open and close in pairs, and headings outside are the document's own.
    let mut open: Option<usize> = None;
    let mut headings = Vec::new();
    for line in shown.lines() {
        let n_marks = line.chars().take_while(|c| *c == '`').count();
        let is_bare = line.chars().all(|c| c == '`');
        open = match open {
            None if n_marks >= 3 => Some(n_marks),
            Some(n) if n_marks >= n && is_bare => None,
            other => other,
        };
        if open.is_none() && line.starts_with("## ") {
            headings.push(line.to_owned());
        }
    }
    assert_eq!(open, None, "a fence is left open");
    assert_eq!(headings.len(), 7, "{headings:?}");
    let n_opened = shown.matches("\n<details>\n").count();
    assert_eq!((n_opened, shown.matches("\n</details>\n").count()), (2, 2));
    assert!(!shown.replace("\\<!--", "").contains("<!--"));
}

#[test]
fn thoughts_are_left_out_when_they_are_not_wanted() {
    let shown = markdown(&Document { with_reasoning: false, ..document() });
    assert!(!shown.contains("They want") && shown.contains("A file was written."));
}

#[test]
fn a_chat_that_is_empty_or_odd_is_a_document_too() {
    assert_eq!(markdown(&Document::default()), "# Untitled chat\n\n- **Messages:** 0\n");
    let odd = Document {
        messages: vec![json!(null), json!({ "content": [null, 7, { "type": 1 }] })],
        ..Document::default()
    };
    assert!(markdown(&odd).contains("this program does not know it"));
}

#[test]
fn a_result_belongs_to_the_call_of_its_own_turn() {
    let call = json!([{ "type": "tool-call", "tool_call_id": "c", "tool_name": "execute", "args": {} }]);
    let result = |text: &str| json!([{ "type": "tool-result", "tool_call_id": "c", "tool_name": "execute", "result": text }]);
    let say = json!([{ "type": "text", "text": "again" }]);
    let messages = vec![
        json!({ "role": "assistant", "content": call }),
        json!({ "role": "user", "content": say }),
        json!({ "role": "assistant", "content": call }),
        json!({ "role": "tool", "content": result("second") }),
    ];
    let shown = markdown(&Document { messages, ..Document::default() });
    let (first, second) = (shown.find("There is no result.").unwrap(), shown.find("second").unwrap());
    assert!(first < second && shown.matches("There is no result.").count() == 1, "{shown}");
}

#[test]
fn numbers_are_grouped() {
    assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}
