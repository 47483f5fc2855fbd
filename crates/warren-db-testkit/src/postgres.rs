//! One PostgreSQL database per test, cloned from a template that the first test of a schema makes.

use std::{fs, path::Path};

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use url::Url;
use uuid::Uuid;
use warren_db::{Database, Location};

/// Held while the template is made, so that tests which start together make it once.
const TEMPLATE_LOCK: i64 = 0x7761_7272_656e_0101;

/// A database of one test, dropped with this value.
pub(crate) struct Clone {
    admin: Url,
    name: String,
}

impl Clone {
    pub(crate) async fn new(admin: &str) -> Self {
        let admin: Url = admin.parse().expect("WARREN_TEST_POSTGRES_URL holds a URL");
        let template = format!("warren_template_{}", schema_hash());
        let mut connection = PgConnection::connect(admin.as_str()).await.expect("PostgreSQL answers");
        make_template(&mut connection, &admin, &template).await;
        let name = format!("warren_test_{}", Uuid::new_v4().simple());
        run(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        connection.close().await.unwrap();
        Self { admin, name }
    }

    pub(crate) fn url(&self) -> String {
        url_of(&self.admin, &self.name)
    }
}

impl Drop for Clone {
    /// Runs on a thread of its own: the test's runtime may be busy with this very drop.
    fn drop(&mut self) {
        let (admin, name) = (self.admin.to_string(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&admin).await.map_err(std::io::Error::other)?;
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                connection.execute(AssertSqlSafe(sql)).await.map_err(std::io::Error::other)?;
                Ok::<_, std::io::Error>(())
            })
        });
        // The private server is removed as a whole; what stays until then harms no other test.
        drop(dropping.join());
    }
}

/// Hides the clock of a database behind another one.
pub(crate) async fn skew_clock(url: &str, minutes: i64) {
    let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
    let skew = format!(
        "CREATE SCHEMA IF NOT EXISTS skewed; \
         CREATE OR REPLACE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE \
         AS $$ SELECT pg_catalog.clock_timestamp() + interval '{minutes} minutes' $$; \
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, skewed, pg_catalog', \
         current_database()); END $$"
    );
    run(&mut connection, skew).await;
    connection.close().await.unwrap();
}

async fn make_template(connection: &mut PgConnection, admin: &Url, template: &str) {
    run(connection, format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
    let found = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(template);
    if found.fetch_optional(&mut *connection).await.unwrap().is_none() {
        // It gets its name when it is whole, so that a test run that is cut off leaves no half template.
        let draft = format!("{template}_draft");
        run(connection, format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await;
        run(connection, format!("CREATE DATABASE {draft}")).await;
        let db = Database::open(&Location::postgres(url_of(admin, &draft))).await;
        db.unwrap_or_else(|error| panic!("{error}: {error:?}")).close().await.unwrap();
        run(connection, format!("ALTER DATABASE {draft} RENAME TO {template}")).await;
    }
    run(connection, format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
}

async fn run(connection: &mut PgConnection, sql: String) {
    let outcome = connection.execute(AssertSqlSafe(sql.as_str())).await;
    outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn url_of(admin: &Url, database: &str) -> String {
    let mut url = admin.clone();
    url.set_path(&format!("/{database}"));
    url.into()
}

/// Changes with every edit of a migration. Tests run where their sources are.
fn schema_hash() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../warren-db/src/migration");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.file_name().unwrap().as_encoded_bytes());
        hash.update(fs::read(&file).unwrap());
    }
    hex::encode(&hash.finalize()[..8])
}
