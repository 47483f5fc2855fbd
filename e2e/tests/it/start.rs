//! Starting and stopping the server.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::stage::Stage;
use warren_testkit::{ServerOptions, ServerProcess, eventually};

#[tokio::test]
async fn a_fresh_server_prints_its_url_and_serves_api_and_dashboard() -> Result<()> {
    let server = ServerProcess::start(ServerOptions::default()).await?;
    // It answers as soon as it listens, which is before it has printed anything.
    eventually("the server's address in its output", Duration::from_secs(30), || {
        let printed = server.output().contains(&server.address().to_string());
        async move { printed.then_some(()) }
    })
    .await?;
    let client = reqwest::Client::new();
    let build: serde_json::Value =
        client.get(server.url().join("api/v2/buildinfo")?).send().await?.error_for_status()?.json().await?;
    ensure!(
        build["version"].as_str().is_some_and(|version| version.starts_with('v')),
        "buildinfo is {build}"
    );
    let page = client.get(server.url()).send().await?.error_for_status()?.text().await?;
    ensure!(page.contains("<script") && page.contains("Warren"), "the page is:\n{page}");
    Ok(())
}

#[tokio::test]
async fn a_session_outlives_the_server() -> Result<()> {
    let mut stage = Stage::new().await?;
    stage.server.stop().await?;
    stage.server.restart().await?;
    let who = stage.warren(&["whoami", "-o", "json"]).await?;
    ensure!(who.contains(e2e::stage::USERNAME), "whoami says {who}");
    Ok(())
}

#[tokio::test]
async fn a_command_says_that_the_server_is_away() -> Result<()> {
    let mut stage = Stage::new().await?;
    stage.server.stop().await?;
    let done = stage.user.run(&["list"], Duration::from_secs(30)).await?;
    ensure!(done.code() == Some(1), "the exit code is {:?}", done.code());
    ensure!(done.stderr.contains(&stage.server.address().to_string()), "it says {:?}", done.stderr);
    Ok(())
}
