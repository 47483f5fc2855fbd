//! `warren users`.

use rand::{Rng as _, distr::Alphanumeric};
use serde_json::Value;
use warren_api::users::{CreateUserRequest, User};
use warren_sdk::Client;
use warren_vocab::LoginType;

use super::organization;
use crate::{
    args::{CreateUserArgs, EditRolesArgs, ListUsersArgs, OutputArgs, StatusArgs, UsersCommand},
    context::Context,
    output::{self, Format},
    program, prompt,
    table::{self, Column, time},
};

/// Twenty letters and digits are more than anybody can guess.
const PASSWORD_LENGTH: usize = 20;

const COLUMNS: &[Column<User>] = &[
    Column { name: "username", cell: |user| user.username.clone() },
    Column { name: "email", cell: |user| user.email.clone() },
    Column { name: "created at", cell: |user| time(user.created_at) },
    Column { name: "status", cell: |user| user.status.to_string() },
    Column { name: "id", cell: |user| user.id.to_string() },
    Column { name: "name", cell: |user| user.name.clone() },
    Column { name: "roles", cell: roles },
    Column { name: "login type", cell: |user| user.login_type.to_string() },
    Column { name: "last seen at", cell: |user| time(user.last_seen_at) },
    Column { name: "updated at", cell: |user| time(user.updated_at) },
    Column { name: "avatar url", cell: |user| user.avatar_url.clone() },
    Column { name: "organization ids", cell: organizations },
];
const LISTED: &[&str] = &["username", "email", "created at", "status"];
const SHOWN: &[&str] = &["id", "username", "email", "name", "roles", "status", "login type", "last seen at"];

const CLAIMS: &[Column<(String, Value)>] = &[
    Column { name: "key", cell: |claim| claim.0.clone() },
    Column {
        name: "value",
        cell: |claim| claim.1.as_str().map_or_else(|| claim.1.to_string(), str::to_owned),
    },
];

pub(super) async fn run(command: UsersCommand, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        UsersCommand::Create(args) => create(args, &client).await,
        UsersCommand::List(args) => list(&args, &client).await,
        UsersCommand::Show { user, output } => print(&[client.user(&user).await?], SHOWN, &output),
        UsersCommand::Delete { user } => {
            let user = client.user(&user).await?;
            client.delete_user(&user.id.to_string()).await?;
            output::line(&format!("Successfully deleted {}.", user.username));
            Ok(())
        }
        UsersCommand::Suspend(args) => set_status(args, &client, Status::Suspended).await,
        UsersCommand::Activate(args) => set_status(args, &client, Status::Active).await,
        UsersCommand::EditRoles(args) => edit_roles(args, &client).await,
        UsersCommand::OidcClaims(output) => oidc_claims(&output, &client).await,
    }
}

#[derive(Clone, Copy)]
enum Status {
    Active,
    Suspended,
}

async fn create(args: CreateUserArgs, client: &Client) -> anyhow::Result<()> {
    let organization = organization::pick(client, args.organization.organization.as_deref()).await?;
    let username = match args.username {
        Some(username) => username,
        None => prompt::text("Username:", None, "--username")?,
    };
    let email = match args.email {
        Some(email) => email,
        None if args.service_account => String::new(),
        None => prompt::text("Email:", None, "--email")?,
    };
    let login_type = if args.service_account { LoginType::None } else { args.login_type };
    let made = args.password.is_none() && login_type == LoginType::Password;
    let password = args.password.unwrap_or_else(|| if made { random_password() } else { String::new() });
    let request = CreateUserRequest {
        email,
        username,
        name: args.full_name.unwrap_or_default(),
        password: password.clone(),
        login_type: Some(login_type),
        organization_ids: vec![organization.id],
        service_account: args.service_account,
        ..CreateUserRequest::default()
    };
    let user = client.create_user(&request).await?;
    output::note(&format!("The user {} has been created.", user.username));
    if made {
        output::note("Give them this address, name and password; the password is not shown again:");
        output::line(&format!(
            "{}\n{}\n{password}",
            client.base().as_str().trim_end_matches('/'),
            user.email
        ));
    }
    output::note(&welcome(&user, client, login_type));
    Ok(())
}

fn welcome(user: &User, client: &Client, login_type: LoginType) -> String {
    let (program, url) = (program::name(), client.base().as_str().trim_end_matches('/'));
    match login_type {
        LoginType::None => {
            format!(
                "It cannot sign in; make a token with `{program} tokens create --user {}`.",
                user.username
            )
        }
        LoginType::Password | LoginType::Github | LoginType::Oidc | LoginType::Token => {
            format!("They sign in with `{program} login {url}`.")
        }
    }
}

async fn list(args: &ListUsersArgs, client: &Client) -> anyhow::Result<()> {
    let mut query = args.search.clone();
    if let Some(id) = args.github_user_id {
        query = format!("{query} github_com_user_id:{id}").trim_start().to_owned();
    }
    print(&client.users(&query).await?.users, LISTED, &args.output)
}

async fn set_status(args: StatusArgs, client: &Client, wanted: Status) -> anyhow::Result<()> {
    let user = client.user(&args.user).await?;
    let (verb, done) = match wanted {
        Status::Active => ("Activate", "activated"),
        Status::Suspended => ("Suspend", "suspended"),
    };
    output::line(&table::render(std::slice::from_ref(&user), COLUMNS, LISTED, &args.column)?);
    prompt::confirm(&format!("{verb} this user?"), args.yes)?;
    let id = user.id.to_string();
    match wanted {
        Status::Active => client.activate_user(&id).await?,
        Status::Suspended => client.suspend_user(&id).await?,
    };
    output::line(&format!("The user {} has been {done}!", user.username));
    Ok(())
}

async fn edit_roles(args: EditRolesArgs, client: &Client) -> anyhow::Result<()> {
    let user = client.user(&args.user).await?;
    let roles: Vec<String> = args.roles.into_iter().filter(|role| !role.is_empty()).collect();
    let shown =
        if roles.is_empty() { "no roles".to_owned() } else { format!("the roles {}", roles.join(", ")) };
    prompt::confirm(&format!("Give {} {shown}?", user.username), args.yes)?;
    client.set_user_roles(&user.id.to_string(), &roles).await?;
    output::line(&format!("Roles of {} have been replaced.", user.username));
    Ok(())
}

async fn oidc_claims(output: &OutputArgs, client: &Client) -> anyhow::Result<()> {
    let answer = client.oidc_claims().await?;
    let claims = answer.get("claims").and_then(Value::as_object).cloned().unwrap_or_default();
    match output.output {
        Format::Json => output::json(&answer),
        Format::Table => {
            let rows: Vec<_> = claims.into_iter().collect();
            output::line(&table::render(&rows, CLAIMS, &["key", "value"], &output.column)?);
            Ok(())
        }
    }
}

fn print(users: &[User], columns: &[&str], output: &OutputArgs) -> anyhow::Result<()> {
    match output.output {
        Format::Json => output::json(&users),
        Format::Table if users.is_empty() => {
            output::note("No user was found.");
            Ok(())
        }
        Format::Table => {
            output::line(&table::render(users, COLUMNS, columns, &output.column)?);
            Ok(())
        }
    }
}

fn roles(user: &User) -> String {
    user.roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn organizations(user: &User) -> String {
    user.organization_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn random_password() -> String {
    rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LENGTH).map(char::from).collect()
}
