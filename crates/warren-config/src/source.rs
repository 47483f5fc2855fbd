//! Where the value of an option came from.

use std::collections::BTreeMap;

/// A source; later ones win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Default,
    File,
    Env,
    Flag,
}

impl Source {
    /// Returns the name that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "yaml",
            Self::Env => "env",
            Self::Flag => "flag",
        }
    }
}

/// The sources of the options that somebody has set, by flag.
#[derive(Debug, Clone, Default)]
pub struct Sources(BTreeMap<&'static str, Source>);

impl Sources {
    /// Returns the source of an option, by flag.
    pub fn of(&self, flag: &str) -> Source {
        self.0.get(flag).copied().unwrap_or(Source::Default)
    }

    pub(crate) fn set(&mut self, flag: &'static str, source: Source) {
        self.0.insert(flag, source);
    }
}
