//! Requests per second of small and large answers, on both databases, beside nginx with files of the same sizes.

use std::time::Duration;

use anyhow::{Context, Result};
use e2e::stage::{Stage, USERNAME};
use uuid::Uuid;
use warren_db::{
    Database, Location,
    entity::{organization_members, users},
    query,
};
use warren_db_testkit::{POSTGRES_URL_VARIABLE, TestPlace};
use warren_testkit::ServerOptions;
use warren_vocab::UserId;

use self::load::{Load, Target};
use crate::figures::Figures;

mod load;
mod nginx;

const USERS: usize = 10_000;
/// As many as a busy dashboard and a few programs keep open.
const CONNECTIONS: usize = 32;
const DURATION: Duration = Duration::from_secs(5);

/// What is asked for: name of the figure and path.
const CASES: [(&str, &str); 3] = [
    ("GET users/me", "/api/v2/users/me"),
    ("GET a page of 25 of 10,000 users", "/api/v2/users?limit=25&offset=5000"),
    ("GET all of 10,000 users", "/api/v2/users?limit=0"),
];

pub async fn measure(figures: &mut Figures) -> Result<()> {
    let mut sizes = Vec::new();
    measure_on("SQLite", &TestPlace::sqlite(), figures, &mut sizes).await?;
    if std::env::var_os(POSTGRES_URL_VARIABLE).is_some() {
        measure_on("PostgreSQL", &TestPlace::new().await, figures, &mut sizes).await?;
    } else {
        eprintln!("bench: {POSTGRES_URL_VARIABLE} is not set, so there are no figures of PostgreSQL");
    }
    let Some(nginx) = nginx::start(&sizes).await? else {
        eprintln!("bench: nginx is not installed, so its figures are missing");
        return Ok(());
    };
    for ((name, _), index) in CASES.iter().zip(0..) {
        let target = Target::new(nginx.address(), &nginx::path(index), None);
        let load = load::run(&target, CONNECTIONS, DURATION).await?;
        add(figures, "nginx, static file of the same size as", name, &load);
    }
    Ok(())
}

async fn measure_on(
    engine: &str,
    place: &TestPlace,
    figures: &mut Figures,
    sizes: &mut Vec<usize>,
) -> Result<()> {
    let mut env = vec![(String::from("CODER_DANGEROUS_DISABLE_RATE_LIMITS"), String::from("true"))];
    if let Location::Postgres { url } = place.location() {
        env.push((String::from("CODER_PG_CONNECTION_URL"), url.clone()));
    }
    let mut stage = Stage::with(ServerOptions { env }).await?;
    let token = stage.warren(&["login", "token"]).await?.trim().to_owned();
    stage.server.stop().await?;
    let location = match place.location() {
        Location::Sqlite { .. } => Location::sqlite(stage.server.data_dir()),
        postgres @ Location::Postgres { .. } => postgres.clone(),
    };
    add_users(&location).await.context("the users cannot be added")?;
    stage.server.restart().await?;
    sizes.clear();
    for (name, path) in CASES {
        let target = Target::new(stage.server.address(), path, Some(&token));
        let load = load::run(&target, CONNECTIONS, DURATION).await?;
        sizes.push(load.body_bytes);
        add(figures, engine, name, &load);
    }
    Ok(())
}

fn add(figures: &mut Figures, whose: &str, name: &str, load: &Load) {
    let what = format!("{whose}: {name}");
    let how = format!(
        "{CONNECTIONS} connections for {} s, {} bytes each; p50 {:.1} ms, p99 {:.1} ms",
        DURATION.as_secs(),
        load.body_bytes,
        load.latencies_ms.quantile(0.5),
        load.latencies_ms.quantile(0.99)
    );
    figures.add(what, load.per_second, "requests/s", how);
}

/// Copies of the first account, so that the rows look like real ones.
async fn add_users(location: &Location) -> Result<()> {
    let db = Database::open(location).await?;
    let reader = db.reader();
    let first = query::users::by_username(reader, USERNAME).await?.context("no first account")?;
    let memberships = query::organizations::memberships(reader, &[UserId::from_uuid(first.id)]).await?;
    let membership = memberships.into_iter().next().context("the first account is nowhere a member")?;
    db.write(async |tx| {
        for number in 1..USERS {
            let id = Uuid::new_v4();
            let user = users::Model {
                id,
                email: format!("user{number}@example.com"),
                username: format!("user{number}"),
                roles: serde_json::json!([]),
                ..first.clone()
            };
            query::users::insert(tx, user).await?;
            let member = organization_members::Model {
                user_id: id,
                roles: serde_json::json!([]),
                ..membership.clone()
            };
            query::organizations::insert_member(tx, member).await?;
        }
        Ok::<_, warren_db::DbError>(())
    })
    .await?;
    db.close().await?;
    Ok(())
}
