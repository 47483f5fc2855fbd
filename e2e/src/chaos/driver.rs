//! Strikes as planned: one lane for each process, one for the database, one for the many cheap faults.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};
use warren_rt::Tasks;
use warren_testkit::{ConnectionId, PostgresProcess, Proxy, ServerProcess, Stop, Weather};

use super::{
    checker::{Violation, Wrong},
    plan::{Blow, DatabaseBlow, Fault, Harm, Link, Planned, Storm},
    tally::Tally,
};

/// How long a server is started again and again: its database may be away, or the way to it.
const START_TIME: Duration = Duration::from_secs(60);
/// How often and how soon something to strike is looked for.
const TRIES_MAX: usize = 25;
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// The proxies around one server.
pub struct Lines {
    pub users: Proxy,
    pub mesh: Proxy,
    pub database: Proxy,
}

impl Lines {
    const fn of(&self, link: Link) -> &Proxy {
        match link {
            Link::Viewers => &self.users,
            Link::Mesh => &self.mesh,
            Link::Database => &self.database,
        }
    }

    /// Ends everything that is done to connections.
    pub fn clear(&self) {
        for proxy in [&self.users, &self.mesh, &self.database] {
            proxy.set_weather(Weather::Clear);
            proxy.connections().into_iter().for_each(|id| proxy.release(id));
        }
    }
}

/// When the campaign began and must end.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub begin: Instant,
    pub end: Instant,
}

/// Sets clocks of servers, where the machine has what that takes.
#[derive(Debug, Clone)]
pub struct Clocks {
    library: PathBuf,
}

impl Clocks {
    /// Looks for the library of Debian's package `libfaketime`.
    pub fn find() -> Option<Self> {
        let machines = std::fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
        let libraries = machines.map(|machine| machine.path().join("faketime/libfaketime.so.1"));
        libraries.into_iter().find(|path| path.is_file()).map(|library| Self { library })
    }

