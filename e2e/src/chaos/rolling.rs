//! A rolling restart: every server is stopped and started again, one after the other, while chats stream and shells are open.
//! What viewers saw is judged as in a campaign of faults.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures::{StreamExt, future::join_all, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};
use warren_testkit::{Balancer, Cluster, ClusterOptions, User, cluster::Somebody, eventually, repository};

use super::{
    checker::Violation,
    dice::Dice,
    run::add_model,
    script::Ask,
    sender::{Scene, Sender},
    tally::Tally,
    viewer::{Transport, Viewer},
};
use crate::{
    openssh::OpenSsh,
    session::Session,
    stage::{BUILD, SOON},
};

/// Requests at once.
const REQUESTS: usize = 16;
/// Between two lines that a shell is given.
const PAUSE: Duration = Duration::from_millis(250);
const N_SERVERS: usize = 3;

/// How much goes on meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub n_chats: usize,
    pub n_shells: usize,
    /// Parts of an answer, and the time between two.
    pub n_parts: u32,
    pub interval_ms: u64,
}

/// What was noticed of it.
#[derive(Debug)]
pub struct Noticed {
    pub violations: Vec<Violation>,
    /// Why shells ended, of those that did.
    pub lost_shells: Vec<String>,
    /// The longest time for which each of the others stood still.
    pub standstills: Vec<Duration>,
    pub n_parts: u64,
    pub n_reconnects: u64,
    pub n_resets: u64,
    pub n_answers: u64,
    /// How long each server took to stop.
    pub stops: Vec<Duration>,
    /// From the first stop until all servers were there again.
    pub lasted: Duration,
}

/// Restarts three servers under a load and tells what was noticed.
///
/// # Errors
/// Fails when something cannot be started, or a server does not come back.
pub async fn run(load: Load) -> Result<Noticed> {
    let (mut cluster, balancers) = start(load).await?;
    let ada = cluster.sign_up().await?;
    let answer = json!({ "clock": { "count": load.n_parts, "interval_ms": load.interval_ms } });
    let _model = add_model(&cluster, &ada, &json!({ "turns": [{ "steps": [answer] }] }).to_string()).await?;
    all_are_there(&cluster, &ada).await?;
    let user = workspace(&balancers, &ada).await.context("the workspace cannot be built")?;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut shells = open_shells(&user, load.n_shells, &is_over).await?;

    let tally = Arc::new(Tally::new());
    let (over, nothing_new) = watch::channel(false);
    let (heal, healed) = watch::channel(None);
    let servers: Vec<_> = balancers.iter().map(Balancer::address).collect();
    let scene = Scene { ada: ada.clone(), servers, is_over: nothing_new, healed, tally: tally.clone() };
    let begun = stream::iter((0..load.n_chats).map(|number| {
        Sender::begin(scene.clone(), format!("r{number}"), Dice::new(number as u64, 1), None, Ask::Short)
    }));
    let senders: Vec<_> = begun.buffered(REQUESTS).filter_map(std::future::ready).collect().await;
    let chats = join_all(senders.into_iter().enumerate().map(|(at, sender)| chat(&scene, at, sender)));
    let restarts = async {
        let done = restart_all(&mut cluster, &ada).await;
        over.send_replace(true);
        heal.send_replace(Some(tokio::time::Instant::now()));
        done
    };
    let (answers, restarted) = tokio::join!(chats, restarts);
    let (stops, lasted) = restarted?;
    is_over.store(true, Ordering::Relaxed);
    let (mut standstills, mut lost_shells) = (Vec::new(), Vec::new());
    while let Some(shell) = shells.join_next().await {
        match shell? {
            Ok(standstill) => standstills.push(standstill),
            Err(error) => lost_shells.push(format!("{error:#}")),
        }
    }
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    Ok(Noticed {
        violations: tally.violations().0.into_iter().map(|report| report.violation).collect(),
        lost_shells,
        standstills,
        n_parts: count(&tally.n_parts),
        n_reconnects: count(&tally.n_reconnects),
        n_resets: count(&tally.n_resets),
        n_answers: answers.into_iter().sum(),
        stops,
        lasted,
    })
}

