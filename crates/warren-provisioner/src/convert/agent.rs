//! One `coder_agent`.

use regex::Regex;
use serde_json::Value as Json;
use warren_build_proto::{Agent, AgentAuth, AgentMetadata, DisplayApps, Script, SecretText};

use super::{
    ConvertError,
    module::{Item, int, text},
};

const NAME: &str = "(?i)^[a-z0-9](-?[a-z0-9])*$";

/// Reads an agent, without what belongs to it.
pub(super) fn agent(item: &Item) -> Result<Agent, ConvertError> {
    check_name(&item.name)?;
    let auth = match item.text("auth").as_str() {
        "" | "token" => AgentAuth::Token(SecretText::new(item.text("token"))),
        _ => AgentAuth::Instance(String::new()),
    };
    let env = item.value("env").as_object().into_iter().flatten();
    Ok(Agent {
        terraform_id: item.text("id"),
        name: item.name.clone(),
        auth,
        architecture: item.text("arch"),
        operating_system: item.text("os"),
        directory: item.text("dir"),
        env: env.map(|(name, value)| (name.clone(), text(value))).collect(),
        connection_timeout_seconds: item
            .value("connection_timeout")
            .as_i64()
            .map_or(120, |_| item.int("connection_timeout")),
        troubleshooting_url: item.text("troubleshooting_url"),
        motd_file: item.text("motd_file"),
        order: item.int("order"),
        api_key_scope: item.text("api_key_scope"),
        display_apps: display_apps(item.blocks("display_apps").first()),
        metadata: item.blocks("metadata").iter().map(metadata).collect(),
        apps: vec![],
        scripts: own_scripts(item),
        extra_envs: vec![],
    })
}

fn check_name(name: &str) -> Result<(), ConvertError> {
    let regex = Regex::new(NAME).expect("a constant pattern is valid");
    if name.is_empty() {
        return Err(ConvertError("agent name cannot be empty".to_owned()));
    }
    if regex.is_match(name) {
        return Ok(());
    }
    Err(ConvertError(if name.contains('_') {
        format!(
            "agent name {name:?} contains underscores which are no longer supported, please use hyphens instead (regex: {NAME:?})"
        )
    } else {
        format!("agent name {name:?} does not match regex {NAME:?}")
    }))
}

fn display_apps(block: Option<&Json>) -> DisplayApps {
    let flag = |name: &str, default| block.and_then(|block| block[name].as_bool()).unwrap_or(default);
    DisplayApps {
        vscode: flag("vscode", true),
        vscode_insiders: flag("vscode_insiders", false),
        web_terminal: flag("web_terminal", true),
        port_forwarding_helper: flag("port_forwarding_helper", true),
        ssh_helper: flag("ssh_helper", true),
    }
}

fn metadata(block: &Json) -> AgentMetadata {
    AgentMetadata {
        key: text(&block["key"]),
        display_name: text(&block["display_name"]),
        script: text(&block["script"]),
        interval: int(&block["interval"]).into(),
        timeout: int(&block["timeout"]).into(),
        order: int(&block["order"]),
    }
}

/// The scripts that are attributes of the agent itself.
fn own_scripts(item: &Item) -> Vec<Script> {
    let blocks_login = item.text("startup_script_behavior") == "blocking";
    let script = |name: &str, display_name: &str, icon: &str, log_path: &str| Script {
        display_name: display_name.to_owned(),
        icon: icon.to_owned(),
        script: item.text(name),
        log_path: log_path.to_owned(),
        cron: String::new(),
        start_blocks_login: false,
        run_on_start: false,
        run_on_stop: false,
        timeout_seconds: 0,
    };
    let start =
        script("startup_script", "Startup Script", "/emojis/25b6-fe0f.png", "coder-startup-script.log");
    let stop = script("shutdown_script", "Shutdown Script", "/emojis/25c0.png", "coder-shutdown-script.log");
    let all = [
        Script { run_on_start: true, start_blocks_login: blocks_login, ..start },
        Script { run_on_stop: true, ..stop },
    ];
    all.into_iter().filter(|script| !script.script.is_empty()).collect()
}
