//! Chats: how much later a viewer sees a part than the model said it, how many parts reach many viewers, how soon the model
//! is asked, and what live chats and viewers cost in memory. Beside them the scripted model read directly by the same
//! client, and the LiteLLM proxy in between where it is installed.

mod direct;
mod litellm;
pub mod people;
pub mod viewers;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::stage::Stage;
use serde_json::{Value, json};
use warren_dev_model::ScriptedModel;
use warren_testkit::ServerOptions;

use self::people::People;
use crate::{figures::Figures, timing::Samples};

/// Live chats, parts of each, and the time between two of them. Groups of chats begin one after another, spread over that
/// time; a single group speaks in step, all at the same moment, which is harder than real models make it.
const LOADS: [Load; 4] = [
    Load { chats: 1, groups: 1, parts: 300, interval_ms: 10 },
    Load { chats: 200, groups: 20, parts: 60, interval_ms: 100 },
    Load { chats: 200, groups: 1, parts: 60, interval_ms: 100 },
    Load { chats: 1000, groups: 50, parts: 20, interval_ms: 500 },
];
const VIEWERS: usize = 1000;
const FAN_OUT: Load = Load { chats: 1, groups: 1, parts: 1500, interval_ms: 2 };
const SENDS: usize = 50;
pub const DEADLINE: Duration = Duration::from_secs(90);
/// Chats may wait for their turn; after so long without news the rest is not waited for.
const PATIENCE: Duration = Duration::from_secs(8);

/// How busy the model is.
#[derive(Clone, Copy)]
pub struct Load {
    pub chats: usize,
    pub groups: usize,
    pub parts: usize,
    pub interval_ms: u64,
}

impl Load {
    /// What the chats of one kind say, by the group that a chat's message names.
    pub fn script(self, kind: &'static str) -> impl Iterator<Item = Value> {
        (0..self.groups).map(move |group| {
            let name = self.name(kind, group);
            let clock = json!({ "clock": { "count": self.parts, "interval_ms": self.interval_ms } });
            json!({ "when": { "user": name }, "steps": [{ "barrier": name }, clock] })
        })
    }

    /// The message that makes a chat one of a group.
    pub fn name(self, kind: &str, group: usize) -> String {
        format!("{kind} {} {} {}.", self.chats, self.groups, group % self.groups)
    }

    /// Lets one group after another begin.
    pub async fn begin(self, kind: &str, model: &ScriptedModel) {
        for group in 0..self.groups {
            model.release(&self.name(kind, group));
            tokio::time::sleep(Duration::from_millis(self.interval_ms) / self.groups as u32).await;
        }
    }

    pub fn how(self, n_live: usize) -> String {
        let per_second = n_live as u64 * 1000 / self.interval_ms;
        let step = if self.groups == 1 && n_live > 1 { ", in step" } else { "" };
        format!(
            "{n_live} live, {} parts each, {} ms apart{step}: {per_second} parts/s",
            self.parts, self.interval_ms
        )
    }
}

pub async fn measure(figures: &mut Figures) -> Result<()> {
    // A server takes on 500 chats unless it is told otherwise.
    let env = vec![("WARREN_CHAT_RUNNING_MAX".to_owned(), LOADS[3].chats.to_string())];
    let stage = Stage::with(ServerOptions { env }).await?;
    let model = scripted(&stage).await?;
    let people = People::new(&stage, 12).await?;
    send_to_model(figures, &people).await?;
    for load in LOADS {
        added_latency(figures, &stage, &model, &people, load).await.context("added latency")?;
        let read = direct::latencies(&model, &model.base_url(), "direct", load).await;
        add(figures, "scripted model, read directly", load, load.chats, &read.context("read directly")?);
    }
    match litellm::start(&model.base_url()).await? {
        Some(proxy) => {
            for load in &LOADS[..2] {
                let read = direct::latencies(&model, proxy.base_url(), "proxy", *load).await;
                let read = read.context("LiteLLM")?;
                add(figures, "LiteLLM proxy, nothing stored", *load, load.chats, &read);
            }
        }
        None => eprintln!("bench: `litellm` is not on the PATH, so its figures are missing"),
    }
    fan_out(figures).await.context("fan-out")
}

