//! The dashboard in Chromium: set-up, a workspace from template to deletion, its terminal.

use anyhow::{Result, ensure};
use e2e::{
    browser,
    stage::{Stage, USERNAME},
};
use warren_testkit::{ServerOptions, ServerProcess, User};

#[tokio::test]
async fn the_first_user_is_made_in_the_browser() -> Result<()> {
    let server = ServerProcess::start(ServerOptions::default()).await?;
    let user = User::new()?;
    let reports = browser::steps(&user, server.url().as_str(), "setup,sign-out,sign-in", &[]).await?;
    ensure!(reports.len() == 3, "the browser reports {reports:?}");
    Ok(())
}

#[tokio::test]
async fn a_workspace_is_made_used_stopped_started_and_deleted_in_the_browser() -> Result<()> {
    let stage = Stage::new().await?;
    stage.push_process_template().await?;
    let options = ["--workspace", "web", "--template", "process"];
    let shell = ["--command", "echo $((6 * 7))-$USER_AGENT-in-the-browser", "--expect", "42--in-the-browser"];
    let steps = "create-workspace,terminal,stop,start,delete";
    let url = stage.server.url();
    let outcome =
        browser::steps(&stage.user, url.as_str(), steps, &[&options[..], &shell[..]].concat()).await;
    let reports = stage.explain(outcome)?;
    ensure!(reports.len() == 5, "the browser of {USERNAME} reports {reports:?}");
    let listed = stage.warren(&["list", "-o", "json"]).await?;
    ensure!(listed.trim() == "[]", "the list is {listed}");
    Ok(())
}

#[tokio::test]
async fn approvals_the_queue_edits_questions_and_broken_connections_work_in_the_browser() -> Result<()> {
    let user = User::new()?;
    let done = browser::chat_story(&user).await?;
    let wanted = [
        "approvals",
        "remembered",
        "unknownOutcome",
        "queue",
        "promotion",
        "editing",
        "question",
        "escape",
        "resume",
    ];
    ensure!(done == wanted, "the browser did {done:?}");
    Ok(())
}
