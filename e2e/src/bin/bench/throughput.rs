//! One stream from a program in a workspace to here: through the relayed tunnel, over plain TCP, over OpenSSH.

use std::{process::Stdio, time::Instant};

use anyhow::{Context, Result, ensure};
use e2e::stage::Stage;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
};
use warren_rt::Tasks;
use warren_testkit::warren_binary;

use crate::{figures::Figures, timing::Samples};

mod client;
mod sshd;

const RUNS: usize = 3;
const BYTES: u64 = 256 << 20;
const CHUNK: usize = 64 << 10;

pub async fn measure(figures: &mut Figures) -> Result<()> {
    let tasks = Tasks::new();
    let port = source(&tasks).await?;
    let stage = Stage::new().await?;
    stage.push_process_template().await?;
    stage.create("bench").await?;
    stage.build(&["ssh", "bench", "--", "true"]).await?;
    let tunnel = client::connect(&stage, "bench", &tasks).await?;
    let sshd = sshd::start(&stage.user).await?;

    let (mut plain, mut relayed, mut ours, mut openssh) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        plain.push(rate(stream).await?);
        relayed.push(rate(tunnel.open_stream(port).await?).await?);
        let mut command = Command::new(warren_binary());
        command.env("CODER_CONFIG_DIR", stage.user.home().join("config"));
        ours.push(rate_of(command.args(["ssh", "bench", "--", &zeros()])).await?);
        if let Some(sshd) = &sshd {
            openssh.push(rate_of(sshd.ssh().arg(zeros())).await?);
        }
    }
    let how = format!("median of {RUNS}, {} MiB each", BYTES >> 20);
    let tcp = Samples::new(plain).median();
    let tunnel = Samples::new(relayed).median();
    figures.add("plain TCP on loopback, one stream", tcp, "MB/s", &*how);
    figures.add("relayed tunnel, one stream", tunnel, "MB/s", &*how);
    figures.add("relayed tunnel over plain TCP", tunnel / tcp, "×", "of the medians");
    figures.add("warren ssh (SSH in the relayed tunnel)", Samples::new(ours).median(), "MB/s", &*how);
    if openssh.is_empty() {
        eprintln!("bench: sshd is not installed, so there is no figure of OpenSSH");
    } else {
        let openssh = Samples::new(openssh).median();
        figures.add("OpenSSH on loopback", openssh, "MB/s", &*how);
        figures.add("relayed tunnel over OpenSSH", tunnel / openssh, "×", "of the medians");
    }
    tasks.stop(std::time::Duration::from_secs(1)).await;
    Ok(())
}

fn zeros() -> String {
    format!("head -c {BYTES} /dev/zero")
}

/// Serves `BYTES` bytes to whoever connects. Process workspaces share the machine's network, so the agent reaches it.
async fn source(tasks: &Tasks) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let group = tasks.clone();
    tasks.spawn("source", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            group.spawn("source stream", async move {
                let chunk = vec![0x5a; CHUNK];
                for _ in 0..BYTES / CHUNK as u64 {
                    stream.write_all(&chunk).await?;
                }
                stream.shutdown().await
            });
        }
    });
    Ok(port)
}

async fn rate_of(command: &mut Command) -> Result<f64> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = child.stdout.take().context("standard output is piped")?;
    let rate = rate(stdout).await?;
    child.wait().await?;
    Ok(rate)
}

/// Megabytes (10⁶) per second from the first byte to the last.
async fn rate(mut stream: impl AsyncRead + Unpin) -> Result<f64> {
    let mut buffer = vec![0; CHUNK];
    let first = stream.read(&mut buffer).await?;
    let began = Instant::now();
    let mut received = 0u64;
    loop {
        match stream.read(&mut buffer).await? {
            0 => break,
            n_read => received += n_read as u64,
        }
    }
    ensure!(
        received + first as u64 == BYTES,
        "{received} bytes arrived after the first {first}, not {BYTES}"
    );
    Ok(received as f64 / 1e6 / began.elapsed().as_secs_f64())
}
