//! The one table of options. Flags, variables, file keys, help, documentation and the API's list come from it.

mod chats;
mod database;
mod group;
mod login;
mod network;
mod operation;

pub use group::Group;

use crate::{setting::Setting, tree::ServerConfig};

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// Title for people.
    pub name: &'static str,
    /// One or two sentences.
    pub about: &'static str,
    pub group: Group,
    /// Without the dashes. Every option has one; it is also its key inside this program.
    pub flag: &'static str,
    /// Without `WARREN_` or `CODER_` in front.
    pub env: &'static str,
    /// Path in the configuration file, such as `networking.accessURL`; empty for secrets, which have none.
    pub yaml: &'static str,
    /// Path in the `config` object of the API; empty when it is not there.
    pub wire: &'static str,
    /// Whether help leaves it out.
    pub hidden: bool,
    /// How the default is told when the value itself would not say it.
    pub default_text: &'static str,
    pub field: Field,
}

/// Access to the option's place in the tree.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub get: fn(&ServerConfig) -> &dyn Setting,
    pub get_mut: fn(&mut ServerConfig) -> &mut dyn Setting,
}

/// Names a place in the tree.
macro_rules! field {
    ($($path:ident).+) => {
        $crate::options::Field { get: |config| &config.$($path).+, get_mut: |config| &mut config.$($path).+ }
    };
}
pub(crate) use field;

impl Opt {
    /// An option with a flag, a variable and a key of the file.
    pub(crate) const fn new(
        name: &'static str,
        flag: &'static str,
        env: &'static str,
        yaml: &'static str,
        field: Field,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            about,
            group: Group::Other,
            flag,
            env,
            yaml,
            wire: "",
            hidden: false,
            default_text: "",
            field,
        }
    }

    pub(crate) const fn group(self, group: Group) -> Self {
        Self { group, ..self }
    }

    pub(crate) const fn wire(self, wire: &'static str) -> Self {
        Self { wire, ..self }
    }

    pub(crate) const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    pub(crate) const fn default_text(self, default_text: &'static str) -> Self {
        Self { default_text, ..self }
    }

    /// Returns the default as one would write it; empty for none.
    pub fn default(&self) -> String {
        if !self.default_text.is_empty() {
            return self.default_text.to_owned();
        }
        (self.field.get)(&ServerConfig::default()).text()
    }

    /// Whether the value must not be shown.
    pub fn is_secret(&self) -> bool {
        (self.field.get)(&ServerConfig::default()).kind().is_secret()
    }
}

/// Returns every option, group by group.
pub fn options() -> impl Iterator<Item = &'static Opt> {
    [
        network::ACCESS,
        network::HTTP,
        network::TLS,
        network::SESSIONS,
        database::TABLE,
        login::GITHUB,
        login::OIDC,
    ]
    .into_iter()
    .chain([
        operation::PROVISIONING,
        chats::TABLE,
        operation::CLIENT,
        operation::INTROSPECTION,
        operation::REST,
    ])
    .flatten()
}

#[cfg(test)]
mod tests;
