//! A short campaign of faults; `cargo xtask chaos` runs long ones. Whatever it claims to check and did not do is a violation.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::chaos::{Options, run};

/// Any will do; a fixed one has every kind of blow in its plan.
const SEED: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn chats_on_three_servers_with_clocks_of_their_own_survive_a_campaign_of_faults() -> Result<()> {
    let directory = std::env::temp_dir().join(format!("warren-chaos-{}", std::process::id()));
    let options = Options {
        seed: SEED,
        n_faults: 300,
        duration: Duration::from_secs(30),
        n_chats: 6,
        n_in_workspace: 2,
        n_messages: 8,
        n_servers: 3,
        directory: directory.clone(),
    };
    let summary = run(options).await?;
    ensure!(summary.n_violations == 0, "kept in {}:\n{}\n{summary}", directory.display(), summary.failures());
    // A fault may find nothing to strike, but most do.
    ensure!(summary.n_faults > 200 && summary.count("chats") >= 6, "{summary}");
    std::fs::remove_dir_all(directory)?;
    Ok(())
}
