//! Flags of `server`, made from the table of options.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use warren_config::{Kind, Opt, ServerConfig, Setting, options};

/// Flags of `server`.
#[derive(Debug, Args)]
pub struct ServerArgs {
    #[command(flatten)]
    pub flags: ConfigFlags,
    /// YAML file with options [env: WARREN_CONFIG_PATH].
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
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
