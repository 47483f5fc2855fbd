//! What must have happened for a campaign to have checked what it claims. Pure.

use super::{
    checker::{Violation, Wrong},
    plan::{Class, Link},
};

/// What happened at least so often in 30 s, and grows with the time.
const FLOORS: &[(Counted, u64)] = &[
    (Counted::Answers, 10),
    (Counted::Commands, 2),
    (Counted::Edits, 1),
    (Counted::ClientCalls, 2),
    (Counted::RelayedParts, 20),
    (Counted::Takeovers, 1),
    (Counted::Resets, 10),
    (Counted::Retries, 1),
];

/// The parts of all faults, in thousandths, that each class has at least.
const CLASSES: &[(Class, u64)] = &[
    (Class::Line(Link::Viewers), 100),
    (Class::Line(Link::Mesh), 10),
    (Class::Line(Link::Database), 20),
    (Class::Hints, 5),
    (Class::Processes, 1),
];

/// What a campaign claims to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Answers,
    Commands,
    Edits,
    ClientCalls,
    RelayedParts,
    Takeovers,
    Resets,
    Retries,
}

impl Counted {
    /// What it is called in the summary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answers => "answers committed",
            Self::Commands => "commands run in workspaces",
            Self::Edits => "messages edited",
            Self::ClientCalls => "calls of client tools answered",
            Self::RelayedParts => "parts that came over from other servers",
            Self::Takeovers => "leases taken over from another server",
            Self::Resets => "previews reset",
            Self::Retries => "failures of the model told to viewers",
        }
    }
}

/// What did not happen often enough in so many seconds. Without workspaces there are no commands.
pub fn missing(
    seconds: u64,
    has_workspaces: bool,
    count: impl Fn(Counted) -> u64,
    struck: impl Fn(Class) -> u64,
) -> Vec<Violation> {
    let claims = FLOORS.iter().filter(|(counted, _)| has_workspaces || *counted != Counted::Commands);
    let claims =
        claims.map(|(counted, floor)| (counted.name().to_owned(), count(*counted), floor * seconds / 30));
    let total: u64 = CLASSES.iter().map(|(class, _)| struck(*class)).sum();
    let classes =
        CLASSES.iter().map(|(class, share)| (class.to_string(), struck(*class), total * share / 1000));
    claims
        .chain(classes)
        .filter(|(_, count, floor)| *count < (*floor).max(1))
        .map(|(name, count, floor)| {
            let what = format!("{count}, and less than {} proves nothing", floor.max(1));
            Violation::new(Wrong::NotDone, name, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(count: impl Fn(Counted) -> u64, struck: impl Fn(Class) -> u64) -> Vec<String> {
        missing(60, true, count, struck).into_iter().map(|violation| violation.who).collect()
    }

    #[test]
    fn a_campaign_in_which_everything_happened_is_accepted() {
        assert_eq!(judge(|_| 1000, |_| 100), Vec::<String>::new());
    }

    #[test]
    fn whatever_did_not_happen_is_named() {
        for (missing, _) in FLOORS {
            let found = judge(|counted| if counted == *missing { 0 } else { 1000 }, |_| 100);
            assert_eq!(found, [missing.name()]);
        }
        for (missing, _) in CLASSES {
            let found = judge(|_| 1000, |class| if class == *missing { 0 } else { 100 });
            assert_eq!(found, [missing.to_string()]);
        }
    }

    #[test]
    fn a_longer_campaign_must_do_more() {
        let few = |counted| if counted == Counted::Edits { 1 } else { 1000 };
        assert_eq!(judge(few, |_| 100), ["messages edited"]);
        assert!(missing(30, true, few, |_| 100).is_empty());
    }

    #[test]
    fn without_workspaces_no_commands_are_expected() {
        let none = |counted| if counted == Counted::Commands { 0 } else { 1000 };
        assert!(missing(60, false, none, |_| 100).is_empty());
    }
}
