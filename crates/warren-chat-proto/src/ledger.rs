//! The tool ledger: a tool call is written down before it runs and after it ran, so that it starts at most once.

use warren_vocab::word::UnknownWord;

use crate::approval;

/// How far a tool call is, as written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerState {
    /// The model asked for it; nothing has run.
    Intent,
    /// Somebody is asked whether it may run.
    Asked,
    /// Somebody has allowed it; nothing has run.
    Approved,
    /// Somebody has refused it, and the refusal is its result.
    Denied,
    /// It may have run, wholly or in part.
    Started,
    /// It ran and its result is written down.
    Finished,
    /// It was started before a crash and nobody can tell what it did; somebody is asked whether it may run again.
    Unknown,
}

/// What a tool can do about a run that a crash has cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It changes nothing, so it runs again.
    Harmless,
    /// Whoever carries it out remembers it by its key and is asked.
    AskByKey,
    /// Nobody remembers it.
    Never,
}

/// What a worker does with a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Write "started" and run it.
    Run,
    /// Ask whoever carries it out what became of it.
    Resume,
    /// Leave it open and wait for somebody's decision.
    Wait,
    /// Answer it with a refusal.
    Refuse,
    /// Use the result that is written down.
    UseResult,
    /// Ask the user: it may have run, and nobody can tell.
    AskAboutOutcome,
}

/// Decides for a call that this worker has not started itself. `rules` is what the approval rules say about it; they are
/// asked only about calls on which nobody has decided yet.
pub const fn verdict(state: LedgerState, repeat: Repeat, rules: approval::Verdict) -> Verdict {
    match (state, repeat, rules) {
        (LedgerState::Intent, _, approval::Verdict::Allow) => Verdict::Run,
        (LedgerState::Intent, _, approval::Verdict::Ask) => Verdict::Wait,
        (LedgerState::Intent, _, approval::Verdict::Deny) => Verdict::Refuse,
        (LedgerState::Asked | LedgerState::Unknown, _, _) => Verdict::Wait,
        (LedgerState::Approved, _, _) => Verdict::Run,
        (LedgerState::Started, Repeat::Harmless, _) => Verdict::Run,
        (LedgerState::Started, Repeat::AskByKey, _) => Verdict::Resume,
        (LedgerState::Started, Repeat::Never, _) => Verdict::AskAboutOutcome,
        (LedgerState::Denied | LedgerState::Finished, _, _) => Verdict::UseResult,
    }
}

impl LedgerState {
    /// Every state, in the order in which a call goes through them.
    pub const ALL: [Self; 7] = [
        Self::Intent,
        Self::Asked,
        Self::Approved,
        Self::Denied,
        Self::Started,
        Self::Finished,
        Self::Unknown,
    ];
    const WORDS: &'static [&'static str] =
        &["intent", "asked", "approved", "denied", "started", "finished", "unknown"];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Started => "started",
            Self::Finished => "finished",
            Self::Unknown => "unknown",
        }
    }

    /// Whether somebody outside is asked about the call.
    pub const fn waits(self) -> bool {
        match self {
            Self::Asked | Self::Unknown => true,
            Self::Intent | Self::Approved | Self::Denied | Self::Started | Self::Finished => false,
        }
    }
}

impl std::str::FromStr for LedgerState {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownWord {
            kind: "state of a tool call",
            found: text.to_owned(),
            allowed: Self::WORDS,
        })
    }
}

#[cfg(test)]
mod tests {
    use approval::Verdict as Rules;

    use super::*;

    const REPEATS: [Repeat; 3] = [Repeat::Harmless, Repeat::AskByKey, Repeat::Never];
    const RULES: [Rules; 3] = [Rules::Allow, Rules::Ask, Rules::Deny];

    #[test]
    fn a_call_that_was_started_runs_again_only_if_it_changes_nothing() {
        for rules in RULES {
            let started = |repeat| verdict(LedgerState::Started, repeat, rules);
            assert_eq!(started(Repeat::Harmless), Verdict::Run);
            assert_eq!(started(Repeat::AskByKey), Verdict::Resume);
            assert_eq!(started(Repeat::Never), Verdict::AskAboutOutcome);
        }
    }

    #[test]
    fn rules_are_asked_only_before_anybody_has_decided() {
        for repeat in REPEATS {
            let intent = |rules| verdict(LedgerState::Intent, repeat, rules);
            assert_eq!(RULES.map(intent), [Verdict::Run, Verdict::Wait, Verdict::Refuse]);
            for state in LedgerState::ALL.into_iter().filter(|state| *state != LedgerState::Intent) {
                let verdicts = RULES.map(|rules| verdict(state, repeat, rules));
                assert!(verdicts.iter().all(|one| *one == verdicts[0]), "{state:?}");
                assert_eq!(state.waits(), verdicts[0] == Verdict::Wait, "{state:?}");
            }
        }
    }

    #[test]
    fn words_of_states_are_read_back() {
        for state in LedgerState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("running".parse::<LedgerState>().is_err());
    }
}
