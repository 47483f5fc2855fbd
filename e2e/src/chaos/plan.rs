//! Which faults strike, where and when: a pure function of the seed.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::dice::Dice;

/// What a plan depends on.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    pub seed: u64,
    pub n_faults: usize,
    pub duration: Duration,
    pub n_servers: usize,
    /// Whether clocks can be offset here.
    pub has_clocks: bool,
}

/// A line of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// From viewers, senders and agents to the server.
    Viewers,
    /// From the other servers to the server.
    Mesh,
    /// From the server to the database.
    Database,
}

/// What happens to one connection, or to the one that listens for hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    Cut,
    Hold(Duration),
}

/// What happens to a whole line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storm {
    /// All connections are reset.
    CutAll,
    /// Nothing passes for a time.
    Hold(Duration),
    /// Everything takes longer for a time.
    Slow { by: Duration, lasts: Duration },
    /// New connections are reset for a time.
    Refuse(Duration),
}

/// How a process is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// `kill -9` and a new start.
    Kill,
    /// An orderly stop and a new start.
    Restart,
    /// Stopped where it stands until others have taken its chats, then woken.
    Pause(Duration),
    /// `kill -9`, and a new start with a clock that is so many seconds off.
    KillAndSetClock(i64),
}

/// How PostgreSQL is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseBlow {
    Fast,
    Immediate,
}

/// A fault. `pick` chooses among the connections that there are when it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Connection { link: Link, server: usize, pick: u64, harm: Harm },
    Hints { server: usize, harm: Harm },
    Line { link: Link, server: usize, storm: Storm },
    Process { server: usize, blow: Blow },
    Database(DatabaseBlow),
}

/// What a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The connections of a line; PostgreSQL itself counts as the line to it.
    Line(Link),
    Hints,
    Processes,
}

/// A fault and its time since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    pub at: Duration,
    pub fault: Fault,
}

/// Between two blows to the same process, in milliseconds; and to the database.
const BLOWS_MS: std::ops::Range<u64> = 5_000..15_000;
const DATABASE_BLOWS_MS: std::ops::Range<u64> = 18_000..45_000;
/// Longer than a silent server is waited for (3.5 s), so that it wakes while another one is in the middle of its answers;
/// sometimes longer than a lease (10 s).
const PAUSE_MS: std::ops::Range<u64> = 4_000..14_000;
const OFFSETS_S: [i64; 7] = [0, 300, -300, 41, -17, 3_600, -90];

/// What the many cheap faults are, and how many of a thousand.
#[derive(Debug, Clone, Copy)]
enum Cheap {
    Cut(Link),
    Hold(Link),
    CutHints,
    HoldHints,
    CutAll(Link),
    Storm(Link),
}

const CHEAP: &[(u64, Cheap)] = &[
    (790, Cheap::Cut(Link::Viewers)),
    (80, Cheap::Hold(Link::Viewers)),
    (8, Cheap::CutAll(Link::Viewers)),
    (8, Cheap::Storm(Link::Viewers)),
    (18, Cheap::Cut(Link::Mesh)),
    (10, Cheap::Hold(Link::Mesh)),
    (4, Cheap::CutAll(Link::Mesh)),
    (6, Cheap::Storm(Link::Mesh)),
    (34, Cheap::Cut(Link::Database)),
    (14, Cheap::Hold(Link::Database)),
    (3, Cheap::CutAll(Link::Database)),
    (6, Cheap::Storm(Link::Database)),
    (13, Cheap::CutHints),
    (6, Cheap::HoldHints),
];

/// Makes the plan: exactly so many faults in order of time, unless the blows alone are more.
pub fn plan(options: &PlanOptions) -> Vec<Planned> {
    let mut planned = Vec::new();
    for server in 0..options.n_servers {
        let mut dice = Dice::new(options.seed, 1 + server as u64);
        let fault = |dice: &mut Dice| Fault::Process { server, blow: blow(dice, options.has_clocks) };
        blows(&mut planned, options.duration, BLOWS_MS, &mut dice, fault);
    }
    let mut dice = Dice::new(options.seed, 1000);
    let fault = |dice: &mut Dice| {
        Fault::Database(dice.weighted(&[(1, DatabaseBlow::Fast), (1, DatabaseBlow::Immediate)]))
    };
    blows(&mut planned, options.duration, DATABASE_BLOWS_MS, &mut dice, fault);
    let n_cheap = options.n_faults.saturating_sub(planned.len());
    planned.extend(cheap(options, n_cheap));
    planned.sort_by_key(|planned| planned.at);
    planned
}

fn blows(
    planned: &mut Vec<Planned>,
    duration: Duration,
    pause: std::ops::Range<u64>,
    dice: &mut Dice,
    fault: impl Fn(&mut Dice) -> Fault,
) {
    let mut at = dice.millis(pause.start / 2..pause.end);
    while at < duration {
        planned.push(Planned { at, fault: fault(dice) });
        at += dice.millis(pause.clone());
    }
}

