//! The servers of this deployment: each says every few seconds that it lives, by the clock of the database, and reads who
//! else does. Must not know how they talk to each other.

mod keys;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, timeout},
};
use url::Url;
use warren_authz::{Action, Object, Resource};
use warren_db::{
    Database, DbResult, Tx, channels,
    entity::replicas,
    query::{self, replicas::Judged},
};
use warren_rt::Tasks;
use warren_vocab::ReplicaId;

use crate::{App, actor::Actor, error::AppResult};
pub use keys::MeshKey;

/// The region of all servers that are no proxies.
const REGION: i32 = 999;
/// How long stopping may wait for the database.
const FAREWELL: Duration = Duration::from_secs(2);
/// Servers that died are shown for a while, so that somebody notices.
const SHOWN: TimeDelta = TimeDelta::minutes(10);

/// How often a server says that it lives, and when the others give it up.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub beat: Duration,
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { beat: Duration::from_secs(1), patience: query::replicas::PATIENCE }
    }
}

/// What a server says of itself.
#[derive(Debug, Clone)]
pub struct Introduction {
    pub id: ReplicaId,
    /// How the others reach it.
    pub relay_address: Option<Url>,
    pub version: String,
}

/// A server, as the others see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Replica {
    pub id: ReplicaId,
    pub hostname: String,
    pub relay_address: Option<Url>,
    pub version: String,
    pub region_id: i32,
    pub started_at: DateTime<Utc>,
    /// How long it was not heard of.
    pub silence: TimeDelta,
    /// Whether it was heard of lately.
    pub is_alive: bool,
    /// What it says that does not work; empty when all does.
    pub error: String,
    /// The time of one question to the database.
    pub database_latency: Duration,
}

/// The place of this server among the others; clones share it.
#[derive(Clone)]
pub struct Registry {
    me: ReplicaId,
    roster: watch::Receiver<Arc<[Replica]>>,
    trouble: watch::Sender<String>,
}

impl Registry {
    /// Says for the first time that this server lives, and goes on in the background until the tasks stop.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn start(
        db: Database,
        introduction: Introduction,
        pace: Pace,
        tasks: &Tasks,
    ) -> AppResult<Self> {
        let (trouble, troubles) = watch::channel(String::new());
        let (sender, roster) = watch::channel(Arc::default());
        let me = introduction.id;
        let mut member = Member {
            db,
            hostname: hostname(),
            introduction,
            pace,
            roster: sender,
            troubles,
            latency: 0,
            steady: None,
        };
        member.begin().await?;
        let stopped = tasks.token();
        tasks.spawn_graceful("replica registry", async move {
            stopped.run_until_cancelled(member.live()).await;
            member.leave().await;
        });
        Ok(Self { me, roster, trouble })
    }

    /// The id of this server.
    pub fn me(&self) -> ReplicaId {
        self.me
    }

    /// All servers that live or died lately, this one among them; the receiver learns of every change.
    pub fn roster(&self) -> watch::Receiver<Arc<[Replica]>> {
        self.roster.clone()
    }

    /// Says what does not work between this server and the others; empty for nothing.
    pub fn report(&self, trouble: String) {
        self.trouble.send_if_modified(|told| {
            let is_news = *told != trouble;
            *told = trouble;
            is_news
        });
    }
}

impl App {
    /// Lists the servers of the deployment that live or died lately.
    ///
    /// # Errors
    /// [`crate::AppError::NotFound`] or [`crate::AppError::Forbidden`] for those who may not see them.
    pub async fn list_replicas(&self, actor: &Actor) -> AppResult<Vec<Replica>> {
        actor.check(Action::Read, &Object::site(Resource::Replicas))?;
        Ok(read(self.db(), Pace::default().patience).await?)
    }
}

