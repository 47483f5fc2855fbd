//! What is counted when someone asks: rows by status, connections of the database, agents.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::{
    sync::Mutex,
    time::{Duration, Instant},
};
use warren_db::{
    Database, DbResult,
    query::census::{self, Count},
};

/// The most often that rows are counted, whoever asks.
const INTERVAL: Duration = Duration::from_secs(10);

/// The gauges, and when they were set.
pub(super) struct Gauges {
    workspaces: Family<Status, Gauge>,
    jobs: Family<Status, Gauge>,
    chats: Family<State, Gauge>,
    users: Family<Status, Gauge>,
    agents: Gauge,
    db_open: Gauge,
    db_idle: Gauge,
    /// Held over the queries, so that scrapes at the same time count once.
    counted_at: Mutex<Option<Instant>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

impl From<String> for Status {
    fn from(status: String) -> Self {
        Self { status }
    }
}

impl From<String> for State {
    fn from(state: String) -> Self {
        Self { state }
    }
}

impl Gauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gauges = Self {
            workspaces: Family::default(),
            jobs: Family::default(),
            chats: Family::default(),
            users: Family::default(),
            agents: Gauge::default(),
            db_open: Gauge::default(),
            db_idle: Gauge::default(),
            counted_at: Mutex::default(),
        };
        let workspaces = "Workspaces by transition and job status of their newest build";
        registry.register("coderd_workspace_latest_build", workspaces, gauges.workspaces.clone());
        registry.register(
            "coderd_provisionerd_jobs_current",
            "Jobs that have not ended",
            gauges.jobs.clone(),
        );
        registry.register("coderd_chatd_chats", "Chats that are not archived", gauges.chats.clone());
        registry.register("coderd_users", "Accounts that are not deleted", gauges.users.clone());
        registry.register("coderd_agents_up", "Agents connected to this server", gauges.agents.clone());
        registry.register(
            "coderd_db_connections_open",
            "Connections to the database",
            gauges.db_open.clone(),
        );
        registry.register(
            "coderd_db_connections_idle",
            "Connections that wait for work",
            gauges.db_idle.clone(),
        );
        gauges
    }

    /// Counts anew what was last counted a while ago. What cannot be counted stays as it was.
    pub(super) async fn refresh(&self, db: &Database, n_agents: i64) {
        self.agents.set(n_agents);
        let pool = db.pool();
        self.db_open.set(i64::from(pool.n_open));
        self.db_idle.set(i64::try_from(pool.n_idle).unwrap_or(i64::MAX));
        let mut counted_at = self.counted_at.lock().await;
        if counted_at.is_some_and(|moment| moment.elapsed() < INTERVAL) {
            return;
        }
        if let Err(error) = self.count(db).await {
            tracing::warn!(%error, "the rows for the metrics cannot be counted");
        }
        *counted_at = Some(Instant::now());
    }

    async fn count(&self, db: &Database) -> DbResult<()> {
        let reader = db.reader();
        let workspaces = census::workspaces(reader).await?;
        let workspaces = workspaces.into_iter().map(|row| {
            let status = format!("{}_{}", row.transition, row.status);
            Count { status, number: row.number }
        });
        set(&self.workspaces, workspaces);
        set(&self.jobs, census::open_jobs(reader).await?);
        set(&self.chats, census::chats(reader).await?);
        set(&self.users, census::users(reader).await?);
        Ok(())
    }
}

fn set<L>(family: &Family<L, Gauge>, counts: impl IntoIterator<Item = Count>)
where
    L: From<String> + Clone + Eq + std::hash::Hash,
{
    family.clear();
    for Count { status, number } in counts {
        family.get_or_create(&L::from(status)).set(number);
    }
}
