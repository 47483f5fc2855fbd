//! Names, descriptions and JSON schemas of the tools.

use std::{collections::BTreeSet, sync::LazyLock};

use serde_json::{Value, json};
use warren_db::entity::chats;
use warren_llm::ToolSpec;

use super::dynamic;

const PATH: &str = "The absolute path; ~ stands for the home directory.";

/// The tools of a chat: the built-in ones, and those that its client has brought along.
pub(crate) fn of_chat(chat: &chats::Model) -> Vec<ToolSpec> {
    let mut specs = specs();
    specs.extend(dynamic::of_chat(chat).into_iter().map(ToolSpec::from));
    specs
}

/// Whether a tool is one that this program brings along.
pub(crate) fn is_built_in(name: &str) -> bool {
    static NAMES: LazyLock<BTreeSet<String>> =
        LazyLock::new(|| specs().into_iter().map(|spec| spec.name).collect());
    NAMES.contains(name)
}

/// The built-in tools.
pub(crate) fn specs() -> Vec<ToolSpec> {
    let mut specs = lifecycle();
    specs.extend(processes());
    specs.extend(files());
    specs.push(question());
    specs
}

fn lifecycle() -> Vec<ToolSpec> {
    let parameters = json!({
        "type": "object", "description": "Values of the template's parameters, by name.",
        "additionalProperties": { "type": "string" },
    });
    vec![
        spec(
            "list_templates",
            "Lists the templates that workspaces can be created from, best match first, 10 to a page. Follow next_step in the answer.",
            json!({
                "query": text("Words to look for in names and descriptions; leave out for all."),
                "page": number("The page, counted from 1."),
            }),
            &[],
        ),
        spec(
            "read_template",
            "Reads a template: its parameters with defaults and options, and its readme. Use it before create_workspace when the template has parameters.",
            json!({ "template_id": text("The id of a template, from list_templates.") }),
            &["template_id"],
        ),
        spec(
            "create_workspace",
            "Creates a workspace from a template, waits until it is ready and attaches it to this chat. If the chat has a workspace that can be used, that one is kept.",
            json!({
                "template_id": text("The id of a template, from list_templates."),
                "name": text("A name of letters, digits and hyphens; leave out to have one made."),
                "parameters": parameters,
            }),
            &["template_id"],
        ),
        spec(
            "start_workspace",
            "Starts the workspace of this chat after it was stopped, and waits until it is ready.",
            json!({ "parameters": parameters }),
            &[],
        ),
        spec("stop_workspace", "Stops the workspace of this chat. Its files are kept.", json!({}), &[]),
        spec(
            "workspace_status",
            "Tells whether the workspace of this chat runs and whether its agent can be reached.",
            json!({}),
            &[],
        ),
    ]
}

fn processes() -> Vec<ToolSpec> {
    vec![
        spec(
            "execute",
            "Runs a shell command (sh -c, no terminal, no input) in the workspace and returns its output and exit code. A command that takes longer than the timeout is not ended: it goes on, and background_process_id names it for process_output.",
            json!({
                "command": text("The command."),
                "timeout": text("How long to wait, for example 30s or 5m; 10s when left out, 10m at most."),
                "workdir": text("The directory to run in; the home directory when left out."),
                "run_in_background": flag("Start it and return at once, for servers and watchers."),
            }),
            &["command"],
        ),
        spec(
            "process_output",
            "Waits for a process that execute has left running and returns its output so far and its exit code once it ended.",
            json!({
                "process_id": text("The background_process_id of execute, or an id of process_list."),
                "wait_timeout": text("How long to wait, 10s when left out, 5m at most; 0s returns at once."),
            }),
            &["process_id"],
        ),
        spec("process_list", "Lists the processes that this chat has started.", json!({}), &[]),
        spec(
            "process_signal",
            "Sends a signal to a process and its children.",
            json!({
                "process_id": text("The id of the process."),
                "signal": { "type": "string", "enum": ["terminate", "kill"], "description": "terminate asks, kill forces." },
            }),
            &["process_id", "signal"],
        ),
    ]
}

fn files() -> Vec<ToolSpec> {
    vec![
        spec(
            "read_file",
            "Reads a text file of the workspace with line numbers, 2000 lines at most.",
            json!({
                "path": text(PATH),
                "offset": number("The first line, counted from 1."),
                "limit": number("The number of lines."),
            }),
            &["path"],
        ),
        spec(
            "write_file",
            "Writes a file of the workspace, replacing what is there and making directories as needed.",
            json!({ "path": text(PATH), "content": text("The whole content.") }),
            &["path", "content"],
        ),
        spec(
            "edit_files",
            "Replaces pieces of text in files of the workspace: all of them or none. Returns the differences.",
            json!({
                "files": { "type": "array", "items": { "type": "object", "required": ["path", "edits"], "properties": {
                    "path": text(PATH),
                    "edits": { "type": "array", "items": { "type": "object", "required": ["old_text", "new_text"], "properties": {
                        "old_text": text("Text that occurs once in the file, unless replace_all is set."),
                        "new_text": text("What replaces it."),
                        "replace_all": flag("Replace every occurrence."),
                    } } },
                } } },
            }),
            &["files"],
        ),
        spec(
            "list_files",
            "Lists a directory of the workspace.",
            json!({ "path": text("The absolute path; the home directory when left out.") }),
            &[],
        ),
        spec(
            "search_files",
            "Searches the files below a directory by name, by content or by both. Files that .gitignore names, hidden files and binary files are left out.",
            json!({
                "path": text("The directory to search; the home directory when left out."),
                "name": text("A glob such as *.rs or src/**/test_*.py."),
                "content": text("A regular expression that is looked for in each line."),
                "ignore_case": flag("Take upper and lower case for the same in content."),
                "limit": number("Results at most; 100 when left out, 500 at most."),
            }),
            &[],
        ),
    ]
}

fn question() -> ToolSpec {
    spec(
        "ask_user_question",
        "Asks the user one or more questions with options and ends your turn; the answer is the next message. Use it only when you cannot go on without a decision of the user.",
        json!({
            "questions": { "type": "array", "minItems": 1, "items": { "type": "object", "required": ["header", "question", "options"], "properties": {
                "header": text("One to three words."),
                "question": text("The whole question."),
                "options": { "type": "array", "minItems": 2, "maxItems": 4, "items": { "type": "object", "required": ["label", "description"], "properties": {
                    "label": text("The answer in a few words."),
                    "description": text("What it means."),
                } } },
            } } },
        }),
        &["questions"],
    )
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "description": description })
}

fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

fn spec(name: &str, description: &str, properties: Value, required: &[&str]) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        schema: json!({ "type": "object", "properties": properties, "required": required }),
    }
}
