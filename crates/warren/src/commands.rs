//! One module per command.

mod agent;
mod build;
mod chat;
mod config_ssh;
mod create;
mod delete;
mod dev;
mod list;
mod login;
mod logout;
mod logs;
mod models;
mod organization;
mod parameters;
mod server;
mod show;
mod ssh;
mod start;
mod stop;
mod templates;
mod version;
mod whoami;

use crate::{
    args::{Command, ConnectCommand, TemplatesCommand},
    context::Context,
    failure::Exit,
};

/// Runs a command.
///
/// # Errors
/// Whatever keeps the command from doing its work, as a sentence for the user.
pub async fn run(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Server(args) => server::run(*args).await?,
        Command::Agent(args) => agent::run(args).await?,
        Command::Login(args) => login::run(*args, context).await?,
        Command::Logout(args) => logout::run(args, context).await?,
        Command::Whoami(args) => whoami::run(&args, context).await?,
        Command::Version(args) => version::run(&args, context).await?,
        Command::Templates(TemplatesCommand::Push(args)) => templates::push(args, context).await?,
        Command::Templates(TemplatesCommand::List(args)) => templates::list(&args, context).await?,
        Command::Create(args) => create::run(args, context).await?,
        Command::List(args) => list::run(&args, context).await?,
        Command::Show(args) => show::run(&args, context).await?,
        Command::Start(args) => start::run(args, context).await?,
        Command::Stop(args) => stop::run(args, context).await?,
        Command::Delete(args) => delete::run(args, context).await?,
        Command::Logs(args) => logs::run(&args, context).await?,
        Command::Ssh(args) => return ssh::run(args, context).await,
        Command::ConfigSsh(args) => config_ssh::run(args, context).await?,
        // No system-wide tunnel exists, so no host is served by one.
        Command::Connect(ConnectCommand::Exists { .. }) => return Ok(Exit(1)),
        Command::Chat(command) => chat::run(command, context).await?,
        Command::Models(command) => models::run(command, context).await?,
        Command::Dev(command) => dev::run(command).await?,
    }
    Ok(Exit::OK)
}