struct Member {
    db: Database,
    hostname: String,
    introduction: Introduction,
    pace: Pace,
    roster: watch::Sender<Arc<[Replica]>>,
    troubles: watch::Receiver<String>,
    /// In microseconds.
    latency: i32,
    /// Since when this server has said without a gap that it lives, and when it did last, by the clock of the database.
    steady: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Member {
    async fn begin(&mut self) -> DbResult<()> {
        let me = self.introduction.id;
        self.measure().await?;
        let row = self.row();
        let is_exclusive = self.db.is_exclusive();
        let write = async |tx: &Tx| {
            if is_exclusive {
                query::replicas::keep_only(tx, me).await?;
            }
            let now = query::clock::now(tx).await?;
            query::replicas::beat(tx, replicas::Model { started_at: now, heard_at: now, ..row }).await?;
            query::replicas::remove_silent(tx, now - SHOWN).await?;
            tx.notify(channels::REPLICAS, serde_json::Value::Null);
            DbResult::Ok(())
        };
        self.db.write(write).await?;
        self.look().await
    }

    async fn live(&mut self) {
        let mut hints = self.db.subscribe(channels::REPLICAS);
        let mut beats = tokio::time::interval(self.pace.beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_news = tokio::select! {
                // A server that is alone is not asked whether it lives.
                _ = beats.tick(), if !self.db.is_exclusive() => true,
                Ok(()) = self.troubles.changed() => true,
                notice = hints.next() => match notice {
                    Some(_) => false,
                    None => return,
                },
            };
            let patience = self.pace.patience;
            let round = async {
                if is_news {
                    self.beat().await?;
                }
                self.look().await
            };
            match timeout(patience, round).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "this server cannot say that it lives"),
                Err(_) => tracing::warn!("the database did not answer in time whether other servers live"),
            }
        }
    }

    async fn beat(&mut self) -> DbResult<()> {
        self.measure().await?;
        let (row, steady, gap_max) = (self.row(), self.steady, query::replicas::gap_max(self.patience()));
        let write = async |tx: &Tx| {
            let now = query::clock::now(tx).await?;
            let is_steady = |last: DateTime<Utc>| (TimeDelta::zero()..=gap_max).contains(&(now - last));
            let since = steady.filter(|(_, last)| is_steady(*last)).map_or(now, |(since, _)| since);
            let row = replicas::Model { started_at: now, heard_at: now, steady_since: Some(since), ..row };
            query::replicas::beat(tx, row).await?;
            DbResult::Ok((since, now))
        };
        self.steady = Some(self.db.write_apart(write).await?);
        Ok(())
    }

    fn patience(&self) -> TimeDelta {
        TimeDelta::from_std(self.pace.patience).unwrap_or(TimeDelta::MAX)
    }

    async fn look(&mut self) -> DbResult<()> {
        let found: Arc<[Replica]> = read(&self.db, self.pace.patience).await?.into();
        self.roster.send_if_modified(|known| {
            let is_news = !is_same(known, &found);
            *known = found.clone();
            is_news
        });
        self.succeed(&found).await
    }

    /// Forgets the earlier runs of this server, which crashed: nobody needs to start them again.
    async fn succeed(&self, found: &[Replica]) -> DbResult<()> {
        let Introduction { id: me, relay_address: Some(address), .. } = &self.introduction else {
            return Ok(());
        };
        let (me, patience) = (*me, self.patience());
        let is_earlier =
            |one: &Replica| !one.is_alive && one.id != me && one.relay_address.as_ref() == Some(address);
        if !found.iter().any(is_earlier) {
            return Ok(());
        }
        let write = async |tx: &Tx| {
            let n_removed = query::replicas::remove_predecessors(tx, me, address.as_str(), patience).await?;
            if n_removed > 0 {
                tx.notify(channels::REPLICAS, serde_json::Value::Null);
            }
            DbResult::Ok(())
        };
        self.db.write_apart(write).await
    }

    async fn leave(&self) {
        let me = self.introduction.id;
        let write = async |tx: &Tx| {
            tx.notify(channels::REPLICAS, serde_json::Value::Null);
            query::replicas::remove(tx, me).await
        };
        match timeout(FAREWELL, self.db.write_apart(write)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the other servers could not be told that this one stops")
            }
            Err(_) => tracing::warn!("the other servers could not be told in time that this one stops"),
        }
    }

    async fn measure(&mut self) -> DbResult<()> {
        let latency = self.db.hear_clock().await?;
        self.latency = i32::try_from(latency.as_micros()).unwrap_or(i32::MAX);
        Ok(())
    }

    /// All that this server knows of that does not work.
    fn trouble(&self) -> String {
        let told = self.troubles.borrow().clone();
        let all = [Some(told).filter(|told| !told.is_empty()), self.db.hint_trouble()];
        all.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn row(&self) -> replicas::Model {
        let Introduction { id, relay_address, version } = &self.introduction;
        replicas::Model {
            id: id.as_uuid(),
            hostname: self.hostname.clone(),
            relay_address: relay_address.as_ref().map(Url::to_string).unwrap_or_default(),
            version: version.clone(),
            region_id: REGION,
            error: self.trouble(),
            database_latency: self.latency,
            // These are set by the clock of the database.
            started_at: DateTime::default(),
            heard_at: DateTime::default(),
            steady_since: None,
        }
    }
}

/// Whether two lists name the same servers in the same state, apart from what changes with every look.
fn is_same(left: &[Replica], right: &[Replica]) -> bool {
    let lasting = |one: &Replica| {
        (one.id, one.is_alive, one.relay_address.clone(), one.error.clone(), one.hostname.clone())
    };
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| lasting(left) == lasting(right))
}

async fn read(db: &Database, patience: Duration) -> DbResult<Vec<Replica>> {
    let now = query::clock::now(db.reader()).await?;
    let patience = TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX);
    let judged = query::replicas::judged(db.reader(), patience).await?;
    let seen = |Judged { row, is_silent }: Judged| {
        // A sign of life from the future says as little as an old one.
        let silence = (now - row.heard_at).abs();
        Replica {
            id: ReplicaId::from_uuid(row.id),
            hostname: row.hostname,
            relay_address: Url::parse(&row.relay_address).ok(),
            version: row.version,
            region_id: row.region_id,
            started_at: row.started_at,
            silence,
            is_alive: db.is_exclusive() || !is_silent,
            error: row.error,
            database_latency: Duration::from_micros(u64::try_from(row.database_latency).unwrap_or(0)),
        }
    };
    Ok(judged.into_iter().map(seen).filter(|one| one.is_alive || one.silence < SHOWN).collect())
}

fn hostname() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/hostname");
    read.map_or_else(|_| String::from("localhost"), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests;
