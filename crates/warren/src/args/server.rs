//! Flags of `server`, made from the table of options.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Subcommand};
use warren_config::{Kind, Opt, ServerConfig, Setting, options};

/// Flags of `server`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ServerArgs {
    #[command(subcommand)]
    pub command: Option<ServerCommand>,
    #[command(flatten)]
    pub flags: ConfigFlags,
    /// YAML file with options [env: WARREN_CONFIG_PATH].
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Work at the database, without serving it.
#[derive(Debug, Subcommand)]
pub enum ServerCommand {
    /// Create an owner, also when nobody can sign in any more.
    CreateAdminUser(CreateAdminArgs),
    /// Work with whole databases.
    #[command(subcommand)]
    Db(DbCommand),
    /// Change the keys of secrets in the database.
    #[command(subcommand)]
    Dbcrypt(DbcryptCommand),
}

/// Subcommands of `server db`.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Move a deployment into another database, which must be empty; stop its servers first.
    ///
    /// A place is postgres://user:password@host/name, sqlite:///directory, or a data directory. Keys and files beside the
    /// database are not copied: start the server with the same data directory, or copy its secret.key.
    Copy {
        /// Where the deployment is.
        #[arg(long, value_name = "PLACE")]
        from: String,
        /// Where it is to go.
        #[arg(long, value_name = "PLACE")]
        to: String,
    },
}

/// Where the deployment is kept.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// URL of the PostgreSQL database [default: SQLite in the data directory].
    #[arg(long, env = "CODER_PG_CONNECTION_URL", value_name = "URL")]
    pub postgres_url: Option<String>,
    /// Where the SQLite database and the key are kept [default: ~/.local/share/warren].
    #[arg(long, env = "CODER_DATA_DIR", value_name = "PATH")]
    pub data_dir: Option<String>,
    /// YAML file with the options of the server [env: WARREN_CONFIG_PATH].
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Accepted for compatibility: the URL says how to sign in to PostgreSQL.
    #[arg(long, env = "CODER_PG_CONNECTION_AUTH", hide = true)]
    pub postgres_connection_auth: Option<String>,
}

/// Flags of `server create-admin-user`.
#[derive(Debug, Args)]
pub struct CreateAdminArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    /// Name to sign in with [default: asked for].
    #[arg(long, env = "CODER_USERNAME")]
    pub username: Option<String>,
    /// Email address [default: asked for].
    #[arg(long, env = "CODER_EMAIL")]
    pub email: Option<String>,
    /// Password [default: asked for].
    #[arg(long, env = "CODER_PASSWORD")]
    pub password: Option<String>,
    /// Accepted for compatibility: Git keys are ed25519.
    #[arg(long, env = "CODER_SSH_KEYGEN_ALGORITHM", hide = true)]
    pub ssh_keygen_algorithm: Option<String>,
    /// Accepted for compatibility: no database is started by this command.
    #[arg(long, hide = true)]
    pub raw_url: bool,
}

/// Flags of `reset-password`.
#[derive(Debug, Args)]
pub struct ResetPasswordArgs {
    /// User, by name, address or id.
    pub user: String,
    #[command(flatten)]
    pub store: StoreArgs,
    /// New password [default: asked for].
    #[arg(long, env = "CODER_PASSWORD")]
    pub password: Option<String>,
}

/// Subcommands of `server dbcrypt`.
#[derive(Debug, Subcommand)]
pub enum DbcryptCommand {
    /// Seal every secret anew with a new key; give that key to the servers first.
    Rotate {
        #[command(flatten)]
        store: StoreArgs,
        /// Base64 key that seals from now on.
        #[arg(long, env = "CODER_EXTERNAL_TOKEN_ENCRYPTION_ENCRYPT_NEW_KEY", value_name = "KEY")]
        new_key: String,
        /// Base64 keys that sealed until now, besides the key file of the data directory.
        #[arg(
            long,
            env = "CODER_EXTERNAL_TOKEN_ENCRYPTION_ENCRYPT_OLD_KEYS",
            value_name = "KEYS",
            value_delimiter = ','
        )]
        old_keys: Vec<String>,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Give up every secret, when the key is lost.
    #[command(alias = "rm")]
    Delete {
        #[command(flatten)]
        store: StoreArgs,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
}

/// The flags of options that were used, with their texts.
#[derive(Debug, Default)]
pub struct ConfigFlags(pub BTreeMap<String, Vec<String>>);

impl Args for ConfigFlags {
    fn augment_args(command: Command) -> Command {
        command.args(options().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ConfigFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let used = options().filter_map(|option| {
            let texts = matches.get_many::<String>(option.flag)?;
            Some((option.flag.to_owned(), texts.cloned().collect()))
        });
        Ok(Self(used.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(option: &'static Opt) -> Arg {
    let defaults = ServerConfig::default();
    let setting: &dyn Setting = (option.field.get)(&defaults);
    let argument = Arg::new(option.flag)
        .long(option.flag)
        .help(help(option, setting))
        .help_heading(option.group.name())
        .hide(option.hidden)
        .action(ArgAction::Append)
        .value_name(value_name(setting.kind()));
    match setting.kind() {
        Kind::Switch => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Kind::Number
        | Kind::Duration
        | Kind::Text
        | Kind::Url
        | Kind::Address
        | Kind::Path
        | Kind::Word
        | Kind::List
        | Kind::Map
        | Kind::Secret
        | Kind::SecretList => argument,
    }
}

fn help(option: &Opt, setting: &dyn Setting) -> String {
    let mut text = option.about.trim_end_matches('.').to_owned();
    if !setting.words().is_empty() {
        text.push_str(&format!(" ({})", setting.words().join(", ")));
    }
    text.push_str(&format!(" [env: WARREN_{}]", option.env));
    match option.default().as_str() {
        "" | "false" => {}
        default => text.push_str(&format!(" [default: {default}]")),
    }
    text
}

const fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Switch => "BOOL",
        Kind::Number => "NUMBER",
        Kind::Duration => "DURATION",
        Kind::Text => "TEXT",
        Kind::Url => "URL",
        Kind::Address => "HOST:PORT",
        Kind::Path => "PATH",
        Kind::Word => "WORD",
        Kind::List => "LIST",
        Kind::Map => "JSON",
        Kind::Secret => "SECRET",
        Kind::SecretList => "SECRETS",
    }
}
