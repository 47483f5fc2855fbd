//! Three servers on one PostgreSQL: how much later a viewer sees a part by way of another server than on the one that runs
//! the chat, how soon another server goes on with a chat whose server was killed, and what a thousand chats with three
//! viewers each cost.

mod rolling;
mod servers;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use warren_dev_model::ScriptedModel;

use self::servers::Servers;
use crate::{
    chats::{DEADLINE, Load, live, people::People, viewers},
    figures::Figures,
    timing::Samples,
};

const SERVERS: usize = 3;
const ACCOUNTS: usize = 12;
const RELAYED: Load = Load { chats: 200, groups: 20, parts: 60, interval_ms: 100 };
const MANY: Load = Load { chats: 1000, groups: 50, parts: 20, interval_ms: 500 };
/// An answer that is long enough for its server to die in it.
const LONG: Load = Load { chats: 1, groups: 1, parts: 3000, interval_ms: 20 };
const KILLS: usize = 10;
/// How long the servers are watched at rest.
const REST: Duration = Duration::from_secs(10);

pub async fn measure(figures: &mut Figures) -> Result<()> {
    let env = [("WARREN_CHAT_RUNNING_MAX", MANY.chats.to_string())];
    let Some(mut servers) = Servers::start(SERVERS, &env).await? else {
        eprintln!("bench: several servers need PostgreSQL, which WARREN_TEST_POSTGRES_URL names");
        return Ok(());
    };
    servers.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")?;
    let turns: Vec<_> = [RELAYED, MANY].into_iter().flat_map(|load| load.script("chat")).collect();
    let long = json!({ "clock": { "count": LONG.parts, "interval_ms": LONG.interval_ms } });
    let anything = json!({ "when": { "user": "long" }, "steps": [long] });
    let turns: Vec<_> = turns.into_iter().chain([anything]).collect();
    let model = servers.stage.with_model(&json!({ "turns": turns }).to_string()).await?;
    let people = People::new(&servers.stage, ACCOUNTS).await?;
    servers.know_each_other(&people).await?;
    latency(figures, &servers, &model, &people).await.context("latency")?;
    cost(figures, &servers, &model, &people).await.context("cost")?;
    takeover(figures, &mut servers, &people).await.context("takeover")?;
    drop(servers);
    rolling::measure(figures).await.context("rolling restart")
}

/// Chats of all accounts, and for each server the viewers of them all there.
async fn watched(
    servers: &Servers,
    model: &ScriptedModel,
    people: &People,
    load: Load,
) -> Result<(Vec<(usize, String)>, Vec<Vec<viewers::Reader>>)> {
    let before = model.requests().len();
    let chats = people.create_many(load.chats, |number| load.name("chat", number)).await?;
    let n_live = live(model, before, load.chats).await;
    ensure!(n_live == load.chats, "only {n_live} chats have asked the model");
    let mut readers = Vec::new();
    for server in servers.all() {
        readers.push(viewers::open_all(&people.at(server.url()), &chats).await?);
    }
    Ok((chats, readers))
}

async fn latency(
    figures: &mut Figures,
    servers: &Servers,
    model: &ScriptedModel,
    people: &People,
) -> Result<()> {
    let (chats, readers) = watched(servers, model, people, RELAYED).await?;
    let owners = servers.owners()?;
    let owner = |(_, chat): &(usize, String)| owners.get(chat).copied().context("no server runs a chat");
    let owners = chats.iter().map(owner).collect::<Result<Vec<_>>>()?;
    let (mut local, mut relayed) = (Vec::new(), Vec::new());
    for (at, readers) in readers.into_iter().enumerate() {
        for (owner, reader) in owners.iter().zip(readers) {
            let place = if *owner == at { &mut local } else { &mut relayed };
            place.push(reader);
        }
    }
    let (n_local, n_relayed) = (local.len(), relayed.len());
    let (local, relayed, ()) = tokio::join!(
        viewers::latencies(local, RELAYED.parts, n_local),
        viewers::latencies(relayed, RELAYED.parts, n_relayed),
        RELAYED.begin("chat", model)
    );
    let shares: Vec<_> =
        (0..SERVERS).map(|at| owners.iter().filter(|owner| **owner == at).count().to_string()).collect();
    let how = format!(
        "three viewers of each chat, one on each server; chats per server {}; {}",
        shares.join(", "),
        RELAYED.how(chats.len())
    );
    for (whose, delays) in [("the chat's server", local?), ("another server", relayed?)] {
        let delays = Samples::new(delays);
        for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
            let what = format!("latency per part on {whose}, {name}, 200 chats");
            figures.add(what, delays.quantile(share), "ms", how.clone());
        }
    }
    people.all_rest(&chats).await
}

