//! The main job from its first command to its last, with a crash in the middle.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::{openssh::OpenSsh, processes, stage::Stage};
use warren_db::Location;
use warren_testkit::{ServerOptions, eventually};

mod chat;
mod viewer;

/// How long an end may take that should be immediate.
const END: Duration = Duration::from_secs(30);
/// A process with this argument can be told from all others on the machine.
const MARKER_SECONDS: u32 = 86_399;

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_survives_the_servers_crash_and_its_work_is_found_over_openssh() -> Result<()> {
    let mut stage = Stage::new().await?;
    let outcome = story(&mut stage).await;
    stage.explain(outcome)
}

/// Only where the test run has a PostgreSQL, as `cargo xtask test` does.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_postgres() -> Result<()> {
    if !warren_db_testkit::is_postgres() {
        return Ok(());
    }
    let place = warren_db_testkit::TestPlace::new().await;
    let Location::Postgres { url } = place.location() else { bail!("the place is on PostgreSQL") };
    let env = vec![("WARREN_PG_CONNECTION_URL".to_owned(), url.clone())];
    let mut stage = Stage::with(ServerOptions { env }).await?;
    let outcome = story(&mut stage).await;
    stage.explain(outcome)
}

async fn story(stage: &mut Stage) -> Result<()> {
    stage.push_process_template().await?;
    stage.create("dev").await?;
    the_workspace_is_listed_as_running(stage).await?;
    shells_carry_output_and_exit_codes(stage).await?;
    openssh_reaches_the_workspace(stage).await?;

    let model = stage.with_model(include_str!("story.json")).await?;
    let chat = chat::begin(stage, "dev", "Write the report").await?;
    let terminal = chat::follow_forever(stage, &chat)?;
    let browser = viewer::watch(stage, &chat)?;
    ensure!(model.reached("crash", Duration::from_secs(90)).await, "the model was not asked for the answer");
    for viewer in [&terminal, &browser] {
        viewer.shows(chat::FIRST_HALF, END).await?;
    }

    stage.server.kill()?;
    model.release("crash");
    stage.server.restart().await?;

    terminal.shows(chat::SECOND_HALF, Duration::from_secs(60)).await?;
    chat::is_whole(stage, &chat).await?;
    viewer::ends_whole(browser, &chat::answer()).await?;
    the_work_is_there_and_was_done_once(stage).await?;
    chat::goes_on(stage, &chat).await?;

    stopping_ends_the_process_tree_and_keeps_the_files(stage).await?;
    deleting_leaves_nothing(stage).await
}

async fn the_workspace_is_listed_as_running(stage: &Stage) -> Result<()> {
    let listed: serde_json::Value = serde_json::from_str(&stage.warren(&["list", "-o", "json"]).await?)?;
    let workspace = &listed[0];
    ensure!(workspace["name"] == "dev", "the list is {listed}");
    ensure!(workspace["latest_build"]["status"] == "running", "the build is {}", workspace["latest_build"]);
    let log = stage.warren(&["logs", "dev"]).await?;
    ensure!(log.contains("Apply complete"), "the build log is:\n{log}");
    Ok(())
}

async fn shells_carry_output_and_exit_codes(stage: &Stage) -> Result<()> {
    let done = stage.user.run(&["ssh", "dev", "--", "echo out; echo err >&2; exit 7"], END).await?;
    ensure!(done.code() == Some(7), "the exit code is {:?}\nstderr: {}", done.code(), done.stderr);
    ensure!(done.stdout == "out\n", "standard output is {:?}", done.stdout);
    ensure!(done.stderr.contains("err\n"), "standard error is {:?}", done.stderr);
    // A reader that leaves ends the command quietly.
    let mut pipe = stage.user.command("sh");
    pipe.args(["-c", "\"$WARREN\" ssh dev -- yes | head -1"]).env("WARREN", warren_testkit::warren_binary());
    let done = warren_testkit::finish(pipe, END).await?;
    ensure!((done.stdout.as_str(), done.stderr.as_str()) == ("y\n", ""), "{}{}", done.stdout, done.stderr);
    Ok(())
}

