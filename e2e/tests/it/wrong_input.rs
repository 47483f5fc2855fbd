//! Wrong input on every step of the story: one clear sentence, and the right status or exit code.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{
    stage::{BUILD, EMAIL, PASSWORD, SOON, Stage},
    template,
};
use serde_json::{Value, json};
use warren_testkit::{Finished, ServerOptions, User, finish};

/// A template that needs nothing but Terraform itself.
const TINY_TEMPLATE: &str = "resource \"terraform_data\" \"nothing\" {}\n";

#[tokio::test]
async fn a_build_without_terraform_says_what_to_install() -> Result<()> {
    // A path on which there is no program at all, and no other way to find one.
    let env = vec![("PATH".to_owned(), "/nonexistent".to_owned())];
    let stage = Stage::with(ServerOptions { env }).await?;
    let directory = template::write(&stage.user, "tiny", TINY_TEMPLATE)?;
    let done = stage.user.run(&["templates", "push", "tiny", "-d", &directory, "-y"], BUILD).await?;
    let said = refused(&done)?;
    ensure!(said.contains("terraform") && said.contains("PATH"), "it says {said:?}");
    Ok(())
}

#[tokio::test]
async fn a_template_with_a_syntax_error_names_file_and_line() -> Result<()> {
    let stage = Stage::new().await?;
    let broken = format!("{TINY_TEMPLATE}\nresource \"terraform_data\" {{\n");
    let directory = template::write(&stage.user, "broken", &broken)?;
    let done = stage.user.run(&["templates", "push", "broken", "-d", &directory, "-y"], BUILD).await?;
    let said = refused(&done)?;
    ensure!(said.contains("main.tf") && said.contains('3'), "it says {said:?}");
    let templates = stage.warren(&["templates", "list", "-o", "json"]).await?;
    ensure!(!templates.contains("broken"), "the template exists all the same: {templates}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_saying_which_part_was_wrong() -> Result<()> {
    let stage = Stage::new().await?;
    let mut answers = Vec::new();
    for (email, password) in [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD)] {
        let url = stage.server.url().join("api/v2/users/login")?;
        let body = json!({"email": email, "password": password});
        let answer = reqwest::Client::new().post(url).json(&body).send().await?;
        ensure!(answer.status() == 401, "the status is {}", answer.status());
        answers.push(answer.json::<Value>().await?["message"].clone());
    }
    ensure!(answers[0].is_string() && answers[0] == answers[1], "the answers differ: {answers:?}");

    let stranger = User::new()?;
    let url = stage.server.url();
    let login = ["login", url.as_str(), "--email", EMAIL, "--password", "wrong"];
    let said = refused(&stranger.run(&login, SOON).await?)?;
    ensure!(said.to_lowercase().contains("password"), "it says {said:?}");
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_named() -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let user = User::new()?;
    let data = user.home().join("data").display().to_string();
    let done = user.run(&["server", "--http-address", &address, "--data-dir", &data], SOON).await?;
    let said = refused(&done)?;
    ensure!(said.contains(&address) && said.contains("in use"), "it says {said:?}");
    Ok(())
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let data = stage.server.data_dir().display().to_string();
    let done =
        stage.user.run(&["server", "--http-address", "127.0.0.1:0", "--data-dir", &data], SOON).await?;
    let said = refused(&done)?;
    ensure!(said.contains(&data), "it says {said:?}");
    Ok(())
}

#[tokio::test]
async fn a_model_that_cannot_be_reached_ends_the_turn_with_its_address() -> Result<()> {
    let stage = Stage::new().await?;
    // A port that was free a moment ago and is closed now.
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    stage.add_model(&format!("http://{address}/v1")).await?;
    let done = stage.user.run(&["chat", "new", "hello"], BUILD).await?;
    let said = refused(&done)?;
    ensure!(said.contains(&address.to_string()) || said.contains("refused"), "it says {said:?}");

    let chats = api(&stage, "api/experimental/chats").await?;
    let chat = &chats.as_array().context("no list")?[0];
    ensure!(chat["status"] == "error", "the chat is {chat}");
    ensure!(
        chat["last_error"]["message"].as_str().is_some_and(|text| !text.is_empty()),
        "the chat is {chat}"
    );
    Ok(())
}

