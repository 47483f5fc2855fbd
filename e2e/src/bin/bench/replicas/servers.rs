//! Several servers on one PostgreSQL database, and what can be learned about them from outside.

use std::{collections::HashMap, process::Command};

use anyhow::{Context, Result, bail, ensure};
use e2e::stage::Stage;
use serde_json::Value;
use warren_db_testkit::TestPlace;
use warren_testkit::{ServerOptions, ServerProcess};

use crate::chats::people::People;

/// The servers must have the same one; it guards nothing here.
const KEY: &str = "bWVhc3VyZWQgb25seSBvbiB0aGlzIG1hY2hpbmUhISE=";
/// Kernel clock ticks of a second; the same on every Linux that a person meets.
const TICKS: f64 = 100.0;

pub struct Servers {
    pub stage: Stage,
    others: Vec<ServerProcess>,
    /// Dropped after the servers.
    place: TestPlace,
}

/// What one server has used since it started.
#[derive(Clone, Copy)]
pub struct Usage {
    pub cpu_seconds: f64,
    pub memory_mb: f64,
}

impl Servers {
    /// Starts servers that share a database; there is none without PostgreSQL.
    pub async fn start(count: usize, env: &[(&str, String)]) -> Result<Option<Self>> {
        let place = TestPlace::new().await;
        let Some(url) = place.postgres_url() else { return Ok(None) };
        let mut options = ServerOptions::default();
        options.env.push(("WARREN_PG_CONNECTION_URL".into(), url.into()));
        options.env.push(("WARREN_EXTERNAL_TOKEN_ENCRYPTION_KEYS".into(), KEY.into()));
        options.env.extend(env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let stage = Stage::with(options.clone()).await?;
        let mut others = Vec::new();
        for _ in 1..count {
            others.push(ServerProcess::start(options.clone()).await?);
        }
        Ok(Some(Self { stage, others, place }))
    }

    pub fn all(&self) -> impl Iterator<Item = &ServerProcess> {
        std::iter::once(&self.stage.server).chain(&self.others)
    }

    pub fn one(&mut self, number: usize) -> &mut ServerProcess {
        match number.checked_sub(1) {
            None => &mut self.stage.server,
            Some(index) => &mut self.others[index],
        }
    }

    /// Waits until every server knows of all others and reaches them.
    pub async fn know_each_other(&self, people: &People) -> Result<()> {
        let count = self.all().count();
        warren_testkit::eventually("that the servers know each other", crate::chats::DEADLINE, || async {
            let known = people.call(0, reqwest::Method::GET, "/api/v2/replicas", None).await.ok()?;
            let is_well = |one: &&Value| one["error"] == "";
            (known.as_array()?.iter().filter(is_well).count() == count).then_some(())
        })
        .await
    }

    /// Which server runs each chat that runs.
    pub fn owners(&self) -> Result<HashMap<String, usize>> {
        let rows = self.sql(
            "SELECT c.id, r.relay_address FROM chats c JOIN replicas r ON r.id = c.worker_id WHERE c.status = 'running'",
        )?;
        let owner = |row: &str| {
            let (chat, address) = row.split_once('|')?;
            let is_it = |server: &ServerProcess| address.contains(&server.address().to_string());
            Some((chat.to_owned(), self.all().position(is_it)?))
        };
        rows.lines().map(|row| owner(row).with_context(|| format!("who is this: {row:?}"))).collect()
    }

    /// Asks the database something by its own program.
    pub fn sql(&self, statement: &str) -> Result<String> {
        let url = self.place.postgres_url().context("there is no PostgreSQL")?;
        let done = Command::new("psql").args(["-X", "-A", "-t", "-q", "-c", statement, url]).output();
        let done = done.context("`psql` is not on the PATH")?;
        let (text, error) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        ensure!(done.status.success(), "the database refuses {statement:?}: {error}");
        Ok(text.trim().to_owned())
    }

    /// Statements that this database has run so far.
    pub fn statements(&self) -> Result<f64> {
        let counted = self.sql(
            "SELECT COALESCE(SUM(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid \
             WHERE d.datname = current_database()",
        )?;
        Ok(counted.parse()?)
    }

    /// What all servers have used together.
    pub fn usage(&self) -> Result<Usage> {
        let mut sum = Usage { cpu_seconds: 0.0, memory_mb: 0.0 };
        for server in self.all() {
            let one = usage(server)?;
            sum.cpu_seconds += one.cpu_seconds;
            sum.memory_mb += one.memory_mb;
        }
        Ok(sum)
    }
}

fn usage(server: &ServerProcess) -> Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid()))?;
    // The name of the program may have blanks; what counts comes after it.
    let fields: Vec<&str> = stat.rsplit_once(')').context("no fields")?.1.split_whitespace().collect();
    let [user, system] = [fields[11], fields[12]];
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()))?;
    let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmRSS:")) else {
        bail!("no resident size");
    };
    let memory_kb: f64 = line.split_whitespace().next().context("no figure")?.parse()?;
    let ticks = user.parse::<f64>()? + system.parse::<f64>()?;
    Ok(Usage { cpu_seconds: ticks / TICKS, memory_mb: memory_kb / 1024.0 })
}
