//! Counts what only servers and the database know: parts that came over from other servers, and leases that were taken over.

use std::{net::SocketAddr, sync::atomic::AtomicU64, time::Duration};

use anyhow::{Context, Result};
use tokio::time::sleep;
use warren_testkit::PostgresProcess;

use super::tally::add;

const INTERVAL: Duration = Duration::from_millis(400);
const TIMEOUT: Duration = Duration::from_secs(2);
const RELAYED: &str = "warren_chat_relayed_parts_total";

/// Notes in the campaign's database when a chat that runs is taken from a server that holds it. Servers are told apart by
/// where others reach them, which outlives their restarts.
const WATCH_LEASES: &str = "\
CREATE TABLE campaign_takeovers (chat uuid, epoch bigint, was text, now text); \
CREATE FUNCTION campaign_takeover() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
INSERT INTO campaign_takeovers SELECT NEW.id, NEW.lease_epoch, \
coalesce((SELECT relay_address FROM replicas WHERE id = OLD.worker_id), OLD.worker_id::text), \
coalesce((SELECT relay_address FROM replicas WHERE id = NEW.worker_id), NEW.worker_id::text); \
RETURN NULL; END $$; \
CREATE TRIGGER campaign_takeover AFTER UPDATE ON chats FOR EACH ROW \
WHEN (NEW.lease_epoch > OLD.lease_epoch AND OLD.status IN ('running', 'interrupting') \
AND OLD.worker_id <> NEW.worker_id) EXECUTE FUNCTION campaign_takeover()";

/// Begins to note takeovers.
///
/// # Errors
/// Fails when PostgreSQL refuses.
pub fn watch_leases(postgres: &PostgresProcess) -> Result<()> {
    postgres.sql(WATCH_LEASES).map(drop)
}

/// How many leases were taken over from another server.
///
/// # Errors
/// Fails when PostgreSQL refuses.
pub fn takeovers(postgres: &PostgresProcess) -> Result<u64> {
    let count = postgres.sql("SELECT count(*) FROM campaign_takeovers WHERE was <> now")?;
    count.parse().context("a count is a number")
}

/// Calls that the model answered to the end, or said what they used of: what is estimated may not have reached it.
const BOOKED: &str = "\
SELECT chat_id, count(*) FROM (SELECT chat_id FROM chat_messages WHERE output_tokens IS NOT NULL \
UNION ALL SELECT chat_id FROM chat_cut_calls WHERE NOT is_estimated) AS booked GROUP BY chat_id";

/// How many calls of the model are booked, by chat, without those that are estimated.
///
/// # Errors
/// Fails when PostgreSQL refuses.
pub fn booked(postgres: &PostgresProcess) -> Result<Vec<(String, u64)>> {
    let rows = postgres.sql(BOOKED)?;
    let read = |row: &str| Some((row.split_once('|')?.0.to_owned(), row.split_once('|')?.1.parse().ok()?));
    rows.lines().map(|row| read(row).context("a chat and a count")).collect()
}

/// Adds up for ever what each life of each server says came over. What a server counted shortly before it was killed is lost.
pub async fn count_relayed(metrics: &[SocketAddr], total: &AtomicU64) -> std::convert::Infallible {
    let http = reqwest::Client::new();
    let mut last = vec![0; metrics.len()];
    loop {
        for (address, last) in metrics.iter().zip(&mut last) {
            let asked = http.get(format!("http://{address}/metrics")).timeout(TIMEOUT).send();
            let Ok(answer) = asked.await else { continue };
            let Some(now) = answer.text().await.ok().and_then(|text| relayed(&text)) else { continue };
            add(total, if now < *last { now } else { now - *last });
            *last = now;
        }
        sleep(INTERVAL).await;
    }
}

fn relayed(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(RELAYED))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read() {
        let text = "# TYPE warren_chat_relayed_parts counter\nwarren_chat_relayed_parts_total 417\n# EOF\n";
        assert_eq!(relayed(text), Some(417));
        assert_eq!(relayed("# EOF\n"), None);
    }
}
