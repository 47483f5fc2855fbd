//! Several servers on one database, as tests start them.

use std::time::Duration;

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::Value;
use warren_testkit::{Cluster, ClusterOptions, Stop, eventually};

const SOON: Duration = Duration::from_secs(60);
const REPLICAS: &str = "/api/v2/replicas";

#[tokio::test(flavor = "multi_thread")]
async fn servers_find_each_other_and_outlive_their_database() -> Result<()> {
    let mut cluster = Cluster::start(ClusterOptions { n_servers: 2, ..ClusterOptions::default() }).await?;
    let ada = cluster.sign_up().await?;
    for member in &cluster.members {
        let address = member.users.address();
        let seen = eventually("both servers are seen", SOON, || async {
            let seen = ada.ask(address, Method::GET, REPLICAS, None).await.ok()?;
            (healthy(&seen) == 2).then_some(seen)
        })
        .await?;
        let relays: Vec<_> =
            cluster.members.iter().map(|it| format!("http://{}", it.mesh.address())).collect();
        let named: Vec<_> = seen.as_array().into_iter().flatten().map(|it| &it["relay_address"]).collect();
        ensure!(
            relays
                .iter()
                .all(|relay| named.iter().any(|it| it.as_str().unwrap_or_default().starts_with(relay))),
            "{seen}"
        );
        ensure!(!member.database.marked().is_empty(), "no connection listens");
    }
    for how in [Stop::Fast, Stop::Immediate] {
        cluster.postgres.stop(how).await?;
        cluster.postgres.start().await?;
        for member in &cluster.members {
            let address = member.users.address();
            eventually("the database is back", SOON, || async {
                ada.ask(address, Method::GET, REPLICAS, None).await.ok()
            })
            .await?;
        }
    }
    Ok(())
}

fn healthy(replicas: &Value) -> usize {
    replicas.as_array().into_iter().flatten().filter(|replica| replica["error"] == "").count()
}