fn blow(dice: &mut Dice, has_clocks: bool) -> Blow {
    let pause = Blow::Pause(dice.millis(PAUSE_MS));
    let clock = Blow::KillAndSetClock(OFFSETS_S[dice.index(OFFSETS_S.len())]);
    let clocks = if has_clocks { 20 } else { 0 };
    dice.weighted(&[(50, Blow::Kill), (25, Blow::Restart), (20, pause), (clocks, clock)])
}

fn cheap(options: &PlanOptions, count: usize) -> Vec<Planned> {
    let mut dice = Dice::new(options.seed, 2000);
    let span = u64::try_from(options.duration.as_micros()).unwrap_or(u64::MAX).max(1);
    let mut times: Vec<_> = (0..count).map(|_| Duration::from_micros(dice.within(0..span))).collect();
    times.sort_unstable();
    let mut skies = Skies::default();
    times
        .into_iter()
        .map(|at| {
            let server = dice.index(options.n_servers);
            let kind = dice.weighted(CHEAP);
            Planned { at, fault: one_cheap(&mut dice, kind, server, at, &mut skies) }
        })
        .collect()
}

/// When the last storm of each line is over: two at once would end each other.
#[derive(Default)]
struct Skies(BTreeMap<(Link, usize), Duration>);

fn one_cheap(dice: &mut Dice, kind: Cheap, server: usize, at: Duration, skies: &mut Skies) -> Fault {
    let pick = dice.next();
    let lasts = length(dice);
    let one = |link, harm| Fault::Connection { link, server, pick, harm };
    match kind {
        Cheap::Cut(link) => one(link, Harm::Cut),
        Cheap::Hold(link) => one(link, Harm::Hold(lasts)),
        Cheap::CutHints => Fault::Hints { server, harm: Harm::Cut },
        Cheap::HoldHints => Fault::Hints { server, harm: Harm::Hold(lasts) },
        Cheap::CutAll(link) => Fault::Line { link, server, storm: Storm::CutAll },
        Cheap::Storm(link) => {
            let storm = storm(dice, lasts);
            let clear = skies.0.entry((link, server)).or_default();
            if *clear > at {
                return one(link, Harm::Cut);
            }
            *clear = at + lasts + Duration::from_millis(50);
            Fault::Line { link, server, storm }
        }
    }
}

fn storm(dice: &mut Dice, lasts: Duration) -> Storm {
    let slow = Storm::Slow { by: dice.millis(5..120), lasts };
    dice.weighted(&[(4, Storm::Hold(lasts)), (3, slow), (3, Storm::Refuse(lasts))])
}

/// Mostly short; one in fifteen outlasts a lease.
fn length(dice: &mut Dice) -> Duration {
    let (short, long) = (dice.millis(30..1_500), dice.millis(3_000..12_500));
    dice.weighted(&[(14, short), (1, long)])
}

impl Fault {
    /// What it strikes.
    pub const fn class(&self) -> Class {
        match self {
            Self::Connection { link, .. } | Self::Line { link, .. } => Class::Line(*link),
            Self::Hints { .. } => Class::Hints,
            Self::Process { .. } => Class::Processes,
            Self::Database(_) => Class::Line(Link::Database),
        }
    }

    /// What it is called in the summary.
    pub fn kind(&self) -> String {
        match self {
            Self::Connection { link, harm, .. } => format!("{link}: one connection {harm}"),
            Self::Hints { harm, .. } => format!("notifications lost: listening connection {harm}"),
            Self::Line { link, storm, .. } => format!("{link}: {storm}"),
            Self::Process { blow, .. } => blow.to_string(),
            Self::Database(DatabaseBlow::Fast) => String::from("PostgreSQL restarted, fast"),
            Self::Database(DatabaseBlow::Immediate) => String::from("PostgreSQL restarted, immediate"),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line(Link::Viewers) => "faults between viewers and servers",
            Self::Line(Link::Mesh) => "faults between servers",
            Self::Line(Link::Database) => "faults of PostgreSQL and between it and servers",
            Self::Hints => "faults of notifications",
            Self::Processes => "faults of server processes",
        })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewers => "viewers to server",
            Self::Mesh => "server to server",
            Self::Database => "server to PostgreSQL",
        })
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "cut",
            Self::Hold(_) => "held",
        })
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CutAll => "all connections cut",
            Self::Hold(_) => "partition (all held)",
            Self::Slow { .. } => "slow",
            Self::Refuse(_) => "new connections refused",
        })
    }
}

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "server killed (kill -9)",
            Self::Restart => "server restarted in order",
            Self::Pause(_) => "server stopped until its chats are taken (SIGSTOP)",
            Self::KillAndSetClock(_) => "server killed, back with another clock",
        })
    }
}

#[cfg(test)]
mod tests;