async fn openssh_reaches_the_workspace(stage: &Stage) -> Result<()> {
    let ssh = OpenSsh::configure(&stage.user).await?;
    let done = ssh.run("dev.coder", "echo from $0; exit 5").await?;
    ensure!(done.code() == Some(5), "the exit code is {:?}\nstderr: {}", done.code(), done.stderr);
    let local = stage.user.home().join("sent.bin");
    let back = stage.user.home().join("received.bin");
    // More than any window or buffer on the way, and no two blocks alike.
    let bytes: Vec<u8> = (0u32..1 << 20).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(&local, &bytes)?;
    let batch = format!(
        "put {} sent.bin\nrename sent.bin kept.bin\nget kept.bin {}\n",
        local.display(),
        back.display()
    );
    ssh.sftp("dev.coder", &batch).await?;
    ensure!(std::fs::read(&back)? == bytes, "the file came back changed");
    let mut terminal = ssh.command(&["-tt"], "dev.coder", "test -t 0 && stty size && echo is-a-terminal");
    terminal.env("TERM", "xterm");
    let done = warren_testkit::finish(terminal, END).await?;
    ensure!(done.stdout.contains("is-a-terminal"), "stdout: {}\nstderr: {}", done.stdout, done.stderr);
    Ok(())
}

async fn the_work_is_there_and_was_done_once(stage: &Stage) -> Result<()> {
    let ssh = OpenSsh::configure(&stage.user).await?;
    let report = ssh.succeed("dev.coder", "cat report.md").await?;
    ensure!(report == "# Report\n\nwritten by the chat\n", "the report is {report:?}");
    let runs = ssh.succeed("dev.coder", "cat runs").await?;
    ensure!(runs == "once\n", "the command left {runs:?}");
    Ok(())
}

async fn stopping_ends_the_process_tree_and_keeps_the_files(stage: &Stage) -> Result<()> {
    let marker = format!("sleep {MARKER_SECONDS}.{}", stage.server.address().port());
    let ssh = OpenSsh::configure(&stage.user).await?;
    // As far away from its parent as a process can get.
    ssh.succeed("dev.coder", &format!("setsid nohup {marker} >/dev/null 2>&1 </dev/null &")).await?;
    let is_running = || async { (processes::count_with(&marker) > 0).then_some(()) };
    eventually("the start of the process", END, is_running).await?;

    stage.build(&["stop", "dev", "-y"]).await?;
    let is_gone = || async { (processes::count_with(&marker) == 0).then_some(()) };
    eventually("the end of the process tree", END, is_gone).await?;
    no_process_of_the_workspaces_is_left(stage).await?;

    stage.build(&["start", "dev", "-y"]).await?;
    let report = ssh.succeed("dev.coder", "cat report.md").await?;
    ensure!(report.contains("written by the chat"), "after a restart the report is {report:?}");
    Ok(())
}

async fn deleting_leaves_nothing(stage: &Stage) -> Result<()> {
    stage.build(&["delete", "dev", "-y"]).await?;
    let listed = stage.warren(&["list", "-o", "json"]).await?;
    ensure!(listed.trim() == "[]", "the list is {listed}");
    no_process_of_the_workspaces_is_left(stage).await?;
    let root = stage.server.workspaces_dir();
    let left: Vec<_> = std::fs::read_dir(&root)
        .with_context(|| format!("{} cannot be read", root.display()))?
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .collect();
    ensure!(left.is_empty(), "{} still holds {left:?}", root.display());
    Ok(())
}

/// Everything of a process workspace runs below its directory in the data directory, and says so in an argument.
async fn no_process_of_the_workspaces_is_left(stage: &Stage) -> Result<()> {
    let root = stage.server.workspaces_dir().display().to_string();
    let is_quiet = || async { (processes::count_with(&root) == 0).then_some(()) };
    let outcome = eventually("the end of all processes of workspaces", END, is_quiet).await;
    outcome.with_context(|| format!("these run: {:?}", processes::list_with(&root)))
}
