//! A user's SSH sessions with several servers behind one address, while the servers that carry them are killed.

#![allow(clippy::print_stdout, reason = "says how long sessions stood still")]

use std::process::Command;

use anyhow::{Context, Result, ensure};
use e2e::{
    openssh::OpenSsh,
    session::Session,
    stage::{BUILD, EMAIL, PASSWORD, SOON, USERNAME},
};
use warren_testkit::{Balancer, Cluster, ClusterOptions, User, finish};

/// Half of a transfer, in bytes.
const HALF: usize = 3 << 20;

/// Three servers behind a balancer, and a user with a running workspace.
struct Deployment {
    cluster: Cluster,
    balancer: Balancer,
    user: User,
}

impl Deployment {
    async fn start() -> Result<Self> {
        let balancer = Balancer::start().await?;
        let url = format!("http://{}", balancer.address());
        let env = vec![("WARREN_ACCESS_URL".to_owned(), url.clone())];
        let cluster = Cluster::start(ClusterOptions { env, ..ClusterOptions::default() }).await?;
        let started = Self { cluster, balancer, user: User::new()? };
        for server in [2, 1, 0] {
            started.prefer(server);
        }
        let first =
            ["--first-user-email", EMAIL, "--first-user-password", PASSWORD, "--first-user-trial=false"];
        let login = ["login", &url, "--first-user-username", USERNAME];
        started.user.succeed(&[&login[..], &first[..]].concat(), SOON).await?;
        let template = warren_testkit::repository().join("examples/templates/process");
        let template = template.to_str().context("the path is not text")?;
        let push = ["templates", "push", "process", "-d", template, "-y", "--ignore-lockfile"];
        started.user.succeed(&push, BUILD).await?;
        let create = ["create", "dev", "-t", "process", "-y", "--use-parameter-defaults"];
        started.user.succeed(&create, BUILD).await?;
        // The agent is there, and connected to the first server.
        started.user.succeed(&["ssh", "dev", "true"], BUILD).await?;
        Ok(started)
    }

    /// Makes a server the one that gets new connections.
    fn prefer(&self, server: usize) {
        self.balancer.prefer(self.cluster.members[server].server.address());
    }

    fn explain<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.with_context(|| {
            let output = |at: usize| {
                let text = self.cluster.members[at].server.output();
                let lines: Vec<&str> = text.lines().collect();
                format!("server {at}:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
            };
            (0..self.cluster.members.len()).map(output).collect::<Vec<_>>().join("\n")
        })
    }
}

fn content() -> Vec<u8> {
    (0..2 * HALF).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_sessions_and_transfers_outlive_the_servers_that_carry_them() -> Result<()> {
    let mut deployment = Deployment::start().await?;
    let outcome = outlive(&mut deployment).await;
    deployment.explain(outcome)
}

async fn outlive(deployment: &mut Deployment) -> Result<()> {
    // From here on the user is on the second server, the agent stays on the first one.
    deployment.prefer(1);
    let ssh = OpenSsh::configure(&deployment.user).await?;
    let home = deployment.user.home().to_path_buf();
    std::fs::write(home.join("content"), content())?;
    let local = finish(checksum(&deployment.user, &home), SOON).await?.stdout;
    let local = local.split_whitespace().next().context("no checksum")?.to_owned();
    let user_ssh = deployment.user.warren(&["ssh", "dev", "cat"]);
    let (mut shell, mut plain) =
        (Session::start(ssh.command(&[], "dev.coder", "cat"))?, Session::start(user_ssh)?);
    shell.repeats("before")?;
    plain.repeats("before")?;

    for (server, then) in [(0, 2), (1, 2)] {
        let mut transfer = Session::start(ssh.command(&[], "dev.coder", "sha256sum; echo done"))?;
        transfer.write(&content()[..HALF])?;
        // The one that carries the agent first, then the one that carries the user.
        deployment.prefer(then);
        deployment.cluster.members[server].server.kill()?;
        let standstill = shell.repeats(&format!("after {server}"))?;
        println!("after the end of server {server} a session stood still for {} ms", standstill.as_millis());
        plain.repeats(&format!("after {server}"))?;
        transfer.write(&content()[HALF..])?;
        let remote = transfer.rest()?;
        ensure!(remote.contains(&local) && remote.contains("done"), "{remote} is not {local}");
    }
    shell.rest()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_stop_in_turn_leave_sessions_as_they_are() -> Result<()> {
    let mut deployment = Deployment::start().await?;
    let outcome = restart_all(&mut deployment).await;
    deployment.explain(outcome)
}

async fn restart_all(deployment: &mut Deployment) -> Result<()> {
    deployment.prefer(1);
    let ssh = OpenSsh::configure(&deployment.user).await?;
    let mut shell = Session::start(ssh.command(&[], "dev.coder", "cat"))?;
    shell.repeats("before")?;
    for server in 0..3 {
        deployment.prefer((server + 1) % 3);
        deployment.cluster.members[server].server.stop().await?;
        let standstill = shell.repeats(&format!("without {server}"))?;
        println!("when server {server} stopped a session stood still for {} ms", standstill.as_millis());
        deployment.cluster.members[server].server.restart().await?;
    }
    shell.repeats("after")?;
    shell.rest()?;
    Ok(())
}

fn checksum(user: &User, home: &std::path::Path) -> Command {
    let mut command = user.command("sha256sum");
    command.arg(home.join("content"));
    command
}
