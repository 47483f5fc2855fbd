//! A whole campaign: starts everything, lets it run under faults, heals it, and judges.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use warren_dev_model::{Script, ScriptedModel};
use warren_testkit::{Balancer, Cluster, ClusterOptions, cluster::Somebody};

use super::{
    dice::Dice,
    driver::{Clocks, Lines, ProcessLane, Span, strike_database, strike_lines},
    effects::Workspace,
    judge::{Stage, Survivors, judge, judge_all, lock, read_prompts},
    observer,
    plan::{PlanOptions, plan},
    script::{Ask, script},
    sender::{Scene, Sender},
    summary::Summary,
    tally::Tally,
    viewer::{Transport, Viewer, Watched},
};

/// How large a campaign is.
#[derive(Debug, Clone)]
pub struct Options {
    pub seed: u64,
    pub n_faults: usize,
    pub duration: Duration,
    /// Chats at the same time; one that has had its messages makes room for the next.
    pub n_chats: usize,
    /// How many of them have a workspace, in which commands run.
    pub n_in_workspace: usize,
    /// Messages of one chat.
    pub n_messages: usize,
    pub n_servers: usize,
    /// Where everything lies.
    pub directory: PathBuf,
}

/// Runs a campaign and tells what came of it. Violations are no error.
///
/// # Errors
/// Fails when the servers cannot be started, or the model or workspace cannot be made.
pub async fn run(options: Options) -> Result<Summary> {
    let clocks = Clocks::find();
    let (cluster, _agents) =
        start(&options, clocks.as_ref()).await.context("the servers cannot be started")?;
    let ada = cluster.sign_up().await?;
    let model = add_model(&cluster, &ada, &script()).await.context("the model cannot be added")?;
    let workspace = match options.n_in_workspace {
        0 => None,
        _ => Some(Workspace::build(&cluster, &ada).await.context("the workspace cannot be built")?),
    };
    observer::watch_leases(&cluster.postgres).context("leases cannot be watched")?;
    let tally = Arc::new(Tally::new());
    let (is_over, over) = watch::channel(false);
    let (heal, healed) = watch::channel(None);
    let servers = cluster.members.iter().map(|member| member.users.address()).collect();
    let metrics: Vec<_> = cluster.members.iter().filter_map(|member| member.metrics).collect();
    let scene = Scene { ada, servers, is_over: over, healed, tally: tally.clone() };
    let stage = Stage {
        scene,
        seed: options.seed,
        n_messages: options.n_messages,
        workspace,
        ran: Mutex::default(),
        model,
        answers: Mutex::default(),
        names: Mutex::default(),
        asked: Mutex::default(),
    };
    let chats = join_all((0..options.n_chats).map(|slot| slot_of_chats(&stage, slot, &options)));
    let faults = strike(cluster, &options, clocks.clone(), &tally, is_over, heal);
    let (survivors, _) = tokio::select! {
        done = async { tokio::join!(faults, chats) } => done,
        never = read_prompts(&stage) => match never {},
        never = observer::count_relayed(&metrics, &tally.n_relayed) => match never {},
    };
    judge_all(&stage, &survivors, options.duration)?;
    Ok(Summary::new(&options, clocks.is_some(), &tally))
}

/// The servers, and the balancer that agents go through, to another server with every connection.
async fn start(options: &Options, clocks: Option<&Clocks>) -> Result<(Cluster, Balancer)> {
    let none = ClusterOptions { n_servers: 0, env: Vec::new(), directory: Some(options.directory.clone()) };
    let mut cluster = Cluster::start(none).await?;
    let agents = Balancer::start_in_turn().await?;
    for number in 0..options.n_servers {
        let offset = [0, 300, -300][number % 3];
        let mut env = clocks.map(|clocks| clocks.env(offset)).unwrap_or_default();
        env.push((String::from("WARREN_CHAT_RUNNING_MAX_PER_USER"), String::from("400")));
        env.push((String::from("WARREN_ACCESS_URL"), format!("http://{}", agents.address())));
        cluster.add_with_metrics(env).await?;
        agents.prefer(cluster.members[number].users.address());
    }
    Ok((cluster, agents))
}

/// Starts a model and makes it the one of new chats.
pub(super) async fn add_model(cluster: &Cluster, ada: &Somebody, script: &str) -> Result<ScriptedModel> {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let model = ScriptedModel::start(Script::parse(script)?, any).await?;
    let address = cluster.members.first().context("there is no server")?.server.address();
    let provider = json!({ "type": "openai-compat", "name": "local", "display_name": "local",
        "base_url": model.base_url(), "api_keys": ["unused"] });
    let provider = ada.ask(address, Method::POST, "/api/v2/ai/providers", Some(&provider)).await?;
    let config = json!({ "ai_provider_id": provider["id"], "model": "scripted", "display_name": "scripted",
        "enabled": true, "is_default": true, "context_limit": 900_000_000 });
    let path = "/api/experimental/chats/model-configs";
    ada.ask(address, Method::POST, path, Some(&config)).await?;
    Ok(model)
}

