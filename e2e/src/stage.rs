//! A server with its first user signed in on a terminal.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use warren_dev_model::{Script, ScriptedModel};
use warren_sdk::Client;
use warren_testkit::{ServerOptions, ServerProcess, User};

/// Name, address and password of the first user.
pub const USERNAME: &str = "ada";
pub const EMAIL: &str = "ada@example.com";
pub const PASSWORD: &str = "correct horse battery staple";

/// Short commands: one or two requests.
pub const SOON: Duration = Duration::from_secs(30);
/// Commands that run Terraform or wait for an agent; machines of CI are slow and busy.
pub const BUILD: Duration = Duration::from_secs(180);

/// A running server and a user who is signed in.
pub struct Stage {
    pub server: ServerProcess,
    pub user: User,
}

impl Stage {
    /// Starts a server with its default settings.
    ///
    /// # Errors
    /// Fails when the server does not start or the user cannot sign in.
    pub async fn new() -> Result<Self> {
        Self::with(ServerOptions::default()).await
    }

    /// Starts a server with options.
    ///
    /// # Errors
    /// Fails as [`Self::new`] does.
    pub async fn with(options: ServerOptions) -> Result<Self> {
        let server = ServerProcess::start(options).await?;
        let user = User::new()?;
        sign_up(&user, &server).await?;
        Ok(Self { server, user })
    }

    /// Adds to a failure what the server and the agents printed last.
    ///
    /// # Errors
    /// Fails as `outcome` does.
    pub fn explain<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.with_context(|| {
            let mut text = format!("the server's last lines:\n{}", tail(&self.server.output()));
            let workspaces = std::fs::read_dir(self.server.workspaces_dir()).into_iter().flatten();
            for directory in workspaces.filter_map(Result::ok).map(|entry| entry.path()) {
                let log = std::fs::read_to_string(directory.join("agent.log")).unwrap_or_default();
                text.push_str(&format!(
                    "\nthe agent's last lines in {}:\n{}",
                    directory.display(),
                    tail(&log)
                ));
            }
            text
        })
    }

    /// A client of the API with the user's session.
    ///
    /// # Errors
    /// Fails when the user has no stored session.
    pub async fn client(&self) -> Result<Client> {
        let token = self.warren(&["login", "token"]).await?;
        Ok(Client::new(self.server.url()).with_token(token.trim()))
    }

    /// Runs a short `warren` command that must succeed.
    ///
    /// # Errors
    /// Fails when it does.
    pub async fn warren(&self, arguments: &[&str]) -> Result<String> {
        self.user.succeed(arguments, SOON).await
    }

    /// Runs a `warren` command that may build, and that must succeed.
    ///
    /// # Errors
    /// Fails when it does.
    pub async fn build(&self, arguments: &[&str]) -> Result<String> {
        self.user.succeed(arguments, BUILD).await
    }

    /// Pushes the starter template of process workspaces under the name `process`.
    ///
    /// # Errors
    /// Fails when the import does.
    pub async fn push_process_template(&self) -> Result<()> {
        let directory = warren_testkit::repository().join("examples/templates/process");
        let directory = directory.to_str().context("the path is not text")?;
        self.build(&["templates", "push", "process", "-d", directory, "-y", "--ignore-lockfile"]).await?;
        Ok(())
    }

    /// Creates a workspace from the starter template and waits for its build.
    ///
    /// # Errors
    /// Fails when the build does.
    pub async fn create(&self, name: &str) -> Result<()> {
        self.build(&["create", name, "-t", "process", "-y", "--use-parameter-defaults"]).await?;
        Ok(())
    }

    /// Starts a scripted model and makes it the model of new chats.
    ///
    /// # Errors
    /// Fails when the model cannot listen or the server refuses it.
    pub async fn with_model(&self, script: &str) -> Result<ScriptedModel> {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let model = ScriptedModel::start(Script::parse(script)?, any).await?;
        self.add_model(&model.base_url()).await?;
        Ok(model)
    }

    /// Makes an OpenAI-compatible server the provider of new chats.
    ///
    /// # Errors
    /// Fails when the server refuses it.
    pub async fn add_model(&self, base_url: &str) -> Result<()> {
        let arguments = ["--provider", "local", "--base-url", base_url, "--api-key", "unused", "--default"];
        self.warren(&[&["models", "add", "scripted"], &arguments[..]].concat()).await?;
        Ok(())
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

async fn sign_up(user: &User, server: &ServerProcess) -> Result<()> {
    let url = server.url();
    let arguments = [
        "login",
        url.as_str(),
        "--first-user-username",
        USERNAME,
        "--first-user-email",
        EMAIL,
        "--first-user-password",
        PASSWORD,
        "--first-user-trial=false",
    ];
    user.succeed(&arguments, SOON).await.context("the first user cannot be made")?;
    Ok(())
}
