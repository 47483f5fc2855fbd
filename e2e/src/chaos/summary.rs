//! What came of a campaign, for people and for programs.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};

use super::{
    run::Options,
    tally::{Report, Tally},
};

/// Violations that are shown in full.
const SHOWN_MAX: usize = 5;

/// The figures of a campaign.
pub struct Summary {
    pub seed: u64,
    pub directory: PathBuf,
    pub n_faults: u64,
    pub n_violations: u64,
    pub reports: Vec<Report>,
    pub log: Vec<String>,
    n_planned: usize,
    n_missed: u64,
    faults: BTreeMap<String, u64>,
    lasted: Duration,
    has_clocks: bool,
    counts: Vec<(&'static str, u64)>,
}

impl Summary {
    pub(super) fn new(options: &Options, has_clocks: bool, tally: &Tally) -> Self {
        let (faults, n_missed) = tally.faults();
        let (reports, n_violations) = tally.violations();
        let counts = [
            ("chats", &tally.n_chats),
            ("messages sent and acknowledged", &tally.n_sent),
            ("messages edited", &tally.n_edits),
            ("interrupts", &tally.n_interrupts),
            ("answers committed", &tally.n_answers),
            ("chats that ended with an error", &tally.n_errors),
            ("calls of client tools answered", &tally.n_client_calls),
            ("commands run in workspaces", &tally.n_commands),
            ("commands whose outcome the user was asked about", &tally.n_unknown),
            ("viewers' reconnects", &tally.n_reconnects),
            ("viewers without a place", &tally.n_guests),
            ("parts seen", &tally.n_parts),
            ("messages seen", &tally.n_messages),
            ("previews reset", &tally.n_resets),
        ];
        Self {
            seed: options.seed,
            directory: options.directory.clone(),
            n_faults: faults.values().sum(),
            n_violations,
            reports,
            log: tally.whole_log(),
            n_planned: options.n_faults,
            n_missed,
            faults,
            lasted: tally.elapsed(),
            has_clocks,
            counts: counts.map(|(name, counter)| (name, counter.load(Ordering::Relaxed))).to_vec(),
        }
    }

    /// The count of a name in the table.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.iter().find(|(named, _)| *named == name).map_or(0, |(_, count)| *count)
    }

    /// The same as JSON.
    pub fn json(&self) -> Value {
        json!({
            "seed": self.seed, "faults": self.n_faults, "planned": self.n_planned, "missed": self.n_missed,
            "by_kind": self.faults, "seconds": self.lasted.as_secs(), "clocks": self.has_clocks,
            "counts": self.counts.iter().copied().collect::<BTreeMap<_, _>>(), "violations": self.n_violations,
        })
    }

    /// The first violations, with what was seen and done around them.
    pub fn failures(&self) -> String {
        let mut text = String::new();
        for report in self.reports.iter().take(SHOWN_MAX) {
            text.push_str(&format!("\n{:.3} s: {}\n", report.at.as_secs_f64(), report.violation));
            for (title, lines) in [("seen", &report.transcript), ("faults", &report.faults)] {
                let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
                text.push_str(&format!("  {title}:\n{lines}"));
            }
        }
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for report in &self.reports {
            *kinds.entry(report.violation.wrong.to_string()).or_default() += 1;
        }
        text.push_str(&format!(
            "\n{} violations, of the first {}: {kinds:?}\n",
            self.n_violations,
            self.reports.len()
        ));
        text
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | count |\n|---|---|")?;
        writeln!(f, "| **faults** | **{}** |", self.n_faults)?;
        for (kind, count) in &self.faults {
            writeln!(f, "| {kind} | {count} |")?;
        }
        writeln!(f, "| planned, but found nothing to strike | {} |", self.n_missed)?;
        for (name, count) in &self.counts {
            writeln!(f, "| {name} | {count} |")?;
        }
        writeln!(f, "| **violations** | **{}** |", self.n_violations)?;
        let clocks = match self.has_clocks {
            true => "clocks of servers were minutes apart",
            false => "clocks were not offset: libfaketime is not installed",
        };
        write!(f, "\nSeed {}, {} s, {clocks}.", self.seed, self.lasted.as_secs())
    }
}
