//! `warren tokens`.

use anyhow::bail;
use warren_api::api_keys::{ApiKey, ApiKeyWithOwner, CreateTokenRequest};
use warren_sdk::Client;

use crate::{
    args::{CreateTokenArgs, ListTokensArgs, OutputArgs, RemoveTokenArgs, TokensCommand},
    context::Context,
    output::{self, Format},
    program,
    table::{self, Column, time},
};

/// Length of the id with which a token begins.
const ID_LENGTH: usize = 10;

const COLUMNS: &[Column<ApiKeyWithOwner>] = &[
    Column { name: "id", cell: |token| token.key.id.clone() },
    Column { name: "name", cell: |token| token.key.token_name.clone() },
    Column { name: "scopes", cell: |token| token.key.scopes.join(", ") },
    Column { name: "allow list", cell: |token| token.key.allow_list.join(", ") },
    Column { name: "last used", cell: |token| time(token.key.last_used) },
    Column { name: "expires at", cell: |token| time(token.key.expires_at) },
    Column { name: "created at", cell: |token| time(token.key.created_at) },
    Column { name: "owner", cell: |token| token.username.clone() },
];
const OWN: &[&str] = &["id", "name", "scopes", "allow list", "last used", "expires at", "created at"];
const ALL: &[&str] =
    &["id", "name", "scopes", "allow list", "last used", "expires at", "created at", "owner"];

pub(super) async fn run(command: TokensCommand, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        TokensCommand::Create(args) => create(args, &client).await,
        TokensCommand::List(args) => list(&args, &client).await,
        TokensCommand::View { which, output } => view(&which, &output, &client).await,
        TokensCommand::Remove(args) => remove(&args, &client).await,
    }
}

async fn create(args: CreateTokenArgs, client: &Client) -> anyhow::Result<()> {
    let lifetime = args.lifetime.unwrap_or_default().as_nanos();
    let request = CreateTokenRequest {
        lifetime: i64::try_from(lifetime).unwrap_or(i64::MAX),
        scope: None,
        scopes: args.scope,
        token_name: args.name.unwrap_or_default(),
        allow_list: args.allow,
    };
    let made = client.create_token(args.user.as_deref().unwrap_or("me"), &request).await?;
    output::line(&made.key);
    Ok(())
}

async fn list(args: &ListTokensArgs, client: &Client) -> anyhow::Result<()> {
    let tokens = client.tokens("me", args.all, args.include_expired).await?;
    match args.output.output {
        Format::Json => output::json(&tokens),
        Format::Table if tokens.is_empty() => {
            output::note(&format!(
                "No tokens were found. Make one with `{} tokens create`.",
                program::name()
            ));
            Ok(())
        }
        Format::Table => print(&tokens, if args.all { ALL } else { OWN }, &args.output),
    }
}

async fn view(text: &str, output: &OutputArgs, client: &Client) -> anyhow::Result<()> {
    let key = find(text, client).await?;
    let username = client.user(&key.user_id.to_string()).await.map(|user| user.username).unwrap_or_default();
    let token = ApiKeyWithOwner { key, username };
    match output.output {
        Format::Json => output::json(&token),
        Format::Table => print(&[token], OWN, output),
    }
}

async fn remove(args: &RemoveTokenArgs, client: &Client) -> anyhow::Result<()> {
    let key = find(&args.which, client).await?;
    if args.delete {
        client.delete_key("me", &key.id).await?;
        output::note("The token has been deleted.");
    } else {
        client.expire_key("me", &key.id).await?;
        output::note("The token has expired.");
    }
    Ok(())
}

fn print(tokens: &[ApiKeyWithOwner], columns: &[&str], output: &OutputArgs) -> anyhow::Result<()> {
    output::line(&table::render(tokens, COLUMNS, columns, &output.column)?);
    Ok(())
}

/// Finds a token by its name or id, or by itself.
async fn find(text: &str, client: &Client) -> anyhow::Result<ApiKey> {
    match client.token_by_name("me", text).await {
        Err(error) if error.status() == Some(404) => {}
        answer => return Ok(answer?),
    }
    let id = text.split_once('-').map_or(text, |(id, _)| if id.len() == ID_LENGTH { id } else { text });
    match client.key("me", id).await {
        // The text may be a whole token, which is not to be repeated.
        Err(error) if error.status() == Some(404) => {
            bail!("there is no such token; `{} tokens list` shows yours", program::name())
        }
        answer => Ok(answer?),
    }
}
