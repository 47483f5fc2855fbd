//! How a use of a tool is told to a person: what it does, how it ended, and what of its result is worth reading. Pure.

use serde_json::Value;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Done,
    Failed,
    /// Somebody, or a rule, did not allow it.
    Denied,
    /// It was interrupted.
    Stopped,
    /// Whether it took effect is not known.
    Unknown,
}

impl State {
    /// One character that stands for it.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Done => "✔",
            Self::Failed => "✘",
            Self::Denied => "⊘",
            Self::Stopped => "■",
            Self::Unknown => "?",
        }
    }

    /// What it is called.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Denied => "not allowed",
            Self::Stopped => "stopped",
            Self::Unknown => "outcome unknown",
        }
    }
}

/// Reads from a result how the call ended.
pub fn state(result: &Value, is_error: bool) -> State {
    let code = text(result, "error_code");
    let message = match result {
        Value::String(message) => message.as_str(),
        _ => [text(result, "error"), text(result, "message")]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or(""),
    };
    if code.starts_with("denied") || message.starts_with("The user did not allow") {
        return State::Denied;
    }
    if result["interrupted"] == true {
        return State::Stopped;
    }
    if result["outcome"] == "unknown" || code == "outcome_unknown" {
        return State::Unknown;
    }
    let exit_code = result["exit_code"].as_i64().unwrap_or(0);
    if is_error || result["success"] == false || exit_code != 0 { State::Failed } else { State::Done }
}

/// What a call does, in a few words: a verb and what it works on.
pub fn title(name: &str, args: &Value) -> (String, String) {
    let arg = |field| text(args, field).to_owned();
    let (verb, object) = match name {
        "execute" => ("Run", arg("command")),
        "read_file" => ("Read", arg("path")),
        "write_file" => ("Write", arg("path")),
        "edit_files" => ("Edit", edited_paths(args).join(", ")),
        "list_files" => {
            ("List", Some(arg("path")).filter(|path| !path.is_empty()).unwrap_or_else(|| "~".into()))
        }
        "search_files" => ("Search", searched(args)),
        "process_output" => ("Output of process", arg("process_id")),
        "process_list" => ("List processes", String::new()),
        "process_signal" if args["signal"] == "kill" => ("Kill process", arg("process_id")),
        "process_signal" => ("End process", arg("process_id")),
        "workspace_status" => ("Look at the workspace", String::new()),
        "ask_user_question" => ("Question", String::new()),
        "create_workspace" => ("Create workspace", arg("name")),
        "start_workspace" => ("Start the workspace", String::new()),
        "stop_workspace" => ("Stop the workspace", String::new()),
        "list_templates" => ("List templates", arg("query")),
        "read_template" => ("Read template", arg("template_id")),
        other => return (other.to_owned(), arguments(args)),
    };
    (verb.to_owned(), object)
}

/// What is worth saying about the end besides its state: a duration, an exit code, a count.
pub fn outcome(name: &str, result: &Value) -> String {
    let mut facts = Vec::new();
    if let Some(code) = result["exit_code"].as_i64().filter(|code| *code != 0) {
        facts.push(format!("exit {code}"));
    }
    if let Some(ms) = result["wall_duration_ms"].as_f64() {
        facts.push(duration(ms));
    }
    match text(result, "background_process_id") {
        "" => {}
        id => facts.push(format!("goes on in the background as process {id}")),
    }
    if let (Some(lines), "read_file") = (result["lines_read"].as_i64(), name) {
        facts.push(format!("{lines} {}", if lines == 1 { "line" } else { "lines" }));
    }
    match text(result, "workspace_name") {
        "" => {}
        workspace => facts.push(workspace.to_owned()),
    }
    facts.join(" · ")
}

/// What a person wants to read of a result; empty when the title and the outcome say it all.
pub fn body(name: &str, result: &Value, state: State) -> String {
    let error = [text(result, "error"), text(result, "message")]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or("");
    let main = match name {
        _ if result.is_string() => result.as_str().unwrap_or_default().to_owned(),
        "execute" | "process_output" => text(result, "output").to_owned(),
        "edit_files" => {
            let diffs = list(result, "files").iter().map(|file| text(file, "diff"));
            diffs.collect::<Vec<_>>().join("\n")
        }
        "list_templates" => names(list(result, "templates")),
        "process_list" => {
            let lines = list(result, "processes").iter().map(process_line);
            lines.collect::<Vec<_>>().join("\n")
        }
        "list_files" | "search_files" => found(result),
        "write_file" | "read_template" | "create_workspace" | "start_workspace" | "stop_workspace"
        | "workspace_status" => String::new(),
        "read_file" => text(result, "content").to_owned(),
        _ if !error.is_empty() && state != State::Done => String::new(),
        _ => text_field(result).unwrap_or_else(|| pretty(result)),
    };
    let error = if state == State::Done { "" } else { error };
    let pieces = [main.trim_end(), error, text(result, "note")].into_iter().filter(|piece| !piece.is_empty());
    pieces.collect::<Vec<_>>().join("\n")
}

/// Shows a JSON value over several lines; a text as it is.
pub fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(value).unwrap_or_default()
        }
    }
}

