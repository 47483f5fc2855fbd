use super::rig::{PROVIDER, Rig, names};

const TEMPLATE: &str = r#"
data "coder_workspace" "me" {}
data "coder_workspace_owner" "me" {}
data "coder_provisioner" "me" {}

data "coder_parameter" "size" {
  name    = "size"
  type    = "number"
  default = "2"
  mutable = true
  validation {
    min = 1
    max = 4
  }
}

data "coder_parameter" "region" {
  name = "region"
  option {
    name  = "Europe"
    value = "eu"
  }
  option {
    name  = "Asia"
    value = "as"
  }
}

resource "coder_agent" "main" {
  os   = "linux"
  arch = data.coder_provisioner.me.arch
  metadata {
    key      = "cpu"
    script   = "coder stat cpu"
    interval = 10
  }
}

resource "coder_app" "code" {
  agent_id = coder_agent.main.id
  slug     = "code"
  url      = "http://localhost:13337"
}

resource "terraform_data" "workspace" {
  count = data.coder_workspace.me.start_count
  input = coder_agent.main.token
}

resource "terraform_data" "disk" {}

resource "coder_metadata" "about" {
  count       = data.coder_workspace.me.start_count
  resource_id = terraform_data.workspace[0].id
  daily_cost  = 5
  item {
    key   = "owner"
    value = data.coder_workspace_owner.me.name
  }
}
"#;

#[tokio::test]
async fn an_import_finds_parameters_and_what_stays_when_stopped() {
    let rig = Rig::new();
    let files = [("main.tf", &*format!("{PROVIDER}{TEMPLATE}")), ("README.md", "# Hello")];
    let outcome =
        rig.import(&files).await.unwrap_or_else(|failure| panic!("{failure:?}\n{}", rig.log.text()));
    assert_eq!(outcome.readme, "# Hello");
    assert_eq!(names(&outcome.start_resources), ["terraform_data.disk", "terraform_data.workspace"]);
    assert_eq!(names(&outcome.stop_resources), ["terraform_data.disk"]);
    let workspace = &outcome.start_resources[1];
    assert_eq!((workspace.agents.len(), workspace.daily_cost), (1, 5));
    assert_eq!(workspace.agents[0].apps.len(), 1);
    assert_eq!(workspace.agents[0].metadata[0].key, "cpu");
    let parameters: Vec<_> =
        outcome.parameters.iter().map(|p| (p.name.as_str(), p.form_type.as_str(), p.required)).collect();
    assert_eq!(parameters, [("region", "radio", true), ("size", "input", false)]);
    let size = &outcome.parameters[1];
    assert_eq!((size.validation.min, size.validation.max), (Some(1), Some(4)));
    let stages = ["Setting up", "Initializing Terraform Directory", "Detecting persistent resources"];
    let log = rig.log.text();
    let places: Vec<_> = stages.iter().map(|stage| log.find(&format!("[{stage}]")).unwrap()).collect();
    assert!(places.is_sorted());
    assert!(rig.is_clean());
}

/// What the real provider's lock entry looks like; no such version or hash exists here.
const LOCK: &str = r#"provider "registry.terraform.io/coder/coder" {
  version     = "2.4.1"
  constraints = "~> 2.4"
  hashes = [
    "h1:2yMEOCAGKZhUCqY2+Hx4FgJnKTQaN5tLO1MFT0TTnqE=",
    "zh:1c9a4b9bd9f7d3bd6ba8d0e5b5b4ff0e6f55a7b1f0f4c5e5d8f2a8ba3c8f4c05",
  ]
}
"#;

#[tokio::test]
async fn a_lock_file_and_a_version_of_the_real_provider_do_not_matter() {
    let rig = Rig::new();
    let main = r#"
terraform {
  required_providers {
    coder = {
      source  = "coder/coder"
      version = "~> 2.4"
    }
  }
}
provider "coder" {}
data "coder_workspace" "me" {}
resource "terraform_data" "w" { input = data.coder_workspace.me.name }
"#;
    let files = [("main.tf", main), (".terraform.lock.hcl", LOCK)];
    let outcome =
        rig.import(&files).await.unwrap_or_else(|failure| panic!("{failure:?}\n{}", rig.log.text()));
    assert_eq!(names(&outcome.start_resources), ["terraform_data.w"]);
}

#[tokio::test]
async fn a_module_of_the_template_is_found() {
    let rig = Rig::new();
    let main = format!(
        r#"{PROVIDER}
resource "coder_agent" "main" {{
  os   = "linux"
  arch = "amd64"
}}
module "ide" {{
  source   = "./ide"
  agent_id = coder_agent.main.id
}}
resource "terraform_data" "w" {{ input = coder_agent.main.token }}
"#
    );
    let ide = format!(
        r#"{PROVIDER}
variable "agent_id" {{ type = string }}
resource "coder_script" "install" {{
  agent_id     = var.agent_id
  display_name = "Install"
  script       = "true"
  run_on_start = true
}}
resource "terraform_data" "cache" {{}}
"#
    );
    let files = [("main.tf", main.as_str()), ("ide/main.tf", ide.as_str())];
    let outcome =
        rig.import(&files).await.unwrap_or_else(|failure| panic!("{failure:?}\n{}", rig.log.text()));
    let cache = outcome.start_resources.iter().find(|resource| resource.name == "cache").unwrap();
    assert_eq!(cache.module_path, "module.ide");
}
