//! The private PostgreSQL server of the tests and benchmarks. It and its directory are gone when this process ends.

use anyhow::Result;
use warren_test_postgres::{Directory, PrivatePostgres};

/// Tells tests and benchmarks where PostgreSQL is; without it they use SQLite.
pub const POSTGRES_URL: &str = "WARREN_TEST_POSTGRES_URL";

/// Nobody starts this server again.
const SETTINGS: &str = "-c synchronous_commit=off -c shared_preload_libraries=pg_stat_statements";

/// Makes and starts a server.
pub fn start() -> Result<PrivatePostgres> {
    let directory = std::env::temp_dir().join(format!("warren-postgres-{}", std::process::id()));
    let mut server = PrivatePostgres::make(&directory, Directory::Goes, SETTINGS)?;
    server.start()?;
    server.wait_until_ready()?;
    Ok(server)
}
