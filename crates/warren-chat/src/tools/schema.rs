//! Names, descriptions and JSON schemas of the tools.

use serde_json::{Value, json};
use warren_llm::ToolSpec;

/// Whether a tool changes nothing, so that it may run again after a crash.
pub(crate) fn is_read_only(tool: &str) -> bool {
    ["read_file", "list_templates"].contains(&tool)
}

/// The tools of an ordinary chat.
pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![
        spec(
            "list_templates",
            "Lists the templates that workspaces can be created from. Use it before create_workspace.",
            json!({ "query": text("Words to look for in names and descriptions; leave out for all.") }),
            &[],
        ),
        spec(
            "create_workspace",
            "Creates a workspace from a template, waits until it is ready and attaches it to this chat. If the chat has a running workspace, that one is kept.",
            json!({
                "template_id": text("The id of a template, from list_templates."),
                "name": text("A name of letters, digits and hyphens; leave out to have one made."),
                "parameters": { "type": "object", "description": "Values of the template's parameters, by name.", "additionalProperties": { "type": "string" } },
            }),
            &["template_id"],
        ),
        spec(
            "execute",
            "Runs a shell command (sh -c) in the workspace and returns its output and exit code.",
            json!({
                "command": text("The command."),
                "timeout": text("How long it may take, for example 30s or 5m; 1m when left out, 10m at most."),
                "workdir": text("The directory to run in; the home directory when left out."),
            }),
            &["command"],
        ),
        spec(
            "read_file",
            "Reads a text file of the workspace with line numbers.",
            json!({
                "path": text("The absolute path; ~ stands for the home directory."),
                "offset": { "type": "integer", "description": "The first line, counted from 1." },
                "limit": { "type": "integer", "description": "The number of lines." },
            }),
            &["path"],
        ),
        spec(
            "write_file",
            "Writes a file of the workspace, replacing what is there and making directories as needed.",
            json!({
                "path": text("The absolute path; ~ stands for the home directory."),
                "content": text("The whole content."),
            }),
            &["path", "content"],
        ),
        spec(
            "edit_files",
            "Replaces pieces of text in files of the workspace: all of them or none.",
            json!({
                "files": { "type": "array", "items": { "type": "object", "required": ["path", "edits"], "properties": {
                    "path": text("The absolute path; ~ stands for the home directory."),
                    "edits": { "type": "array", "items": { "type": "object", "required": ["old_text", "new_text"], "properties": {
                        "old_text": text("Text that occurs once in the file, unless replace_all is set."),
                        "new_text": text("What replaces it."),
                        "replace_all": { "type": "boolean", "description": "Replace every occurrence." },
                    } } },
                } } },
            }),
            &["files"],
        ),
    ]
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn spec(name: &str, description: &str, properties: Value, required: &[&str]) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        schema: json!({ "type": "object", "properties": properties, "required": required }),
    }
}