async fn scripted(stage: &Stage) -> Result<ScriptedModel> {
    let kinds = ["chat", "direct", "proxy"];
    let loads = LOADS.iter().flat_map(|load| kinds.into_iter().flat_map(|kind| load.script(kind)));
    let anything = json!({ "steps": [{ "clock": { "count": 1, "interval_ms": 1 } }] });
    let turns: Vec<_> = loads.chain(FAN_OUT.script("fan-out")).chain([anything]).collect();
    stage.with_model(&json!({ "turns": turns }).to_string()).await
}

fn add(figures: &mut Figures, whose: &str, load: Load, n_live: usize, delays_ms: &Samples) {
    for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
        let step = if load.groups == 1 && load.chats > 1 { " in step" } else { "" };
        let what = format!("{whose}: latency per part, {name}, {} chats{step}", load.chats);
        figures.add(what, delays_ms.quantile(share), "ms", load.how(n_live));
    }
}

/// From the request that sends a message to the model's first word.
async fn send_to_model(figures: &mut Figures, people: &People) -> Result<()> {
    let chat = people.create(0, "ping").await?;
    people.rests(0, &chat).await?;
    let mut delays = Vec::new();
    for _ in 0..SENDS {
        let mut viewer = viewers::Reader::open(people, 0, &chat).await?;
        viewer.skip_history().await?;
        let sent = chrono::Utc::now().timestamp_nanos_opt().context("the clock is beyond its range")?;
        people.send(0, &chat, "ping").await?;
        let said = viewer.times(1).await?.0[0];
        delays.push((said - sent) as f64 / 1e6);
        people.rests(0, &chat).await?;
    }
    let delays = Samples::new(delays);
    for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
        figures.add(
            format!("send to model call, {name}"),
            delays.quantile(share),
            "ms",
            format!("{SENDS} messages"),
        );
    }
    Ok(())
}

async fn added_latency(
    figures: &mut Figures,
    stage: &Stage,
    model: &ScriptedModel,
    people: &People,
    load: Load,
) -> Result<()> {
    let (before, memory) = (model.requests().len(), rss_kb(stage)?);
    let chats = people.create_many(load.chats, |number| load.name("chat", number)).await?;
    let n_live = live(model, before, load.chats).await;
    ensure!(n_live > 0, "no chat has asked the model");
    if load.chats == 200 && load.groups > 1 {
        let each = (rss_kb(stage)? - memory) / n_live as f64;
        figures.add(
            "memory per live chat",
            each,
            "kB",
            format!("{n_live} chats wait for their model; resident size"),
        );
    }
    let readers = viewers::open_all(people, &chats).await?;
    let (delays, ()) =
        tokio::join!(viewers::latencies(readers, load.parts, n_live), load.begin("chat", model));
    let delays = delays?;
    add(figures, "Warren, stored first", load, n_live, &Samples::new(delays));
    people.all_rest(&chats).await
}

/// Waits until all chats have asked the model, or no further one does.
pub async fn live(model: &ScriptedModel, before: usize, wanted: usize) -> usize {
    let mut seen = (0, Instant::now());
    loop {
        let now = model.requests().len() - before;
        if now >= wanted || (now == seen.0 && seen.1.elapsed() > PATIENCE) {
            return now.min(wanted);
        }
        if now != seen.0 {
            seen = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// On a server of its own, which has not grown yet.
async fn fan_out(figures: &mut Figures) -> Result<()> {
    let stage = &Stage::new().await?;
    let model = &scripted(stage).await?;
    let people = &People::new(stage, 1).await?;
    let chat = people.create(0, &FAN_OUT.name("fan-out", 0)).await?;
    ensure!(live(model, 0, 1).await == 1, "the chat has not asked the model");
    let memory = rss_kb(stage)?;
    let readers = viewers::open_all(people, &vec![(0, chat); VIEWERS]).await?;
    let each = (rss_kb(stage)? - memory) / VIEWERS as f64;
    figures.add("memory per viewer", each, "kB", format!("{VIEWERS} WebSockets on one chat; resident size"));
    FAN_OUT.begin("fan-out", model).await;
    let begin = Instant::now();
    let n_parts = viewers::count(readers, FAN_OUT.parts).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let how = format!(
        "{VIEWERS} viewers, {} parts each in {seconds:.1} s; {} parts/s were said; clients on the same machine",
        FAN_OUT.parts,
        1000 / FAN_OUT.interval_ms
    );
    figures.add("parts per second to 1,000 viewers", n_parts as f64 / seconds, "parts/s", how);
    Ok(())
}

fn rss_kb(stage: &Stage) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stage.server.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no resident size")?;
    Ok(line.split_whitespace().next().context("no figure")?.parse()?)
}
