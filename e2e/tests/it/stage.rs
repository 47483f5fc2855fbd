//! What every test begins with: a server, a signed-in user, a template, a model.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use warren_dev_model::{Script, ScriptedModel};
use warren_sdk::Client;
use warren_testkit::{ServerOptions, ServerProcess, User, repository};

pub const EMAIL: &str = "admin@example.com";
pub const USERNAME: &str = "admin";
pub const PASSWORD: &str = "correct-horse-battery-staple";

/// A command that only asks the server something.
pub const SHORT: Duration = Duration::from_secs(30);
/// A command that waits for Terraform and an agent.
pub const BUILD: Duration = Duration::from_secs(180);

/// A running server and its first user at a terminal.
pub struct Stage {
    pub server: ServerProcess,
    pub user: User,
}

impl Stage {
    /// Starts a server and signs the first user in.
    pub async fn new(options: ServerOptions) -> Result<Self> {
        let server = ServerProcess::start(options).await?;
        let user = User::new()?;
        let url = server.url();
        let arguments = [
            "login",
            url.as_str(),
            "--first-user-email",
            EMAIL,
            "--first-user-username",
            USERNAME,
            "--first-user-password",
            PASSWORD,
        ];
        user.succeed(&arguments, SHORT).await?;
        Ok(Self { server, user })
    }

    /// Pushes the starter template.
    pub async fn push_process_template(&self) -> Result<()> {
        let directory = process_template();
        let directory = directory.to_str().context("the repository's path is text")?;
        self.user.succeed(&["templates", "push", "process", "-d", directory, "-y"], BUILD).await.map(|_| ())
    }

    /// Creates a workspace and waits until it runs.
    pub async fn create_workspace(&self, name: &str) -> Result<String> {
        self.user.succeed(&["create", name, "-t", "process", "-y", "--use-parameter-defaults"], BUILD).await
    }

    /// Makes a scripted model the default model of chats.
    pub async fn use_model(&self, base_url: &str) -> Result<()> {
        let arguments =
            ["models", "add", "scripted", "--provider", "scripted", "--base-url", base_url, "--default"];
        self.user.succeed(&arguments, SHORT).await.map(|_| ())
    }

    /// A client with the user's session.
    pub async fn client(&self) -> Result<Client> {
        let token = self.user.succeed(&["login", "token"], SHORT).await?;
        Ok(Client::new(self.server.url()).with_token(token.trim()))
    }
}

/// The starter template's directory.
pub fn process_template() -> PathBuf {
    repository().join("examples/templates/process")
}

/// Starts a scripted model.
pub async fn model(script: &serde_json::Value) -> Result<ScriptedModel> {
    let script = Script::parse(&script.to_string())?;
    let address = "127.0.0.1:0".parse().context("a constant address")?;
    Ok(ScriptedModel::start(script, address).await?)
}