#[tokio::test]
async fn a_taken_workspace_name_is_a_conflict_at_the_field() -> Result<()> {
    let stage = Stage::new().await?;
    let directory = template::write(&stage.user, "tiny", TINY_TEMPLATE)?;
    stage.build(&["templates", "push", "tiny", "-d", &directory, "-y"]).await?;
    stage.build(&["create", "dev", "-t", "tiny", "-y"]).await?;

    let said = refused(&stage.user.run(&["create", "dev", "-t", "tiny", "-y"], SOON).await?)?;
    ensure!(said.contains("dev"), "it says {said:?}");

    let template = &api(&stage, "api/v2/templates").await?[0];
    let body = json!({"name": "DEV", "template_version_id": template["active_version_id"]});
    let token = stage.warren(&["login", "token"]).await?;
    let answer = reqwest::Client::new()
        .post(stage.server.url().join("api/v2/users/me/workspaces")?)
        .header("Coder-Session-Token", token.trim())
        .json(&body)
        .send()
        .await?;
    let (status, error): (_, Value) = (answer.status(), answer.json().await?);
    ensure!(status == 409, "names differ by case only, yet the status is {status}: {error}");
    ensure!(error["validations"][0]["field"] == "name", "the answer is {error}");
    Ok(())
}

#[tokio::test]
async fn a_forged_agent_token_is_refused_for_good() -> Result<()> {
    let stage = Stage::new().await?;
    let mut agent = stage.user.warren(&["agent"]);
    agent
        .env("CODER_AGENT_URL", stage.server.url().as_str())
        .env("CODER_AGENT_TOKEN", "6b1d3e1c-5f0e-4f3f-9d53-1f2b6a1f0c11");
    let said = refused(&finish(agent, SOON).await?)?;
    ensure!(said.contains("token"), "it says {said:?}");

    for path in ["api/v2/workspaceagents/me/rpc", "api/v2/workspaceagents/me/tunnel"] {
        let answer = reqwest::Client::new()
            .get(stage.server.url().join(path)?)
            .header("Coder-Session-Token", "6b1d3e1c-5f0e-4f3f-9d53-1f2b6a1f0c11")
            .send()
            .await?;
        ensure!(answer.status() == 401, "{path} answers {}", answer.status());
    }
    Ok(())
}

#[tokio::test]
async fn a_command_without_a_session_says_how_to_sign_in() -> Result<()> {
    let said = refused(&User::new()?.run(&["list"], Duration::from_secs(30)).await?)?;
    ensure!(said.contains("warren login"), "it says {said:?}");
    Ok(())
}

async fn api(stage: &Stage, path: &str) -> Result<Value> {
    let token = stage.warren(&["login", "token"]).await?;
    let request = reqwest::Client::new()
        .get(stage.server.url().join(path)?)
        .header("Coder-Session-Token", token.trim());
    Ok(request.send().await?.error_for_status()?.json().await?)
}

/// Asserts that a command failed in the right way and returns its last sentence.
fn refused(done: &Finished) -> Result<String> {
    ensure!(done.code() == Some(1), "the exit code is {:?}\n{}\n{}", done.code(), done.stdout, done.stderr);
    let everything = format!("{}{}", done.stdout, done.stderr);
    for trace in ["panicked", "RUST_BACKTRACE", "stack backtrace"] {
        ensure!(!everything.contains(trace), "this is no sentence:\n{everything}");
    }
    let sentence = done.stderr.lines().rfind(|line| line.starts_with("error: ")).map(str::to_owned);
    sentence.with_context(|| format!("no sentence begins with `error: `:\n{everything}"))
}
