//! `warren server create-admin-user`, `warren server db`, `warren server dbcrypt` and `warren reset-password`.

use std::collections::BTreeMap;

use warren_config::{Inputs, ServerConfig};
use warren_rt::Secret;
use warren_server::{Maintenance, NewOwner};

use super::server::environment;
use crate::{
    args::{CreateAdminArgs, DbCommand, DbcryptCommand, ResetPasswordArgs, StoreArgs},
    output, prompt,
};

pub(super) async fn create_admin(args: CreateAdminArgs) -> anyhow::Result<()> {
    let store = Maintenance::open(settings(args.store)?).await?;
    let username = given("Username:", args.username, "--username")?;
    let email = given("Email:", args.email, "--email")?;
    let password = match args.password {
        Some(password) => password,
        None => prompt::new_secret("Password:", "--password")?,
    };
    let made =
        store.create_owner(NewOwner { username: username.clone(), email: email.clone(), password }).await;
    store.close().await;
    let id = made?;
    output::line(&format!("The owner {username} ({email}) has been created, with the id {id}."));
    Ok(())
}

pub(super) async fn reset_password(args: ResetPasswordArgs) -> anyhow::Result<()> {
    let store = Maintenance::open(settings(args.store)?).await?;
    let password = match args.password {
        Some(password) => password,
        None => prompt::new_secret("New password:", "--password")?,
    };
    let changed = store.reset_password(&args.user, password).await;
    store.close().await;
    let name = changed?;
    output::line(&format!("The password of {name} has been reset; their sessions and tokens have ended."));
    Ok(())
}

pub(super) async fn db(command: DbCommand) -> anyhow::Result<()> {
    let DbCommand::Copy { from, to } = command;
    let report = warren_server::copy_database(&from, &to, |done| {
        if done.n_copied == done.n_rows && done.n_rows > 0 {
            output::note(&format!("{}: {} rows", done.table, done.n_rows));
        }
    });
    let tables = report.await?.tables;
    let n_rows: u64 = tables.iter().map(|(_, n_rows)| n_rows).sum();
    output::line(&format!("{n_rows} rows of {} tables were copied, and all arrived.", tables.len()));
    Ok(())
}

pub(super) async fn dbcrypt(command: DbcryptCommand) -> anyhow::Result<()> {
    match command {
        DbcryptCommand::Rotate { store, new_key, old_keys, yes } => {
            let mut config = settings(store)?;
            config.external_token_encryption_keys =
                std::iter::once(new_key).chain(old_keys).map(Secret::new).collect();
            prompt::confirm("Seal every secret in the database with the new key?", yes)?;
            let store = Maintenance::open(config).await?;
            let done = store.rotate_keys().await;
            store.close().await;
            let done = done?;
            output::line(&format!(
                "{} secrets were sealed with the new key, {} had it already.",
                done.n_resealed, done.n_current
            ));
            output::note(
                "Keep the old key until every server has been restarted with the new key first in \
             --external-token-encryption-keys; what a server seals with the old key until then needs another rotation.",
            );
        }
        DbcryptCommand::Delete { store, yes } => {
            let config = settings(store)?;
            prompt::confirm("Give up every secret in the database? Nothing can bring them back.", yes)?;
            let store = Maintenance::open(config).await?;
            let done = store.forget_secrets().await;
            store.close().await;
            output::line(&format!("{} rows lost their secrets.", done?.n_rows));
        }
    }
    Ok(())
}

fn given(question: &str, value: Option<String>, flag: &str) -> anyhow::Result<String> {
    match value {
        Some(value) => Ok(value),
        None => prompt::text(question, None, flag),
    }
}

/// The settings that a server would find, with the place that the flags name.
fn settings(store: StoreArgs) -> anyhow::Result<ServerConfig> {
    let flags = [("postgres-url", store.postgres_url), ("data-dir", store.data_dir)];
    let flags = flags.into_iter().filter_map(|(flag, value)| Some((flag.to_owned(), vec![value?])));
    let flags: BTreeMap<_, _> = flags.collect();
    Ok(warren_config::load(&Inputs { flags, env: environment(), file: store.config })?)
}
