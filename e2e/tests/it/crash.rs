//! kill -9 at any moment: what was acknowledged is there after the next start, once, with its audit entry.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use e2e::stage::{SOON, Stage};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use url::Url;
use warren_db_testkit::TestPlace;
use warren_testkit::{ServerOptions, eventually};

const ROUNDS: usize = 5;
const WRITERS: usize = 4;
/// Answers that a round waits for before the kill; the kill then hits whatever the writers are doing.
const ANSWERS_PER_ROUND: usize = 12;

const AUDIT_PAGE: usize = 1000;

/// Names of accounts that the server said it had made.
type Acknowledged = Arc<Mutex<Vec<String>>>;

#[tokio::test]
async fn what_was_acknowledged_outlives_kill_9_and_is_there_once() -> Result<()> {
    let place = TestPlace::new().await;
    let mut stage = Stage::with(options(&place)).await?;
    let api = Api::new(&stage).await?;
    let acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let before = acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(write_until_refused(
                api.clone(),
                format!("u{round}-{writer}"),
                acknowledged.clone(),
            ));
        }
        eventually("enough answers", SOON, || {
            let count = acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len();
            async move { (count >= before + ANSWERS_PER_ROUND).then_some(()) }
        })
        .await?;
        stage.server.kill()?;
        writers.join_all().await.into_iter().collect::<Result<Vec<()>>>()?;
        stage.server.restart().await?;
    }
    let names = acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ensure!(names.len() >= ROUNDS * ANSWERS_PER_ROUND, "only {} answers", names.len());
    check(&api, &names).await
}

/// Every acknowledged account is listed, and every listed one has exactly one entry about its creation.
async fn check(api: &Api, acknowledged: &[String]) -> Result<()> {
    let users = api.get("api/v2/users?limit=0").await?;
    let listed: Vec<_> =
        users["users"].as_array().context("no users")?.iter().map(|user| text(&user["username"])).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|name| !listed.contains(name)).collect();
    ensure!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let created = creations(api).await?;
    for name in &listed {
        ensure!(created.get(name) == Some(&1), "{name} has {:?} entries", created.get(name));
    }
    Ok(())
}

/// How many entries of the audit log tell of the creation of each account.
async fn creations(api: &Api) -> Result<BTreeMap<String, usize>> {
    let mut created = BTreeMap::new();
    for offset in (0..).step_by(AUDIT_PAGE) {
        let query = format!("limit={AUDIT_PAGE}&offset={offset}&q=resource_type:user+action:create");
        let page = api.get(&format!("api/v2/audit?{query}")).await?;
        let entries = page["audit_logs"].as_array().context("no entries")?;
        for entry in entries {
            if entry["status_code"].as_u64().is_some_and(|status| status < 400) {
                *created.entry(text(&entry["resource_target"])).or_default() += 1;
            }
        }
        if entries.len() < AUDIT_PAGE {
            break;
        }
    }
    Ok(created)
}

/// Makes accounts until the server is gone.
async fn write_until_refused(api: Api, prefix: String, acknowledged: Acknowledged) -> Result<()> {
    let count = AtomicUsize::new(0);
    loop {
        let name = format!("{prefix}-{}", count.fetch_add(1, Ordering::Relaxed));
        let body = json!({
            "username": name,
            "email": format!("{name}@example.com"),
            "login_type": "none",
            "organization_ids": [api.organization],
        });
        let request = api.request(reqwest::Method::POST, "api/v2/users")?.json(&body);
        let Ok(answer) = request.send().await else { return Ok(()) };
        let status = answer.status();
        if status == StatusCode::CREATED {
            acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        } else {
            ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "{name}: {status} {:?}", answer.text().await);
        }
    }
}

#[derive(Clone)]
struct Api {
    client: reqwest::Client,
    url: Url,
    token: String,
    organization: String,
}

impl Api {
    async fn new(stage: &Stage) -> Result<Self> {
        let token = stage.warren(&["login", "token"]).await?.trim().to_owned();
        let (client, url) = (reqwest::Client::new(), stage.server.url());
        let mut api = Self { client, url, token, organization: String::new() };
        api.organization = text(&api.get("api/v2/organizations/default").await?["id"]);
        Ok(api)
    }

    fn request(&self, method: reqwest::Method, path: &str) -> Result<reqwest::RequestBuilder> {
        let request = self.client.request(method, self.url.join(path)?).timeout(SOON);
        // Owners may go past the rate limit, which this test would meet.
        let request = request.header("X-Coder-Bypass-Ratelimit", "true");
        Ok(request.header("Coder-Session-Token", &self.token))
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.request(reqwest::Method::GET, path)?.send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status.is_success(), "{path}: {status} {body}");
        Ok(serde_json::from_str(&body)?)
    }
}

fn options(place: &TestPlace) -> ServerOptions {
    let url = place.postgres_url().map(str::to_owned);
    let env = url.map(|url| (String::from("WARREN_PG_CONNECTION_URL"), url));
    ServerOptions { env: env.into_iter().collect() }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
