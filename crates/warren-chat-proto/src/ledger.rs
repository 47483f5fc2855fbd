//! The tool ledger: a tool call is written down before it runs and after it ran, so that it starts at most once.

use warren_vocab::word::UnknownWord;

/// How far a tool call is, as written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerState {
    /// The model asked for it; nothing has run.
    Intent,
    /// It may have run, wholly or in part.
    Started,
    /// It ran and its result is written down.
    Finished,
}

/// What a worker does with a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Write "started" and run it.
    Run,
    /// Use the result that is written down.
    UseResult,
    /// Tell the user and the model that the outcome is not known.
    ReportUnknown,
}

/// Decides for a call that this worker has not started itself. `is_read_only` tools change nothing, so that running them
/// again is harmless.
pub const fn verdict(state: LedgerState, is_read_only: bool) -> Verdict {
    match state {
        LedgerState::Intent => Verdict::Run,
        LedgerState::Started if is_read_only => Verdict::Run,
        LedgerState::Started => Verdict::ReportUnknown,
        LedgerState::Finished => Verdict::UseResult,
    }
}

impl LedgerState {
    const WORDS: &'static [&'static str] = &["intent", "started", "finished"];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Started => "started",
            Self::Finished => "finished",
        }
    }
}

impl std::str::FromStr for LedgerState {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "intent" => Ok(Self::Intent),
            "started" => Ok(Self::Started),
            "finished" => Ok(Self::Finished),
            other => Err(UnknownWord {
                kind: "state of a tool call",
                found: other.to_owned(),
                allowed: Self::WORDS,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_started_runs_again_only_if_it_changes_nothing() {
        assert_eq!(verdict(LedgerState::Intent, false), Verdict::Run);
        assert_eq!(verdict(LedgerState::Started, false), Verdict::ReportUnknown);
        assert_eq!(verdict(LedgerState::Started, true), Verdict::Run);
        assert_eq!(verdict(LedgerState::Finished, true), Verdict::UseResult);
        for state in [LedgerState::Intent, LedgerState::Started, LedgerState::Finished] {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }
}
