//! One module per command.

mod agent;
mod build;
mod chat;
mod completion;
mod config_ssh;
mod create;
mod delete;
mod dev;
mod list;
mod login;
mod logout;
mod logs;
mod maintenance;
mod models;
mod organization;
mod organizations;
mod parameters;
mod restart;
mod server;
mod show;
mod ssh;
mod start;
mod stop;
mod templates;
mod tokens;
mod update;
mod users;
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
        Command::ResetPassword(args) => maintenance::reset_password(args).await?,
        Command::Agent(args) => agent::run(args).await?,
        Command::Login(args) => login::run(*args, context).await?,
        Command::Logout(args) => logout::run(args, context).await?,
        Command::Whoami(args) => whoami::run(&args, context).await?,
        Command::Version(args) => version::run(&args, context).await?,
        Command::Users(command) => users::run(command, context).await?,
        Command::Tokens(command) => tokens::run(command, context).await?,
        Command::Organizations(args) => organizations::run(args, context).await?,
        Command::Completion(args) => completion::run(&args)?,
        Command::Templates(TemplatesCommand::Push(args)) => templates::push(args, context).await?,
        Command::Templates(TemplatesCommand::List(args)) => templates::list(&args, context).await?,
        Command::Create(args) => create::run(args, context).await?,
        Command::List(args) => list::run(&args, context).await?,
        Command::Show(args) => show::run(&args, context).await?,
        Command::Start(args) => start::run(args, context).await?,
        Command::Restart(args) => restart::run(args, context).await?,
        Command::Update(args) => update::run(args, context).await?,
        Command::Stop(args) => stop::run(args, context).await?,
        Command::Delete(args) => delete::run(args, context).await?,
        Command::Logs(args) => logs::run(&args, context).await?,
        Command::Ssh(args) => return ssh::run(args, context).await,
        Command::ConfigSsh(args) => config_ssh::run(args, context).await?,
        // No system-wide tunnel exists, so no host is served by one.
        Command::Connect(ConnectCommand::Exists { .. }) => return Ok(Exit(1)),
        Command::Chat(command) => return chat::run(command, context).await,
        Command::Models(command) => models::run(command, context).await?,
        Command::Dev(command) => dev::run(command).await?,
    }
    Ok(Exit::OK)
}
