//! `warren login`: makes the first user of a fresh server, or a session of an existing one.

use anyhow::{Context as _, bail};
use url::Url;
use warren_api::users::{CreateFirstUserRequest, LoginWithPasswordRequest, User};
use warren_sdk::Client;
use warren_vocab::Username;

use crate::{
    args::{LoginArgs, LoginCommand},
    browser,
    context::{Context, parse_url},
    output,
    program::{self, not_signed_in},
    prompt,
};

pub(super) async fn run(args: LoginArgs, context: &Context) -> anyhow::Result<()> {
    if matches!(args.command, Some(LoginCommand::Token)) {
        return print_token(context);
    }
    if context.token_env().is_some() && context.token_flag().is_none() && !args.use_token_as_session {
        bail!(
            "CODER_SESSION_TOKEN is set and would hide the session that this command stores; \
             unset it, or give the token with --token"
        );
    }
    let client = context.client_of(url(&args, context)?)?;
    let session = if client.has_first_user().await? {
        existing_user(&client, &args, context).await?
    } else {
        first_user(&client, &args).await?
    };
    let user = match client.clone().with_token(session.as_str()).user("me").await {
        // Without the hint to sign in that other commands get.
        Err(error) if error.status() == Some(401) => bail!("the server does not take this token: {error}"),
        answer => answer.context("the new session does not work")?,
    };
    context.config.store(client.base().as_str().trim_end_matches('/'), &session)?;
    welcome(&user, client.base());
    Ok(())
}

fn print_token(context: &Context) -> anyhow::Result<()> {
    let stored = context.config.url()?.with_context(not_signed_in)?;
    if context.server_url()? != parse_url(&stored)? {
        bail!("you are signed in to {stored}, not to {}", context.server_url()?);
    }
    output::line(&context.config.session()?.with_context(not_signed_in)?);
    Ok(())
}

fn url(args: &LoginArgs, context: &Context) -> anyhow::Result<Url> {
    match &args.server {
        Some(url) => parse_url(url),
        None => match context.server_url_text()? {
            Some(url) => parse_url(&url),
            None => bail!("the server's URL is missing; use `{} login <url>`", program::name()),
        },
    }
}

fn welcome(user: &User, url: &Url) {
    output::line(&format!("> Welcome to Warren, {}! You are signed in to {url}", user.username));
}

async fn first_user(client: &Client, args: &LoginArgs) -> anyhow::Result<String> {
    output::note(&format!("{} has no users yet; the first one owns the deployment.", client.base()));
    let username = match &args.first_user_username {
        Some(username) => username.clone(),
        None => {
            let own = std::env::var("USER").ok().filter(|name| Username::parse(name).is_ok());
            prompt::text("Username:", own.as_deref(), "--first-user-username")?
        }
    };
    Username::parse(&username).with_context(|| format!("{username:?} cannot be a username"))?;
    let email = match &args.first_user_email {
        Some(email) => email.clone(),
        None => prompt::text("Email:", None, "--first-user-email")?,
    };
    let password = match &args.first_user_password {
        Some(password) => password.clone(),
        None => prompt::new_secret("Password:", "--first-user-password")?,
    };
    let request = CreateFirstUserRequest {
        email: email.clone(),
        username,
        name: args.first_user_full_name.clone().unwrap_or_default(),
        password: password.clone(),
        trial: false,
    };
    client.create_first_user(&request).await?;
    Ok(client.login(&LoginWithPasswordRequest { email, password }).await?.session_token)
}

async fn existing_user(client: &Client, args: &LoginArgs, context: &Context) -> anyhow::Result<String> {
    // An editor hands the token over in the environment and asks for it to be stored.
    if let Some(token) = context.token_flag().or(context.token_env()) {
        return with_token(client, token, args.use_token_as_session).await;
    }
    match args.email.as_ref().or(args.first_user_email.as_ref()) {
        Some(email) => with_password(client, email, args).await,
        None => from_browser(client, context),
    }
}

/// The page shows a token to the person who is signed in there, for pasting here.
fn from_browser(client: &Client, context: &Context) -> anyhow::Result<String> {
    let page = format!("{}/cli-auth", client.base().as_str().trim_end_matches('/'));
    if !prompt::can_ask() {
        bail!("there is no terminal to paste a token into; make one at {page} and give it with --token");
    }
    if context.may_open {
        browser::open(&page);
    }
    output::note(&format!("Open this page in your browser, sign in, and copy the token:\n\n  {page}\n"));
    let token = prompt::secret("Paste your token here:", "--token")?;
    match token.trim() {
        "" => bail!("no token was given"),
        token => Ok(token.to_owned()),
    }
}

async fn with_password(client: &Client, email: &str, args: &LoginArgs) -> anyhow::Result<String> {
    let password = match args.password.as_ref().or(args.first_user_password.as_ref()) {
        Some(password) => password.clone(),
        None => prompt::secret("Password:", "--password")?,
    };
    match client.login(&LoginWithPasswordRequest { email: email.to_owned(), password }).await {
        // Without the hint to sign in that other commands get.
        Err(error) if error.status() == Some(401) => bail!("{error}"),
        answer => Ok(answer?.session_token),
    }
}

async fn with_token(client: &Client, token: &str, as_session: bool) -> anyhow::Result<String> {
    if as_session {
        return Ok(token.to_owned());
    }
    match client.clone().with_token(token).create_session_key().await {
        // A server without this route lets the token itself be used.
        Err(error) if error.status() == Some(404) => Ok(token.to_owned()),
        Err(error) if error.status() == Some(401) => bail!("the server does not take this token: {error}"),
        made => Ok(made.context("the token cannot make a session")?.key),
    }
}
