//! From `warren create` to a command in the new workspace, beside bare Terraform on the same resources.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use e2e::stage::Stage;
use warren_testkit::{finish, repository};

use crate::{figures::Figures, timing::Samples};

const RUNS: usize = 5;
const DEADLINE: Duration = Duration::from_secs(180);
/// The template's own resources. The `coder` provider is not to be had as a program of its own here, so Terraform alone
/// runs without it, which makes its figure smaller than with one.
const BARE: &str = r#"
variable "workspace" {}
resource "terraform_data" "home" {
  input = { workspace = var.workspace }
  provisioner "local-exec" {
    quiet       = true
    command     = "sh ./process.sh create"
    environment = { WORKSPACE = self.input.workspace }
  }
}
resource "terraform_data" "process" {
  depends_on = [terraform_data.home]
  input      = { workspace = var.workspace }
  provisioner "local-exec" {
    quiet   = true
    command = "sh ./process.sh start"
    environment = {
      WORKSPACE      = self.input.workspace
      WORKSPACE_NAME = "bare"
      AGENT_SCRIPT   = "exec sleep 600"
      AGENT_TOKEN    = "none"
    }
  }
}
"#;

pub async fn measure(figures: &mut Figures) -> Result<()> {
    let stage = Stage::new().await?;
    stage.push_process_template().await?;
    let (mut created, mut usable, mut again, mut bare) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 0..RUNS {
        let name = format!("bench{run}");
        let began = Instant::now();
        stage.create(&name).await?;
        created.push(began.elapsed().as_secs_f64());
        stage.build(&["ssh", &name, "--", "true"]).await?;
        usable.push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        stage.build(&["ssh", &name, "--", "true"]).await?;
        again.push(began.elapsed().as_secs_f64());
        bare.push(bare_terraform().await?);
    }
    let how = format!("median of {RUNS}");
    figures.add("create to shell, process template", Samples::new(usable).median(), "s", &*how);
    figures.add("create to build finished", Samples::new(created).median(), "s", &*how);
    let bare_how = format!("{how}; same resources and scripts, without the provider's blocks");
    figures.add("bare terraform init + apply", Samples::new(bare).median(), "s", bare_how);
    figures.add("warren ssh WS -- true, running workspace", Samples::new(again).median(), "s", how);
    Ok(())
}

async fn bare_terraform() -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let files = directory.path().join("files");
    fs::create_dir(&files)?;
    fs::write(files.join("main.tf"), BARE)?;
    let script = repository().join("examples/templates/process/process.sh");
    fs::copy(&script, files.join("process.sh"))
        .with_context(|| format!("{} is missing", script.display()))?;
    let root = directory.path().join("root");
    fs::create_dir(&root)?;
    let began = Instant::now();
    terraform(&files, &root, &["init", "-input=false", "-no-color"]).await?;
    terraform(
        &files,
        &root,
        &["apply", "-auto-approve", "-input=false", "-no-color", "-var", "workspace=0a"],
    )
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    let mut end = Command::new("sh");
    end.current_dir(&files)
        .args(["process.sh", "remove"])
        .env("WARREN_PROCESS_ROOT", &root)
        .env("WORKSPACE", "0a");
    ensure!(finish(end, DEADLINE).await?.status.success(), "the bare workspace cannot be removed");
    Ok(seconds)
}

async fn terraform(files: &Path, root: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("terraform");
    command
        .current_dir(files)
        .args(arguments)
        .env("WARREN_PROCESS_ROOT", root)
        .env("CHECKPOINT_DISABLE", "1");
    let done = finish(command, DEADLINE).await?;
    ensure!(done.status.success(), "terraform {arguments:?} failed:\n{}\n{}", done.stdout, done.stderr);
    Ok(())
}