/// Strikes as planned, then heals everything and says so.
async fn strike(
    cluster: Cluster,
    options: &Options,
    clocks: Option<Clocks>,
    tally: &Arc<Tally>,
    is_over: watch::Sender<bool>,
    heal: watch::Sender<Option<Instant>>,
) -> Survivors {
    let planned = plan(&PlanOptions {
        seed: options.seed,
        n_faults: options.n_faults,
        duration: options.duration,
        n_servers: options.n_servers,
        has_clocks: clocks.is_some(),
    });
    let Cluster { members, mut postgres, .. } = cluster;
    let (mut lanes, mut lines) = (Vec::new(), Vec::new());
    for (number, member) in members.into_iter().enumerate() {
        let lane = ProcessLane {
            number,
            server: member.server,
            clocks: clocks.clone(),
            env: Vec::new(),
            tally: tally.clone(),
        };
        lanes.push(lane);
        lines.push(Lines { users: member.users, mesh: member.mesh, database: member.database });
    }
    let lines = Arc::new(lines);
    let begin = Instant::now();
    // A machine that is too slow for the plan ends it late, and not without end.
    let span = Span { begin, end: begin + options.duration + Duration::from_secs(5) };
    let processes = join_all(lanes.iter_mut().map(|lane| lane.run(&planned, span)));
    let cheap = strike_lines(lines.clone(), &planned, span, tally);
    let database = strike_database(&mut postgres, &planned, span, tally);
    tokio::join!(processes, cheap, database);
    lines.iter().for_each(Lines::clear);
    lanes.iter_mut().for_each(ProcessLane::is_alive);
    tally.log(String::from("everything works again"));
    is_over.send_replace(true);
    heal.send_replace(Some(Instant::now()));
    Survivors { lanes, postgres, _lines: lines, _heal: heal }
}

/// One chat after the other, until the campaign is over.
async fn slot_of_chats(stage: &Stage, slot: usize, options: &Options) {
    let mut dice = Dice::new(stage.seed, 10_000 + slot as u64);
    let workspace = stage.workspace.as_ref().filter(|_| slot < options.n_in_workspace);
    for life in 0_u32.. {
        if *stage.scene.is_over.borrow() {
            return;
        }
        let name = format!("c{slot}-{life}");
        let own = Dice::new(dice.next(), 1);
        let id = workspace.map(|workspace| workspace.id.as_str());
        // What must happen does not wait for a throw of the dice.
        let (first, edits_first) = match slot % 3 {
            _ if id.is_some() => (Ask::Command, false),
            1 => (Ask::Long, true),
            _ => (Ask::ClientTool, false),
        };
        if let Some(sender) = Sender::begin(stage.scene.clone(), name, own, id, first).await {
            lock(&stage.names).insert(sender.chat.clone(), sender.name.clone());
            one_chat(stage, sender, Dice::new(dice.next(), 2), edits_first).await;
        }
    }
}

/// A chat, from its first message until all its viewers have all of it.
async fn one_chat(stage: &Stage, mut sender: Sender, mut dice: Dice, edits_first: bool) {
    let (watched, ends) = sender.watched();
    let servers = stage.scene.servers.clone();
    let viewers = join_all(servers.iter().enumerate().flat_map(|(number, server)| {
        [(Transport::WebSocket, "socket"), (Transport::Events, "events")].map(|(transport, how)| {
            let which = format!("viewer {how} on server {number}");
            let viewer = Viewer::new(watched.clone(), &which, *server, transport, None);
            viewer.stay(Dice::new(dice.next(), 3))
        })
    }));
    let guests = look_in(watched.clone(), servers.clone(), Dice::new(dice.next(), 4));
    let talk = async {
        sender.talk(stage.n_messages, edits_first).await;
        sender.come_to_rest(&ends).await;
    };
    tokio::select! {
        _ = async { tokio::join!(viewers, guests) } => {}
        () = talk => {}
    }
    let committed = ends.end.borrow().clone();
    match committed {
        Some(committed) => judge(stage, &mut sender, &committed).await,
        None => sender.report_stuck().await,
    }
}

/// Viewers that come without a place, or with a message that they have, until the chat has its end.
async fn look_in(watched: Watched, servers: Vec<SocketAddr>, mut dice: Dice) {
    let mut number = 0;
    while watched.end.borrow().is_none() && !watched.is_late() {
        sleep(dice.millis(300..2_500)).await;
        number += 1;
        let server = servers[dice.index(servers.len())];
        let transport = [Transport::WebSocket, Transport::Events][dice.index(2)];
        let guest = Viewer::new(watched.clone(), &format!("guest {number}"), server, transport, None);
        guest.look_in(dice.millis(200..2_500)).await;
    }
    // Whoever comes when it is over gets everything, from every server.
    let last = servers.iter().enumerate().map(|(number, server)| {
        let guest = Viewer::new(
            watched.clone(),
            &format!("last guest on server {number}"),
            *server,
            Transport::WebSocket,
            None,
        );
        guest.follow(Dice::new(dice.next(), 5))
    });
    join_all(last).await;
}
