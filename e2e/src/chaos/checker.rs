//! Judges what viewers saw, what was acknowledged and what tools did. Pure: no clock, no network.
//!
//! A viewer is judged event by event, and at the end against the committed history.

mod answers;
mod history;
mod parts;
mod viewer;

use std::fmt;

pub use answers::{Answers, Said, answers_are_told_once, asks, calls_are_booked_once};
pub use history::{Acknowledged, ClientTools, Committed, Kept, commands_ran_once, prompt_is_told_once};
pub use parts::PartsOfChat;
pub use viewer::{Seen, ViewerCheck, read_events};

/// What must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    Lost,
    Doubled,
    OutOfOrder,
    /// What a viewer was shown differs from what others were shown, or from what was kept.
    Different,
    /// Something does not come to its end although nothing is in its way any more.
    Stuck,
    /// A tool's effect happened twice.
    EffectTwice,
    /// A chat failed although nothing that it needs did for good.
    Failed,
    /// The campaign did not do what it claims to check.
    NotDone,
    /// A server ended by itself, or did not start or stop.
    Server,
}

/// A violation, with a sentence for whoever looks into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub wrong: Wrong,
    pub who: String,
    pub what: String,
}

impl Violation {
    pub fn new(wrong: Wrong, who: impl Into<String>, what: impl Into<String>) -> Self {
        Self { wrong, who: who.into(), what: what.into() }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::OutOfOrder => "out of order",
            Self::Different => "different",
            Self::Stuck => "stuck",
            Self::EffectTwice => "tool effect twice",
            Self::Failed => "failed",
            Self::NotDone => "not done",
            Self::Server => "server",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.wrong, self.who, self.what)
    }
}

#[cfg(test)]
mod tests;
