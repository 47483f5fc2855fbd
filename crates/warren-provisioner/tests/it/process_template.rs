//! The starter template that runs workspaces on this machine.

use std::{path::PathBuf, process::Command};

use warren_vocab::Transition;

use super::rig::{Rig, named, names, pids, until};

const MAIN: &str = include_str!("../../../../examples/templates/process/main.tf");
const SCRIPT: &str = include_str!("../../../../examples/templates/process/process.sh");

/// Leaves a child, a child in a session of its own, and one that has forgotten where it comes from. The fractions
/// of seconds tell the processes of one test from all others.
fn agent(tag: u128) -> String {
    format!(
        "sleep 3001.{tag} &
(setsid sleep 3002.{tag} &)
(env -i setsid sleep 3003.{tag} &)
echo $CODER_AGENT_TOKEN ${{ACCESS_URL}} > token
exec sleep 3004.{tag}"
    )
}

/// The living processes of [`agent`].
fn processes(tag: u128) -> Vec<u32> {
    let tag = format!(".{tag}\0");
    let is_ours =
        |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|c| c.ends_with(&tag));
    pids().into_iter().filter(is_ours).collect()
}

#[tokio::test]
async fn a_workspace_is_a_process_tree_with_a_home() {
    let mut rig = Rig::new();
    let tag = rig.workspace.as_uuid().as_u128();
    rig.agent_script = agent(tag);
    let files = [("main.tf", MAIN), ("process.sh", SCRIPT)];
    let home = rig.dir.path().canonicalize().unwrap().join(format!("workspaces/{}/home", rig.workspace));

    let import = rig.import(&files).await.unwrap_or_else(|failure| panic!("{failure:?}\n{}", rig.log.text()));
    assert_eq!(import.parameters[0].name, "repository");
    let started = rig.build(Transition::Start, &[], &files).await;
    let started = started.unwrap_or_else(|failure| panic!("{failure:?}\n{}", rig.log.text()));
    assert_eq!(names(&started.resources), ["terraform_data.home", "terraform_data.process"]);
    let agent = &started.resources[1].agents[0];
    assert_eq!((agent.name.as_str(), agent.apps.len(), agent.scripts.len()), ("main", 1, 1));
    let log = rig.log.text();
    assert!(log.contains("bubblewrap sandbox") || log.contains("rights of the server's user"), "{log}");
    until("four processes", || processes(tag).len() == 4).await;
    let token = std::fs::read_to_string(home.join("token")).unwrap();

    // Started once more without a stop: the old tree makes room for one with a new token.
    let again = rig.build(Transition::Start, &started.state, &files).await.unwrap();
    until("four processes", || processes(tag).len() == 4).await;
    until("a new token", || std::fs::read_to_string(home.join("token")).is_ok_and(|new| new != token)).await;

    let stopped = rig.build(Transition::Stop, &again.state, &files).await.unwrap();
    assert_eq!(processes(tag), [] as [u32; 0]);
    assert!(home.join("token").exists(), "a stop keeps the home directory");
    assert_eq!(names(&stopped.resources), ["terraform_data.home"]);

    let again = rig.build(Transition::Start, &stopped.state, &files).await.unwrap();
    until("four processes", || processes(tag).len() == 4).await;
    rig.build(Transition::Delete, &again.state, &files).await.unwrap();
    assert_eq!(processes(tag), [] as [u32; 0]);
    assert!(!home.parent().unwrap().exists(), "a delete removes the directory");
}

/// The template's script alone, with a `bwrap` that says no.
struct Script {
    dir: tempfile::TempDir,
    workspace: String,
    tag: u128,
    path: String,
    /// How long the start watches over the agent.
    first_moment_tenths: &'static str,
}

impl Script {
    fn without_bubblewrap() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bwrap = dir.path().join("bin/bwrap");
        std::fs::create_dir(dir.path().join("bin")).unwrap();
        std::fs::write(&bwrap, "#!/bin/sh\necho 'bwrap: not permitted' >&2\nexit 1\n").unwrap();
        std::fs::set_permissions(&bwrap, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::write(dir.path().join("process.sh"), SCRIPT).unwrap();
        let path = format!("{}:{}", dir.path().join("bin").display(), std::env::var("PATH").unwrap());
        let workspace = uuid::Uuid::new_v4();
        Self {
            dir,
            workspace: workspace.to_string(),
            tag: workspace.as_u128(),
            path,
            first_moment_tenths: "1",
        }
    }

    fn run(&self, command: &str) -> String {
        let (succeeded, text) = self.run_agent(command, &agent(self.tag));
        assert!(succeeded, "{text}");
        text
    }

    fn run_agent(&self, command: &str, agent_script: &str) -> (bool, String) {
        let output = Command::new("sh")
            .args(["process.sh", command])
            .current_dir(self.dir.path())
            .env("PATH", &self.path)
            .env("WARREN_PROCESS_ROOT", self.dir.path().join("root"))
            .env("WORKSPACE", &self.workspace)
            .env("FIRST_MOMENT_TENTHS", self.first_moment_tenths)
            .env("AGENT_SCRIPT", agent_script)
            .env("AGENT_TOKEN", named("token", "secret").value.expose())
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), text)
    }

    fn home(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("root").join(&self.workspace).join("home")
    }
}

#[tokio::test]
async fn without_a_sandbox_the_log_says_so_and_the_whole_tree_still_ends() {
    let script = Script::without_bubblewrap();
    script.run("create");
    let log = script.run("start");
    assert!(log.contains("does not allow it (bwrap: not permitted)"), "{log}");
    assert!(log.contains("this workspace has the rights of the server's user"), "{log}");
    until("four processes", || processes(script.tag).len() == 4).await;
    script.run("stop");
    assert_eq!(processes(script.tag), [] as [u32; 0]);
    assert!(script.home().join("token").exists());
    script.run("remove");
    assert!(!script.home().exists());
}

#[test]
fn an_agent_that_ends_at_once_fails_the_start_with_its_words() {
    let script = Script { first_moment_tenths: "300", ..Script::without_bubblewrap() };
    let (succeeded, text) = script.run_agent("start", "echo no such server; exit 1");
    assert!(!succeeded && text.contains("no such server"), "{text}");
}

#[test]
fn a_workspace_id_that_is_none_is_refused() {
    let mut script = Script::without_bubblewrap();
    script.workspace = "../elsewhere".into();
    let run = || script.run("remove");
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
}
