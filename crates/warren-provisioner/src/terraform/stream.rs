//! What Terraform prints, line by line.

use serde::Deserialize;
use warren_vocab::LogLevel;

/// One printed line, ready for the log.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Printed {
    pub(crate) lines: Vec<(LogLevel, String)>,
    /// The sentence of an error, with file and line.
    pub(crate) error: Option<String>,
}

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Standard output of a command with `-json`.
    Json,
    /// Standard error: logs of Terraform and providers as JSON, or plain words.
    Stderr,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "@level", default)]
    level: String,
    #[serde(rename = "@message", default)]
    message: String,
    diagnostic: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    severity: String,
    summary: String,
    #[serde(default)]
    detail: String,
    range: Option<Range>,
    snippet: Option<Snippet>,
}

#[derive(Deserialize)]
struct Range {
    filename: String,
    start: Position,
}

#[derive(Deserialize)]
struct Position {
    line: u64,
}

#[derive(Deserialize)]
struct Snippet {
    context: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    start_line: u64,
    #[serde(default)]
    values: Vec<SnippetValue>,
}

#[derive(Deserialize)]
struct SnippetValue {
    traversal: String,
    statement: String,
}

/// Reads one line.
pub(crate) fn read(origin: Origin, line: &str) -> Printed {
    let line = line.trim_end();
    if line.is_empty() {
        return Printed::default();
    }
    match (serde_json::from_str::<Line>(line), origin) {
        (Ok(json), Origin::Json) => read_json(&json),
        (Ok(json), Origin::Stderr) => read_log(&json),
        (Err(_), Origin::Json) => plain(LogLevel::Info, line),
        (Err(_), Origin::Stderr) => plain(LogLevel::Error, line),
    }
}

fn read_json(line: &Line) -> Printed {
    let mut printed = plain(level(&line.level), &line.message);
    let Some(diagnostic) = &line.diagnostic else { return printed };
    let severity = level(&diagnostic.severity);
    printed.lines.extend(diagnostic.lines().into_iter().map(|line| (severity, line)));
    if severity == LogLevel::Error {
        printed.error = Some(diagnostic.sentence());
    }
    printed
}

/// Lines of Terraform's own log, which appear only when somebody asked for them.
fn read_log(line: &Line) -> Printed {
    match level(&line.level) {
        LogLevel::Trace => Printed::default(),
        LogLevel::Debug | LogLevel::Info => plain(LogLevel::Debug, &line.message),
        level @ (LogLevel::Warn | LogLevel::Error) => plain(level, &line.message),
    }
}

fn plain(level: LogLevel, text: &str) -> Printed {
    Printed { lines: text.trim_end().lines().map(|line| (level, line.to_owned())).collect(), error: None }
}

fn level(word: &str) -> LogLevel {
    match word {
        "trace" => LogLevel::Trace,
        "debug" => LogLevel::Debug,
        "warn" | "warning" => LogLevel::Warn,
        "error" => LogLevel::Error,
        _ => LogLevel::Info,
    }
}

impl Diagnostic {
    /// The lines that explain a diagnostic, as Terraform itself would lay them out.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![];
        if let Some(range) = &self.range {
            let context = self.snippet.as_ref().and_then(|snippet| snippet.context.as_deref());
            let context = context.map(|context| format!(", in {context}")).unwrap_or_default();
            lines.push(format!("on {} line {}{context}:", range.filename, range.start.line));
        }
        if let Some(snippet) = &self.snippet {
            let code = snippet.code.lines().zip(snippet.start_line..);
            lines.extend(code.map(|(code, number)| format!("  {number}: {code}")));
            if !snippet.values.is_empty() {
                lines.push("    ├────────────────".to_owned());
                let mut values: Vec<_> =
                    snippet.values.iter().map(|v| format!("    │ {} {}", v.traversal, v.statement)).collect();
                values.sort_unstable();
                lines.extend(values);
            }
        }
        if !self.detail.is_empty() {
            lines.push(String::new());
            lines.extend(self.detail.lines().map(str::to_owned));
        }
        lines
    }

    /// The diagnostic in one sentence for a job's error.
    fn sentence(&self) -> String {
        let place =
            self.range.as_ref().map(|range| format!("{} line {}: ", range.filename, range.start.line));
        let detail = self.detail.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        let detail = if detail.is_empty() { detail } else { format!(": {detail}") };
        format!("{}{}{detail}", place.unwrap_or_default(), self.summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIAGNOSTIC: &str = r#"{"@level":"error","@message":"Error: Reference to undeclared local value",
        "type":"diagnostic","diagnostic":{"severity":"error","summary":"Reference to undeclared local value",
        "detail":"No local value \"nope\".\n\nMore about it.","range":{"filename":"main.tf","start":{"line":7}},
        "snippet":{"context":"resource \"x\" \"y\"","code":"  input = local.nope","start_line":7,
        "values":[{"traversal":"var.b","statement":"is 2"},{"traversal":"var.a","statement":"is 1"}]}}}"#;

    #[test]
    fn a_diagnostic_says_where_and_why() {
        let printed = read(Origin::Json, &DIAGNOSTIC.replace('\n', " "));
        let lines: Vec<_> = printed.lines.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!(
            lines,
            [
                "Error: Reference to undeclared local value",
                "on main.tf line 7, in resource \"x\" \"y\":",
                "  7:   input = local.nope",
                "    ├────────────────",
                "    │ var.a is 1",
                "    │ var.b is 2",
                "",
                "No local value \"nope\".",
                "",
                "More about it.",
            ]
        );
        assert!(printed.lines.iter().all(|(level, _)| *level == LogLevel::Error));
        assert_eq!(
            printed.error.as_deref(),
            Some("main.tf line 7: Reference to undeclared local value: No local value \"nope\".")
        );
    }

    #[test]
    fn progress_keeps_its_level_and_its_lines() {
        let printed = read(Origin::Json, r#"{"@level":"info","@message":"one\ntwo","type":"init_output"}"#);
        assert_eq!(printed.lines, [(LogLevel::Info, "one".into()), (LogLevel::Info, "two".into())]);
        assert_eq!(read(Origin::Json, "  "), Printed::default());
    }

    #[test]
    fn standard_error_is_quiet_unless_words_are_plain() {
        let json = |level: &str| format!(r#"{{"@level":"{level}","@message":"m"}}"#);
        assert!(read(Origin::Stderr, &json("trace")).lines.is_empty());
        assert_eq!(read(Origin::Stderr, &json("info")).lines, [(LogLevel::Debug, "m".into())]);
        assert_eq!(read(Origin::Stderr, &json("warn")).lines, [(LogLevel::Warn, "m".into())]);
        assert_eq!(read(Origin::Stderr, "panic!").lines, [(LogLevel::Error, "panic!".into())]);
    }
}