    /// The environment of a server whose clock is so many seconds off. What measures spans is left alone.
    pub fn env(&self, offset_s: i64) -> Vec<(String, String)> {
        let pairs = [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME", format!("{offset_s:+}s")),
            ("FAKETIME_DONT_FAKE_MONOTONIC", String::from("1")),
            ("FAKETIME_DISABLE_SHM", String::from("1")),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Strikes one process.
pub struct ProcessLane {
    pub number: usize,
    pub server: ServerProcess,
    pub clocks: Option<Clocks>,
    pub env: Vec<(String, String)>,
    pub tally: Arc<Tally>,
}

impl ProcessLane {
    pub async fn run(&mut self, plan: &[Planned], span: Span) {
        for Planned { at, fault } in plan {
            let Fault::Process { server, blow } = fault else { continue };
            if *server != self.number || !sleep_before(span, *at).await {
                continue;
            }
            self.is_alive();
            self.tally.struck(fault, format!("server {}: {blow}", self.number));
            self.strike(*blow).await;
            self.tally.log(format!("server {}: is back", self.number));
        }
    }

    /// Whether it still runs; a server must not end by itself.
    pub fn is_alive(&mut self) {
        if let Some(status) = self.server.has_ended() {
            self.report(format!("it ended by itself: {status}"));
        }
    }

    async fn strike(&mut self, blow: Blow) {
        match blow {
            Blow::Kill => self.kill(),
            Blow::Restart => {
                if let Err(error) = self.server.stop().await {
                    self.report(format!("it does not stop: {error}"));
                    self.kill();
                }
            }
            Blow::Pause(lasts) => {
                if self.server.pause().is_ok() {
                    sleep(lasts).await;
                }
                // One that has ended is noticed before the next blow.
                let _ = self.server.resume();
                return;
            }
            Blow::KillAndSetClock(offset_s) => {
                self.kill();
                self.env = self.clocks.as_ref().map(|clocks| clocks.env(offset_s)).unwrap_or_default();
                self.tally.log(format!("server {}: its clock is {offset_s:+} s off", self.number));
            }
        }
        self.start().await;
    }

    async fn start(&mut self) {
        let env: Vec<_> = self.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (mut last, deadline) = (None, Instant::now() + START_TIME);
        while Instant::now() < deadline {
            match self.server.restart_with(&env).await {
                Ok(()) => return,
                Err(error) => last = Some(error),
            }
            // It may still run without being ready.
            let _ = self.server.kill();
            sleep(Duration::from_millis(300)).await;
        }
        self.report(format!("it does not start: {last:?}"));
    }

    fn kill(&mut self) {
        // One that has ended is as dead.
        let _ = self.server.kill();
    }

    fn report(&self, what: String) {
        self.tally.report([Violation::new(Wrong::Server, format!("server {}", self.number), what)], Vec::new);
    }
}

/// Strikes the database. Leaves it running.
pub async fn strike_database(postgres: &mut PostgresProcess, plan: &[Planned], span: Span, tally: &Tally) {
    for Planned { at, fault } in plan {
        let Fault::Database(blow) = fault else { continue };
        if !sleep_before(span, *at).await {
            continue;
        }
        tally.struck(fault, fault.kind());
        let how = match blow {
            DatabaseBlow::Fast => Stop::Fast,
            DatabaseBlow::Immediate => Stop::Immediate,
        };
        let restarted = async {
            postgres.stop(how).await?;
            postgres.start().await
        };
        if let Err(error) = restarted.await {
            let what = format!("PostgreSQL did not restart, which is a fault of the campaign: {error:#}");
            tally.report([Violation::new(Wrong::Server, "PostgreSQL", what)], Vec::new);
            return;
        }
        tally.log(String::from("PostgreSQL is back"));
    }
}

/// Strikes connections and lines. Where there is no connection, the next moments may bring one.
pub async fn strike_lines(lines: Arc<Vec<Lines>>, plan: &[Planned], span: Span, tally: &Tally) {
    let tasks = Tasks::new();
    for Planned { at, fault } in plan {
        if matches!(fault, Fault::Process { .. } | Fault::Database(_)) {
            continue;
        }
        if !sleep_before(span, *at).await {
            break;
        }
        let mut n_tries = 1;
        while !strike_line(&tasks, &lines, *fault) && n_tries < TRIES_MAX {
            n_tries += 1;
            sleep(TRY_AGAIN).await;
        }
        if n_tries < TRIES_MAX {
            tally.struck(fault, format!("{fault:?}"));
        } else {
            tally.missed();
        }
    }
    tasks.stop(Duration::ZERO).await;
    // What would have ended storms and holds is gone, and a server that starts now waits for its database.
    lines.iter().for_each(Lines::clear);
}

/// Strikes, and tells whether there was anything to strike.
fn strike_line(tasks: &Tasks, lines: &Arc<Vec<Lines>>, fault: Fault) -> bool {
    match fault {
        Fault::Connection { link, server, pick, harm } => {
            // A server that is down has no connections; another one has.
            let others = (0..lines.len()).map(|more| (server + more) % lines.len());
            let mut candidates = others.filter_map(|server| {
                let ids = lines[server].of(link).connections();
                let id = ids.get((pick % ids.len().max(1) as u64) as usize).copied();
                id.map(|id| (server, id))
            });
            candidates.next().is_some_and(|(server, id)| harm_one(tasks, lines, link, server, id, harm))
        }
        Fault::Hints { server, harm } => {
            let ids = lines[server].database.marked();
            let struck =
                ids.into_iter().filter(|id| harm_one(tasks, lines, Link::Database, server, *id, harm));
            struck.count() > 0
        }
        Fault::Line { link, server, storm } => {
            brew(tasks, lines, link, server, storm);
            true
        }
        Fault::Process { .. } | Fault::Database(_) => false,
    }
}

fn harm_one(
    tasks: &Tasks,
    lines: &Arc<Vec<Lines>>,
    link: Link,
    server: usize,
    id: ConnectionId,
    harm: Harm,
) -> bool {
    let proxy = lines[server].of(link);
    match harm {
        Harm::Cut => proxy.cut(id),
        Harm::Hold(lasts) => {
            let lines = lines.clone();
            let is_held = proxy.hold(id);
            if is_held {
                tasks.spawn("hold", async move {
                    sleep(lasts).await;
                    lines[server].of(link).release(id);
                });
            }
            is_held
        }
    }
}

fn brew(tasks: &Tasks, lines: &Arc<Vec<Lines>>, link: Link, server: usize, storm: Storm) {
    let proxy = lines[server].of(link);
    let (weather, lasts) = match storm {
        Storm::CutAll => {
            proxy.cut_all();
            return;
        }
        Storm::Hold(lasts) => (Weather::Held, lasts),
        Storm::Slow { by, lasts } => (Weather::Slow(by), lasts),
        Storm::Refuse(lasts) => (Weather::Refusing, lasts),
    };
    proxy.set_weather(weather);
    let lines = lines.clone();
    tasks.spawn("storm", async move {
        sleep(lasts).await;
        lines[server].of(link).set_weather(Weather::Clear);
    });
}

/// Waits for a time since the beginning; `false` when the campaign ends before it.
async fn sleep_before(span: Span, at: Duration) -> bool {
    let then = span.begin + at;
    if Instant::now() >= span.end || then >= span.end {
        return false;
    }
    sleep_until(then).await;
    true
}
