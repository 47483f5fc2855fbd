//! A rolling restart under full load: what users notice of it.

use anyhow::{Result, ensure};
use e2e::chaos::rolling::{Load, run};

use crate::{figures::Figures, timing::Samples};

const LOAD: Load = Load { n_chats: 200, n_shells: 20, n_parts: 150, interval_ms: 200 };

pub async fn measure(figures: &mut Figures) -> Result<()> {
    let noticed = run(LOAD).await?;
    let seconds = noticed.lasted.as_secs_f64();
    let how = format!(
        "three servers stopped and started in turn within {seconds:.0} s; {} streaming chats with a viewer each, {} shells; \
         {} parts, {} answers, {} reconnects, {} previews begun anew",
        LOAD.n_chats,
        LOAD.n_shells,
        noticed.n_parts,
        noticed.n_answers,
        noticed.n_reconnects,
        noticed.n_resets
    );
    figures.add(
        "rolling restart: wrong in chats",
        noticed.violations.len() as f64,
        "violations",
        how.clone(),
    );
    figures.add(
        "rolling restart: shells that ended",
        noticed.lost_shells.len() as f64,
        "shells",
        how.clone(),
    );
    for violation in noticed.violations.iter().take(10) {
        eprintln!("bench: {violation}");
    }
    for lost in noticed.lost_shells.iter().take(3) {
        eprintln!("bench: a shell ended: {lost}");
    }
    let stops = Samples::new(noticed.stops.iter().map(std::time::Duration::as_secs_f64).collect());
    figures.add("rolling restart: a server stops, worst", stops.worst(), "s", how.clone());
    ensure!(!noticed.standstills.is_empty(), "no shell was left");
    let standstills =
        Samples::new(noticed.standstills.iter().map(std::time::Duration::as_secs_f64).collect());
    figures.add("rolling restart: a shell stands still, median", standstills.median(), "s", how.clone());
    figures.add("rolling restart: a shell stands still, worst", standstills.worst(), "s", how);
    Ok(())
}