/// Shows a span of time: `0.3 s`, `12 s`, `3 m 20 s`, `2 h 5 m`, `40 days`.
pub fn duration(ms: f64) -> String {
    let seconds = ms.max(0.0) / 1000.0;
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let seconds = seconds.round() as u64;
    let minutes = seconds / 60;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} m {} s", seconds % 60),
        3600..172_800 => format!("{} h {} m", minutes / 60, minutes % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Returns a text field of an object; empty when it has none.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn edited_paths(args: &Value) -> Vec<&str> {
    list(args, "files").iter().map(|file| text(file, "path")).filter(|path| !path.is_empty()).collect()
}

fn searched(args: &Value) -> String {
    let what = [text(args, "content"), text(args, "name")].into_iter().find(|text| !text.is_empty());
    let path = text(args, "path");
    let place = if path.is_empty() { String::new() } else { format!(" in {path}") };
    format!("{}{place}", what.unwrap_or_default())
}

fn arguments(args: &Value) -> String {
    match args {
        Value::Null => String::new(),
        Value::Object(fields) if fields.is_empty() => String::new(),
        other => other.to_string(),
    }
}

fn names(items: &[Value]) -> String {
    let name =
        |item| [text(item, "display_name"), text(item, "name")].into_iter().find(|name| !name.is_empty());
    items.iter().filter_map(name).collect::<Vec<_>>().join("\n")
}

fn process_line(process: &Value) -> String {
    let state = match (process["running"] == true, process["exit_code"].as_i64()) {
        (true, _) => "running".to_owned(),
        (false, Some(code)) => format!("exit {code}"),
        (false, None) => "ended".to_owned(),
    };
    format!("{}  {state}", text(process, "command"))
}

fn found(result: &Value) -> String {
    let items = ["matches", "results", "files", "entries"].into_iter().map(|field| list(result, field));
    let items = items.into_iter().find(|items| !items.is_empty()).unwrap_or_default();
    let line = |item: &Value| match item {
        Value::String(line) => line.clone(),
        other => {
            let place = [text(other, "path"), text(other, "name")].into_iter().find(|text| !text.is_empty());
            format!("{}{}", place.unwrap_or_default(), if other["is_dir"] == true { "/" } else { "" })
        }
    };
    items.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The field that a person wants to read, where a result has one.
fn text_field(result: &Value) -> Option<String> {
    ["output", "content", "message"].iter().find_map(|field| result.get(field)?.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_says_how_the_call_ended() {
        for (result, is_error, expected) in [
            (json!({ "output": "x", "exit_code": 0 }), false, State::Done),
            (json!({ "output": "x", "exit_code": 2 }), false, State::Failed),
            (json!({ "success": false }), false, State::Failed),
            (json!("no"), true, State::Failed),
            (json!({ "interrupted": true, "error": "It was killed." }), true, State::Stopped),
            (json!({ "error_code": "outcome_unknown" }), true, State::Unknown),
            (json!({ "error_code": "denied_by_rule" }), true, State::Denied),
            (json!({ "error": "The user did not allow this call." }), true, State::Denied),
            (json!(null), false, State::Done),
        ] {
            assert_eq!(state(&result, is_error), expected, "{result}");
        }
    }

    #[test]
    fn a_call_is_told_in_a_few_words() {
        for (name, args, expected) in [
            ("execute", json!({ "command": "ls" }), "Run|ls"),
            ("edit_files", json!({ "files": [{ "path": "/a" }, { "path": "/b" }] }), "Edit|/a, /b"),
            ("search_files", json!({ "name": "*.rs", "path": "~" }), "Search|*.rs in ~"),
            ("list_files", json!({}), "List|~"),
            ("process_signal", json!({ "signal": "kill", "process_id": "p" }), "Kill process|p"),
            ("weather", json!({ "city": "Oslo" }), "weather|{\"city\":\"Oslo\"}"),
            ("weather", json!({}), "weather|"),
            ("execute", json!("not an object"), "Run|"),
        ] {
            let (verb, object) = title(name, &args);
            assert_eq!(format!("{verb}|{object}"), expected);
        }
    }

    #[test]
    fn of_a_result_is_shown_what_a_person_reads() {
        for (name, result, is_error, expected) in [
            ("execute", json!({ "output": "a\n", "exit_code": 0 }), false, "a"),
            (
                "execute",
                json!({ "output": "a\n", "error": "It was killed.", "interrupted": true }),
                true,
                "a\nIt was killed.",
            ),
            ("write_file", json!({ "message": "Written." }), false, ""),
            ("write_file", json!({ "error": "No space." }), true, "No space."),
            (
                "execute",
                json!({ "error": "Not allowed.", "note": "use staging" }),
                true,
                "Not allowed.\nuse staging",
            ),
            ("search_files", json!({ "matches": ["/a:1: x", "/b:2: y"] }), false, "/a:1: x\n/b:2: y"),
            ("list_files", json!({ "entries": [{ "name": "src", "is_dir": true }] }), false, "src/"),
            ("weather", json!({ "sky": "grey" }), false, "{\n  \"sky\": \"grey\"\n}"),
            ("weather", json!("grey"), false, "grey"),
            ("weather", json!({ "error": "No such city.", "code": 4 }), true, "No such city."),
        ] {
            let state = state(&result, is_error);
            assert_eq!(body(name, &result, state), expected, "{result}");
        }
    }

    #[test]
    fn durations_are_short() {
        let shown: Vec<_> = [40.0, 9_900.0, 12_400.0, 200_000.0, 7_500_000.0, 1e12].map(duration).to_vec();
        assert_eq!(shown, ["0.0 s", "9.9 s", "12 s", "3 m 20 s", "2 h 5 m", "11574 days"]);
    }
}
