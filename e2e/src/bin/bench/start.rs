//! From the command to the first good answer of `/healthz`, on fresh data; and memory when nothing happens.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use e2e::processes::resident_bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use warren_testkit::warren_binary;

use crate::{figures::Figures, timing::Samples};

const RUNS: usize = 10;
const START_MAX: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(1);
/// Time after which a server that is left alone counts as idle.
const SETTLING: Duration = Duration::from_secs(5);

pub async fn measure(figures: &mut Figures) -> Result<()> {
    let (mut starts, mut memory) = (Vec::new(), 0);
    for run in 0..RUNS {
        let directory = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let began = Instant::now();
        let mut server = Started(
            Command::new(warren_binary())
                .args(["server", "--http-address", &address.to_string(), "--data-dir"])
                .arg(directory.path().join("data"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?,
        );
        server.until_ready(address, began).await?;
        starts.push(began.elapsed().as_secs_f64());
        if run == 0 {
            sleep(SETTLING).await;
            let pid = i32::try_from(server.0.id()).context("a process id beyond 31 bits")?;
            memory = resident_bytes(pid).context("the server is gone")?;
        }
    }
    let starts = Samples::new(starts);
    figures.add("start to ready, fresh data", starts.median(), "s", format!("median of {RUNS}"));
    figures.add("start to ready, fresh data", starts.worst(), "s", format!("slowest of {RUNS}"));
    figures.add("idle memory of the server", memory as f64 / 1e6, "MB", "resident, 5 s after the start");
    Ok(())
}

struct Started(Child);

impl Started {
    async fn until_ready(&mut self, address: SocketAddr, began: Instant) -> Result<()> {
        while began.elapsed() < START_MAX {
            if let Some(status) = self.0.try_wait()? {
                bail!("the server ended with {status}");
            }
            if is_healthy(address).await.unwrap_or(false) {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
        bail!("the server was not ready within {} s", START_MAX.as_secs())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn is_healthy(address: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