async fn cost(
    figures: &mut Figures,
    servers: &Servers,
    model: &ScriptedModel,
    people: &People,
) -> Result<()> {
    let (before, begin) = (servers.statements()?, Instant::now());
    tokio::time::sleep(REST).await;
    let at_rest = (servers.statements()? - before) / begin.elapsed().as_secs_f64();
    figures.add("database statements per second at rest", at_rest, "1/s", "three servers, no viewer");

    let (statements, usage, begin) = (servers.statements()?, servers.usage()?, Instant::now());
    let (chats, readers) = watched(servers, model, people, MANY).await?;
    let opened = begin.elapsed().as_secs_f64();
    let n_viewers = readers.iter().map(Vec::len).sum::<usize>();
    let full = servers.usage()?;
    let readers: Vec<_> = readers.into_iter().flatten().collect();
    let (delays, ()) =
        tokio::join!(viewers::latencies(readers, MANY.parts, n_viewers), MANY.begin("chat", model));
    people.all_rest(&chats).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let (used, asked) = (servers.usage()?, servers.statements()? - statements - at_rest * seconds);
    let how = format!(
        "{n_viewers} viewers; {} parts in {seconds:.0} s, of which {opened:.0} s to make the chats and to connect",
        MANY.chats * MANY.parts
    );
    let cpu = used.cpu_seconds - usage.cpu_seconds;
    figures.add("1,000 chats × 3 viewers: CPU of three servers", cpu, "s", how.clone());
    figures.add("1,000 chats × 3 viewers: memory of three servers", full.memory_mb, "MB", how.clone());
    figures.add(
        "1,000 chats × 3 viewers: database statements per turn",
        asked / MANY.chats as f64,
        "statements",
        format!("{how}; without those of servers at rest"),
    );
    let delays = Samples::new(delays?);
    for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
        let what = format!("1,000 chats × 3 viewers: latency per part, {name}");
        figures.add(what, delays.quantile(share), "ms", how.clone());
    }
    Ok(())
}

/// Kills the server that runs a chat, and waits until viewers elsewhere see words that were said after it.
async fn takeover(figures: &mut Figures, servers: &mut Servers, people: &People) -> Result<()> {
    let mut delays = Vec::new();
    for _ in 0..KILLS {
        let chat = people.create(0, "long").await?;
        let mut owner_seen = viewers::Reader::open(people, 0, &chat).await?;
        owner_seen.times(20).await?;
        let owner = *servers.owners()?.get(&chat).context("no server runs the chat")?;
        let elsewhere = (owner + 1) % SERVERS;
        let there = people.at(servers.one(elsewhere).url());
        let mut viewer = viewers::Reader::open(&there, 0, &chat).await?;
        viewer.times(1).await?;
        let killed = chrono::Utc::now().timestamp_nanos_opt().context("the clock is beyond its range")?;
        servers.one(owner).kill()?;
        let heard = tokio::time::timeout(DEADLINE, viewer.said_after(killed)).await;
        delays.push((heard.context("nobody has taken the chat over")?? - killed) as f64 / 1e9);
        there
            .call(0, reqwest::Method::POST, &format!("/api/experimental/chats/{chat}/interrupt"), None)
            .await?;
        servers.one(owner).restart().await?;
        servers.know_each_other(&there).await?;
    }
    let delays = Samples::new(delays);
    let how = format!("{KILLS} kills of the server that runs a chat; a viewer of another server");
    figures.add("kill -9 to words said elsewhere, median", delays.median(), "s", how.clone());
    figures.add("kill -9 to words said elsewhere, worst", delays.worst(), "s", how);
    Ok(())
}
