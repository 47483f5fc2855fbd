//! A rolling restart of three servers, smaller than in the benchmark.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::chaos::rolling::{Load, run};

/// How long a shell may stand still on a busy machine.
const STANDSTILL_MAX: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_drops_no_text_and_no_shell() -> Result<()> {
    let load = Load { n_chats: 24, n_shells: 3, n_parts: 60, interval_ms: 100 };
    let noticed = run(load).await?;
    println!("{noticed:?}");
    let violations: Vec<_> = noticed.violations.iter().map(ToString::to_string).collect();
    ensure!(violations.is_empty(), "{violations:#?}");
    ensure!(noticed.lost_shells.is_empty(), "{:#?}", noticed.lost_shells);
    ensure!(noticed.standstills.len() == load.n_shells, "{:?}", noticed.standstills);
    let worst = noticed.standstills.iter().max().copied().unwrap_or_default();
    ensure!(worst < STANDSTILL_MAX, "a shell stood still for {} s", worst.as_secs());
    // Everybody was on a server that stopped, and every chat went on.
    ensure!(noticed.n_reconnects >= load.n_chats as u64, "only {} reconnects", noticed.n_reconnects);
    ensure!(noticed.n_answers >= load.n_chats as u64, "only {} answers", noticed.n_answers);
    Ok(())
}
