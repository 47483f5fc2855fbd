//! What came of a campaign, for people and for programs.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};

use super::{
    floors::Counted,
    plan::{Class, Link},
    run::Options,
    tally::{Report, Tally},
};

/// Violations of a kind that are shown in full.
const SHOWN_MAX: usize = 3;

const CLASSES: [Class; 5] = [
    Class::Line(Link::Viewers),
    Class::Line(Link::Mesh),
    Class::Line(Link::Database),
    Class::Hints,
    Class::Processes,
];

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
    classes: Vec<(String, u64)>,
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
            (Counted::Edits.name(), &tally.n_edits),
            ("interrupts", &tally.n_interrupts),
            (Counted::Answers.name(), &tally.n_answers),
            ("requests to the model", &tally.n_asked),
            ("calls of the model booked", &tally.n_booked),
            (Counted::ClientCalls.name(), &tally.n_client_calls),
            (Counted::Commands.name(), &tally.n_commands),
            ("commands whose outcome the user was asked about", &tally.n_unknown),
            ("viewers' reconnects", &tally.n_reconnects),
            ("viewers without a place", &tally.n_guests),
            ("parts seen", &tally.n_parts),
            ("messages seen", &tally.n_messages),
            (Counted::Resets.name(), &tally.n_resets),
            (Counted::RelayedParts.name(), &tally.n_relayed),
            (Counted::Takeovers.name(), &tally.n_takeovers),
        ];
        let counts = counts.map(|(name, counter)| (name, counter.load(Ordering::Relaxed)));
        let others = [
            (Counted::Retries.name(), tally.n_retries()),
            ("milliseconds until a viewer had a part: half of them", tally.delay(50)),
            ("milliseconds until a viewer had a part: 99 of 100", tally.delay(99)),
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
            classes: CLASSES.map(|class| (class.to_string(), tally.struck_class(class))).to_vec(),
            counts: counts.into_iter().chain(others).collect(),
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
            "by_class": self.classes.iter().cloned().collect::<BTreeMap<_, _>>(), "by_kind": self.faults, "seconds": self.lasted.as_secs(), "clocks": self.has_clocks,
            "counts": self.counts.iter().copied().collect::<BTreeMap<_, _>>(), "violations": self.n_violations,
        })
    }

    /// The violations that were kept, a line each, and the first of each kind with what was seen and done around them.
    pub fn failures(&self) -> String {
        let mut kinds: BTreeMap<String, Vec<&Report>> = BTreeMap::new();
        let mut text = String::new();
        for report in &self.reports {
            kinds.entry(report.violation.wrong.to_string()).or_default().push(report);
            text.push_str(&format!("{:9.3} s  {}\n", report.at.as_secs_f64(), report.violation));
        }
        for (kind, reports) in &kinds {
            text.push_str(&format!("\n{kind}: {}\n", reports.len()));
            text.extend(reports.iter().take(SHOWN_MAX).map(|report| whole(report)));
        }
        text.push_str(&format!("\n{} violations, {} kept\n", self.n_violations, self.reports.len()));
        text
    }
}

fn whole(report: &Report) -> String {
    let mut text = format!("\n{:.3} s: {}\n", report.at.as_secs_f64(), report.violation);
    for (title, lines) in [("seen", &report.transcript), ("faults", &report.faults)] {
        let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
        text.push_str(&format!("  {title}:\n{lines}"));
    }
    text
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | count |\n|---|---|")?;
        writeln!(f, "| **faults** | **{}** |", self.n_faults)?;
        for (class, count) in &self.classes {
            writeln!(f, "| **{class}** | **{count}** |")?;
        }
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
