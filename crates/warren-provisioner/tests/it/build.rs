use warren_build_proto::{Agent, AgentAuth};
use warren_vocab::Transition;

use super::rig::{PROVIDER, Rig, names};

const TEMPLATE: &str = r#"
data "coder_workspace" "me" {}

data "coder_parameter" "greeting" {
  name    = "greeting"
  default = "hello"
}

resource "coder_agent" "main" {
  os             = "linux"
  arch           = "amd64"
  startup_script = "echo start"
  env            = { EDITOR = "vi" }
}

resource "coder_script" "extra" {
  agent_id     = coder_agent.main.id
  display_name = "Extra"
  script       = "true"
  cron         = "0 0 * * * *"
}

resource "coder_env" "path" {
  agent_id       = coder_agent.main.id
  name           = "PATH"
  value          = "/opt/bin"
  merge_strategy = "append"
}

resource "coder_app" "web" {
  agent_id = coder_agent.main.id
  slug     = "web"
  url      = "http://localhost:8080"
  healthcheck {
    url       = "http://localhost:8080/healthz"
    interval  = 5
    threshold = 6
  }
}

resource "terraform_data" "workspace" {
  count = data.coder_workspace.me.start_count
  input = { greeting = data.coder_parameter.greeting.value, name = data.coder_workspace.me.name }
  provisioner "local-exec" {
    command     = "echo \"script: $SCRIPT\"; env | cut -d= -f1 | sort"
    environment = { SCRIPT = coder_agent.main.init_script }
  }
}

resource "coder_metadata" "about" {
  count       = data.coder_workspace.me.start_count
  resource_id = terraform_data.workspace[0].id
  item {
    key   = "greeting"
    value = terraform_data.workspace[0].output.greeting
  }
  item {
    key = "nothing"
  }
}
"#;

fn token(agent: &Agent) -> String {
    match &agent.auth {
        AgentAuth::Token(token) => token.expose().to_owned(),
        AgentAuth::Instance(_) => panic!("the agent has no token"),
    }
}

#[tokio::test]
async fn a_workspace_is_started_stopped_started_again_and_deleted() {
    let rig = Rig::new();
    let main = format!("{PROVIDER}{TEMPLATE}");
    let files = [("main.tf", main.as_str())];
    let started = rig
        .build_with(Transition::Start, &[], &files, &[("greeting", "hi there")])
        .await
        .unwrap_or_else(|failure| panic!("{failure:?}\n{}", rig.log.text()));
    assert_eq!(names(&started.resources), ["coder_env.path", "terraform_data.workspace"]);
    let workspace = &started.resources[1];
    let facts: Vec<_> = workspace.metadata.iter().map(|item| (item.value.as_str(), item.is_null)).collect();
    assert_eq!(facts, [("hi there", false), ("", true)]);
    let agent = &workspace.agents[0];
    assert_eq!(agent.scripts.len(), 2);
    assert_eq!(agent.env["EDITOR"], "vi");
    assert_eq!(agent.extra_envs[0].merge_strategy, "append");
    assert_eq!(agent.apps[0].healthcheck.as_ref().unwrap().threshold, 6);
    assert!(agent.display_apps.vscode && !agent.display_apps.vscode_insiders);
    let log = rig.log.text();
    assert!(log.contains("script: echo agent of http://127.0.0.1:3000/ with token"), "{log}");
    assert!(log.contains("WARREN_PROCESS_ROOT") && !log.contains("CODER_"), "{log}");

    let stopped = rig.build(Transition::Stop, &started.state, &files).await.unwrap();
    assert_eq!(names(&stopped.resources), ["coder_env.path"]);

    let again = rig.build(Transition::Start, &stopped.state, &files).await.unwrap();
    let agent_again = &again.resources[1].agents[0];
    assert_eq!(agent_again.terraform_id, agent.terraform_id);
    assert_eq!(agent_again.apps[0].terraform_id, agent.apps[0].terraform_id);
    assert_ne!(token(agent_again), token(agent), "a restart makes a new token");

    let deleted = rig.build(Transition::Delete, &again.state, &files).await.unwrap();
    assert!(deleted.resources.is_empty());
    let state: serde_json::Value = serde_json::from_slice(&deleted.state).unwrap();
    assert_eq!(state["resources"].as_array().map(Vec::len), Some(0));
    assert!(rig.is_clean());
}

#[tokio::test]
async fn a_workspace_that_was_never_made_can_be_deleted_with_a_broken_template() {
    let rig = Rig::new();
    let outcome = rig.build(Transition::Delete, &[], &[("main.tf", "this is no HCL {")]).await.unwrap();
    assert!(outcome.state.is_empty());
    assert!(rig.log.text().contains("there is nothing to do"));
}

#[tokio::test]
async fn a_started_workspace_plans_no_change_when_it_is_started_again() {
    let rig = Rig::new();
    let main = format!(
        r#"{PROVIDER}
resource "coder_agent" "main" {{
  os   = "linux"
  arch = "amd64"
  display_apps {{
    vscode = false
  }}
  resources_monitoring {{
    volume {{
      path      = "/home"
      enabled   = true
      threshold = 90
    }}
    volume {{
      path      = "/tmp"
      enabled   = true
      threshold = 80
    }}
  }}
}}
resource "coder_metadata" "m" {{
  resource_id = terraform_data.w.id
  item {{ key = "none" }}
}}
resource "terraform_data" "w" {{
  triggers_replace = coder_agent.main.id
}}
"#
    );
    let files = [("main.tf", main.as_str())];
    let first = rig.build(Transition::Start, &[], &files).await.unwrap();
    let before = rig.log.text().len();
    rig.build(Transition::Start, &first.state, &files).await.unwrap();
    let log = rig.log.text().split_off(before);
    assert!(log.contains("Plan: 0 to add, 0 to change, 0 to destroy."), "{log}");
}