/// The servers, and for each a balancer that prefers it.
async fn start(load: Load) -> Result<(Cluster, Vec<Balancer>)> {
    let mut balancers = Vec::new();
    for _ in 0..N_SERVERS {
        balancers.push(Balancer::start().await?);
    }
    let env = vec![
        ("WARREN_ACCESS_URL".to_owned(), format!("http://{}", balancers[0].address())),
        ("WARREN_CHAT_RUNNING_MAX_PER_USER".to_owned(), (2 * load.n_chats).to_string()),
    ];
    let cluster = Cluster::start(ClusterOptions { n_servers: N_SERVERS, env, directory: None }).await?;
    let addresses: Vec<_> = cluster.members.iter().map(|member| member.server.address()).collect();
    for (number, balancer) in balancers.iter().enumerate() {
        // The last one that is preferred is the first.
        for offset in (0..N_SERVERS).rev() {
            balancer.prefer(addresses[(number + offset) % N_SERVERS]);
        }
    }
    Ok((cluster, balancers))
}

/// A user over the second server with a workspace whose agent is on the first.
async fn workspace(balancers: &[Balancer], ada: &Somebody) -> Result<User> {
    let (user, url) = (User::new()?, format!("http://{}", balancers[1].address()));
    user.succeed(&["login", &url, "--token", &ada.token], SOON).await?;
    let template = repository().join("examples/templates/process");
    let template = template.to_str().context("the path is not text")?;
    user.succeed(&["templates", "push", "process", "-d", template, "-y", "--ignore-lockfile"], BUILD).await?;
    user.succeed(&["create", "dev", "-t", "process", "-y", "--use-parameter-defaults"], BUILD).await?;
    user.succeed(&["ssh", "dev", "true"], BUILD).await?;
    Ok(user)
}

/// Opens shells of OpenSSH that repeat what they are given, each with a thread that keeps on talking to it.
async fn open_shells(
    user: &User,
    count: usize,
    is_over: &Arc<AtomicBool>,
) -> Result<JoinSet<Result<Duration>>> {
    let mut shells = JoinSet::new();
    if count == 0 {
        return Ok(shells);
    }
    let ssh = OpenSsh::configure(user).await?;
    for number in 0..count {
        let mut shell = Session::start(ssh.command(&[], "dev.coder", "cat"))?;
        let is_over = is_over.clone();
        shells.spawn_blocking(move || {
            let mut longest = Duration::ZERO;
            for line in 0_u32.. {
                let took = shell.repeats(&format!("shell {number} line {line}."))?;
                if line > 0 {
                    longest = longest.max(took);
                }
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::sleep(PAUSE);
            }
            shell.rest()?;
            Ok(longest)
        });
    }
    Ok(shells)
}

/// One chat with one viewer, until the viewer has all of it. Tells how many answers there are.
async fn chat(scene: &Scene, number: usize, mut sender: Sender) -> u64 {
    let (watched, ends) = sender.watched();
    let server: SocketAddr = scene.servers[number % scene.servers.len()];
    let viewer = Viewer::new(watched, "viewer", server, Transport::WebSocket, None);
    let talk = async {
        sender.keep_asking(Ask::Long).await;
        sender.come_to_rest(&ends).await;
    };
    tokio::select! {
        () = viewer.follow(Dice::new(number as u64, 2)) => {}
        () = talk => {}
    }
    let committed = ends.end.borrow().clone();
    let Some(committed) = committed else {
        sender.report_stuck().await;
        return 0;
    };
    scene.tally.report(committed.agrees_with(&sender.name, &sender.told, &sender.tools), Vec::new);
    committed.messages.iter().filter(|kept| kept.role == "assistant").count() as u64
}

/// Stops and starts one server after the other, each when all are there.
async fn restart_all(cluster: &mut Cluster, ada: &Somebody) -> Result<(Vec<Duration>, Duration)> {
    let (begin, mut stops) = (Instant::now(), Vec::new());
    for number in 0..cluster.members.len() {
        let stop = Instant::now();
        cluster.members[number].server.stop().await?;
        stops.push(stop.elapsed());
        cluster.members[number].server.restart().await?;
        all_are_there(cluster, ada).await?;
    }
    Ok((stops, begin.elapsed()))
}

async fn all_are_there(cluster: &Cluster, ada: &Somebody) -> Result<()> {
    for member in &cluster.members {
        let address = member.server.address();
        eventually("that a server reaches all others", SOON, || async {
            let known = ada.ask(address, Method::GET, "/api/v2/replicas", None).await.ok()?;
            let is_well = |one: &&Value| one["error"] == "";
            (known.as_array()?.iter().filter(is_well).count() == cluster.members.len()).then_some(())
        })
        .await?;
    }
    Ok(())
}
