//! What a process workspace may do, with bubblewrap and without it.

use std::{ffi::OsStr, fs, os::unix::fs::symlink, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use e2e::{processes, stage::Stage};
use warren_testkit::{ServerOptions, eventually};

const END: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_sandboxed_workspace_cannot_read_the_servers_secrets() -> Result<()> {
    let stage = Stage::new().await?;
    stage.push_process_template().await?;
    stage.create("dev").await?;
    let log = stage.warren(&["logs", "dev"]).await?;
    if log.contains("NOTICE") {
        // Bubblewrap is missing or the machine forbids it, and the log says what that means.
        ensure!(log.contains("rights of the server's user"), "the log is:\n{log}");
        return Ok(());
    }
    let data = stage.server.data_dir();
    ensure!(fs::read_dir(&data)?.count() > 0, "the data directory is empty");
    let look = format!("ls {} && echo seen; kill -0 {} && echo reached", data.display(), stage.server.pid());
    let done = stage.user.run(&["ssh", "dev", "--", &look], END).await?;
    ensure!(!done.stdout.contains("reached"), "the server's process can be signalled: {}", done.stdout);
    for secret in fs::read_dir(&data)?.filter_map(Result::ok).map(|entry| entry.file_name()) {
        let name = secret.to_string_lossy().into_owned();
        ensure!(name == "workspaces" || !done.stdout.contains(&name), "{name} can be seen: {}", done.stdout);
    }
    let write = "touch /usr/warren-was-here /etc/warren-was-here; echo $?";
    let done = stage.user.run(&["ssh", "dev", "--", write], END).await?;
    ensure!(done.stdout.trim() != "0", "the system can be written: {}", done.stdout);
    // A kernel setting that names a program which the host's root runs. The same value is written back.
    let setting = "/proc/sys/kernel/core_pattern";
    let write = format!("cat {setting} > /tmp/value; cat /tmp/value > {setting}; echo $?");
    let done = stage.user.run(&["ssh", "dev", "--", &write], END).await?;
    ensure!(done.stdout.trim() != "0", "the kernel's settings can be written: {}", done.stdout);
    Ok(())
}

#[tokio::test]
async fn without_bubblewrap_the_log_says_so_and_stopping_still_ends_everything() -> Result<()> {
    let programs = tempfile::tempdir()?;
    let path = std::env::var_os("PATH").context("no PATH")?;
    link_all_but(&path, "bwrap", programs.path())?;
    let env = vec![("PATH".to_owned(), programs.path().display().to_string())];
    let stage = Stage::with(ServerOptions { env }).await?;
    stage.push_process_template().await?;
    stage.create("dev").await?;
    let log = stage.warren(&["logs", "dev"]).await?;
    ensure!(log.contains("rights of the server's user"), "the log is:\n{log}");

    let marker = format!("sleep 86398.{}", stage.server.address().port());
    let start = format!("setsid nohup {marker} >/dev/null 2>&1 </dev/null &");
    stage.build(&["ssh", "dev", "--", &start]).await?;
    let is_running = || async { (processes::count_with(&marker) > 0).then_some(()) };
    eventually("the start of the process", END, is_running).await?;
    stage.build(&["stop", "dev", "-y"]).await?;
    let is_gone = || async { (processes::count_with(&marker) == 0).then_some(()) };
    eventually("the end of the process tree", END, is_gone).await?;
    stage.build(&["delete", "dev", "-y"]).await?;
    Ok(())
}

/// Fills a directory with links to every program of a path but one. The first of a name wins, as in the path.
fn link_all_but(path: &OsStr, left_out: &str, into: &Path) -> Result<()> {
    for directory in std::env::split_paths(path) {
        for program in fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
            let link = into.join(program.file_name());
            if program.file_name() != left_out && fs::symlink_metadata(&link).is_err() {
                symlink(program.path(), link)?;
            }
        }
    }
    Ok(())
}
