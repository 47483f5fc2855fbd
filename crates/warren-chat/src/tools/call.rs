//! The built-in tools with their arguments, as the model gives them.

use std::{collections::BTreeMap, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value};
use warren_vocab::TemplateId;

use super::ToolError;

/// How long `execute` waits when the model does not say.
pub const EXECUTE_WAIT_DEFAULT: Duration = Duration::from_secs(10);
/// How long `execute` waits at most; the command goes on after it.
pub const EXECUTE_WAIT_MAX: Duration = Duration::from_secs(600);
/// How long `process_output` waits at most.
pub const OUTPUT_WAIT_MAX: Duration = Duration::from_secs(300);
/// Time to reach the workspace and to get an answer, on top of what a tool waits for.
const REACH: Duration = Duration::from_secs(90);
/// Longer than all that these tools wait for together: another build, the own one, the agent and its start scripts.
const LIFECYCLE_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// A call of a built-in tool.
#[derive(Debug, Clone)]
pub enum Tool {
    ListTemplates(ListTemplates),
    ReadTemplate(ReadTemplate),
    CreateWorkspace(CreateWorkspace),
    StartWorkspace(StartWorkspace),
    StopWorkspace,
    WorkspaceStatus,
    Execute(Execute),
    ProcessOutput(ProcessOutput),
    ProcessList,
    ProcessSignal(ProcessSignal),
    ReadFile(ReadFile),
    WriteFile(WriteFile),
    EditFiles(EditFiles),
    ListFiles(ListFiles),
    SearchFiles(SearchFiles),
    AskUserQuestion(AskUserQuestion),
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct ListTemplates {
    #[serde(default)]
    pub query: Option<String>,
    /// Counted from 1.
    #[serde(default)]
    pub page: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ReadTemplate {
    pub template_id: TemplateId,
}

#[derive(Debug, Clone, Deserialize)]
pub struct CreateWorkspace {
    pub template_id: TemplateId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub parameters: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct StartWorkspace {
    #[serde(default)]
    pub parameters: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Execute {
    pub command: String,
    /// For example `30s`. The command goes on after it.
    #[serde(default)]
    pub timeout: Option<String>,
    #[serde(default)]
    pub workdir: Option<String>,
    #[serde(default)]
    pub run_in_background: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ProcessOutput {
    pub process_id: String,
    /// `0s` gives what there is.
    #[serde(default)]
    pub wait_timeout: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ProcessSignal {
    pub process_id: String,
    /// `terminate` or `kill`.
    pub signal: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ReadFile {
    pub path: String,
    /// The first line, counted from 1.
    #[serde(default)]
    pub offset: Option<i64>,
    /// Lines.
    #[serde(default)]
    pub limit: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct WriteFile {
    pub path: String,
    pub content: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct EditFiles {
    #[serde(deserialize_with = "objects")]
    pub files: Vec<FileEdits>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct FileEdits {
    pub path: String,
    pub edits: Vec<FileEdit>,
}

/// One replacement. The earlier names of the fields are taken too; where both are there, the newer ones count.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawFileEdit")]
pub struct FileEdit {
    pub old_text: String,
    pub new_text: String,
    pub replace_all: bool,
}

#[derive(Deserialize)]
struct RawFileEdit {
    old_text: Option<String>,
    new_text: Option<String>,
    search: Option<String>,
    replace: Option<String>,
    #[serde(default)]
    replace_all: bool,
}

impl TryFrom<RawFileEdit> for FileEdit {
    type Error = &'static str;

    fn try_from(raw: RawFileEdit) -> Result<Self, Self::Error> {
        Ok(Self {
            old_text: raw.old_text.or(raw.search).ok_or("an edit needs old_text")?,
            new_text: raw.new_text.or(raw.replace).ok_or("an edit needs new_text")?,
            replace_all: raw.replace_all,
        })
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct ListFiles {
    /// The home directory when left out.
    #[serde(default)]
    pub path: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct SearchFiles {
    /// The home directory when left out.
    #[serde(default)]
    pub path: Option<String>,
    /// A glob over names or paths.
    #[serde(default)]
    pub name: Option<String>,
    /// A regular expression over lines.
    #[serde(default)]
    pub content: Option<String>,
    #[serde(default)]
    pub ignore_case: bool,
    #[serde(default)]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AskUserQuestion {
    pub questions: Vec<Question>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Question {
    #[serde(default)]
    pub header: String,
    pub question: String,
    pub options: Vec<QuestionOption>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QuestionOption {
    pub label: String,
    #[serde(default)]
    pub description: String,
}

/// What may be done with a call that was started before a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Running it once more changes nothing more.
    Harmless,
    /// Whoever carried it out knows its key and is asked first.
    AskByKey,
    /// Nobody knows whether it was carried out, and the model can look for itself.
    Never,
}

impl Tool {
    /// Reads a call.
    ///
    /// # Errors
    /// Says in a sentence for the model what is wrong.
    pub(crate) fn parse(name: &str, args: &Value) -> Result<Self, ToolError> {
        Ok(match name {
            "list_templates" => Self::ListTemplates(arguments(name, args)?),
            "read_template" => Self::ReadTemplate(arguments(name, args)?),
            "create_workspace" => Self::CreateWorkspace(arguments(name, args)?),
            "start_workspace" => Self::StartWorkspace(arguments(name, args)?),
            "stop_workspace" => Self::StopWorkspace,
            "workspace_status" => Self::WorkspaceStatus,
            "execute" => Self::Execute(arguments(name, args)?),
            "process_output" => Self::ProcessOutput(arguments(name, args)?),
            "process_list" => Self::ProcessList,
            "process_signal" => Self::ProcessSignal(arguments(name, args)?),
            "read_file" => Self::ReadFile(arguments(name, args)?),
            "write_file" => Self::WriteFile(arguments(name, args)?),
            "edit_files" => Self::EditFiles(arguments(name, args)?),
            "list_files" => Self::ListFiles(arguments(name, args)?),
            "search_files" => Self::SearchFiles(arguments(name, args)?),
            "ask_user_question" => Self::AskUserQuestion(arguments(name, args)?),
            other => {
                let text = format!("There is no tool called {other:?}. Use one of those that are offered.");
                return Err(ToolError::new(text).code("unknown_tool"));
            }
        })
    }

    /// Whether and how it may be repeated.
    pub(crate) fn repeat(&self) -> Repeat {
        match self {
            Self::Execute(_) | Self::WriteFile(_) | Self::EditFiles(_) => Repeat::AskByKey,
            // A second signal may end at once what the first one asked to end in peace.
            Self::ProcessSignal(_) => Repeat::Never,
            // A new workspace has its id before it is made, so that making it again finds it.
            Self::CreateWorkspace(_)
            | Self::StartWorkspace(_)
            | Self::StopWorkspace
            | Self::WorkspaceStatus
            | Self::ListTemplates(_)
            | Self::ReadTemplate(_)
            | Self::ProcessOutput(_)
            | Self::ProcessList
            | Self::ReadFile(_)
            | Self::ListFiles(_)
            | Self::SearchFiles(_)
            | Self::AskUserQuestion(_) => Repeat::Harmless,
        }
    }

    /// How long it may take. Its own limits are shorter and explain themselves; this one is the last resort.
    pub(crate) fn deadline(&self) -> Duration {
        match self {
            Self::CreateWorkspace(_) | Self::StartWorkspace(_) | Self::StopWorkspace => LIFECYCLE_DEADLINE,
            Self::Execute(_) => EXECUTE_WAIT_MAX + REACH,
            Self::ProcessOutput(_) => OUTPUT_WAIT_MAX + REACH,
            Self::WorkspaceStatus
            | Self::ListTemplates(_)
            | Self::ReadTemplate(_)
            | Self::ProcessList
            | Self::ProcessSignal(_)
            | Self::ReadFile(_)
            | Self::WriteFile(_)
            | Self::EditFiles(_)
            | Self::ListFiles(_)
            | Self::SearchFiles(_)
            | Self::AskUserQuestion(_) => REACH,
        }
    }
}

/// Whether the turn ends when this tool has succeeded.
pub(crate) fn ends_turn(tool_name: &str) -> bool {
    tool_name == "ask_user_question"
}

/// Whether a tool may change which workspace the chat has; later calls of the same answer wait for it.
pub(crate) fn is_lifecycle(tool_name: &str) -> bool {
    matches!(tool_name, "create_workspace" | "start_workspace" | "stop_workspace")
}

/// Checks questions before they are shown.
pub(crate) fn check_questions(asked: &AskUserQuestion) -> Result<(), ToolError> {
    let invalid = |text: String| Err(ToolError::new(text).code("invalid_arguments"));
    if asked.questions.is_empty() {
        return invalid("Ask at least one question.".into());
    }
    for question in &asked.questions {
        if question.question.trim().is_empty() {
            return invalid("A question has no text.".into());
        }
        if !(2..=4).contains(&question.options.len()) {
            let n = question.options.len();
            return invalid(format!("The question {:?} has {n} options; give 2 to 4.", question.question));
        }
        if question.options.iter().any(|option| option.label.trim().is_empty()) {
            return invalid(format!("An option of the question {:?} has no label.", question.question));
        }
    }
    Ok(())
}

/// Reads `30s`, `5m`, `1h`, `500ms` or seconds.
///
/// # Errors
/// Says what can be understood.
pub fn time_limit(text: Option<&str>, default: Duration, max: Duration) -> Result<Duration, ToolError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(default) };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match text[end..].trim() {
        "ms" => Some(1),
        "" | "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let read = text[..end].parse::<u64>().ok().zip(factor);
    let (number, factor) = read.ok_or_else(|| {
        ToolError::new(format!("{text:?} is not a time limit. Use for example 30s or 5m."))
            .code("invalid_arguments")
    })?;
    Ok(Duration::from_millis(number.saturating_mul(factor)).min(max))
}

/// Reads a list of objects. Approval rules look for fields by their names, so fields by their places must not count.
fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned>(list: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Map<String, Value>>::deserialize(list)?.into_iter();
    objects.map(|object| T::deserialize(Value::Object(object)).map_err(D::Error::custom)).collect()
}

fn arguments<T: DeserializeOwned>(name: &str, args: &Value) -> Result<T, ToolError> {
    let nothing = Value::Object(Map::new());
    let args = if args.is_null() { &nothing } else { args };
    if !args.is_object() {
        let text = args.as_str().map_or_else(|| args.to_string(), str::to_owned);
        let text: String = text.chars().take(200).collect();
        let text = format!("The arguments of {name} are not a JSON object: {text:?}. Send them again.");
        return Err(ToolError::new(text).code("invalid_arguments"));
    }
    T::deserialize(args).map_err(|error| {
        ToolError::new(format!("The arguments of {name} are not usable: {error}.")).code("invalid_arguments")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::schema;

    #[test]
    fn every_offered_tool_can_be_read_and_names_its_arguments() {
        for spec in schema::specs() {
            let required = spec.schema["required"].as_array().expect("a list, never null").clone();
            let error = Tool::parse(&spec.name, &json!("{broken")).err();
            let takes_nothing = spec.schema["properties"].as_object().is_none_or(|fields| fields.is_empty());
            assert!(takes_nothing || error.is_some(), "{} takes text for arguments", spec.name);
            let missing = Tool::parse(&spec.name, &json!({}));
            assert_eq!(missing.is_err(), !required.is_empty(), "{}", spec.name);
        }
        assert!(Tool::parse("rm", &json!({})).unwrap_err().message.contains("no tool called"));
    }

    #[test]
    fn arguments_have_names_where_rules_look_for_them() {
        for (name, args) in [
            ("execute", json!(["rm -rf /"])),
            ("read_file", json!(["/etc/shadow"])),
            ("edit_files", json!({ "files": [["/etc/passwd", []]] })),
            ("edit_files", json!([[{ "path": "/etc/passwd", "edits": [] }]])),
            ("execute", json!(7)),
            ("execute", json!(true)),
        ] {
            let error = Tool::parse(name, &args).expect_err(&args.to_string());
            assert_eq!(error.fields["error_code"], "invalid_arguments", "{args}");
        }
        assert!(Tool::parse("list_files", &Value::Null).is_ok(), "nothing is no arguments");
    }

    #[test]
    fn edits_take_the_earlier_names_and_prefer_the_newer() {
        let read = |edit: Value| {
            let args = json!({ "files": [{ "path": "/f", "edits": [edit] }] });
            match Tool::parse("edit_files", &args) {
                Ok(Tool::EditFiles(edits)) => Ok(edits.files[0].edits[0].clone()),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.message),
            }
        };
        let old = read(json!({ "search": "a", "replace": "b" })).unwrap();
        assert_eq!((old.old_text.as_str(), old.new_text.as_str()), ("a", "b"));
        let both = json!({ "search": "a", "replace": "b", "old_text": "c", "new_text": "d" });
        let both = read(both).unwrap();
        assert_eq!((both.old_text.as_str(), both.new_text.as_str()), ("c", "d"));
        assert!(read(json!({ "old_text": "a" })).unwrap_err().contains("new_text"));
    }

    #[test]
    fn time_limits_have_units_and_a_maximum() {
        let limit = |text| time_limit(text, EXECUTE_WAIT_DEFAULT, EXECUTE_WAIT_MAX);
        assert_eq!(limit(None).unwrap(), EXECUTE_WAIT_DEFAULT);
        assert_eq!(limit(Some("30s")).unwrap(), Duration::from_secs(30));
        assert_eq!(limit(Some("2m")).unwrap(), Duration::from_secs(120));
        assert_eq!(limit(Some("45")).unwrap(), Duration::from_secs(45));
        assert_eq!(limit(Some("250ms")).unwrap(), Duration::from_millis(250));
        assert_eq!(limit(Some("0s")).unwrap(), Duration::ZERO);
        assert_eq!(limit(Some("9h")).unwrap(), EXECUTE_WAIT_MAX);
        for wrong in ["soon", "5 days", "-1s", "s"] {
            assert!(limit(Some(wrong)).unwrap_err().message.contains("30s"), "{wrong}");
        }
    }

    #[test]
    fn questions_have_two_to_four_options() {
        let ask = |questions: Value| {
            let Tool::AskUserQuestion(asked) =
                Tool::parse("ask_user_question", &json!({ "questions": questions })).unwrap()
            else {
                panic!("another tool")
            };
            check_questions(&asked)
        };
        let options = |n: usize| (0..n).map(|n| json!({ "label": n.to_string() })).collect::<Vec<_>>();
        assert!(ask(json!([])).is_err());
        for (n, is_fine) in [(0, false), (1, false), (2, true), (4, true), (5, false)] {
            assert_eq!(ask(json!([{ "question": "Which?", "options": options(n) }])).is_ok(), is_fine, "{n}");
        }
        assert!(ask(json!([{ "question": " ", "options": options(2) }])).is_err());
        assert!(ask(json!([{ "question": "?", "options": [{ "label": "" }, { "label": "b" }] }])).is_err());
    }
}
