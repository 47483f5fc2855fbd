//! A load of one request over and over on connections that are kept open. Does as little as it can itself, as it shares
//! the machine with what it measures.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::timing::Samples;

const BUFFER_BYTES: usize = 256 << 10;

/// What is asked for, and where.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    request: String,
}

/// What came of it.
pub struct Load {
    pub per_second: f64,
    pub latencies_ms: Samples,
    /// Size of one answer's body.
    pub body_bytes: usize,
}

impl Target {
    pub fn new(address: SocketAddr, path: &str, token: Option<&str>) -> Self {
        let token = token.map_or(String::new(), |token| format!("Coder-Session-Token: {token}\r\n"));
        Self { address, request: format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{token}\r\n") }
    }
}

/// Asks on every connection until the time is over. The first answer of each is not counted.
pub async fn run(target: &Target, n_connections: usize, duration: Duration) -> Result<Load> {
    let mut connections = Vec::new();
    for _ in 0..n_connections {
        let mut connection = Connection::open(target).await?;
        connection.ask(target).await?;
        connections.push(connection);
    }
    let body_bytes = connections[0].body_bytes;
    let began = Instant::now();
    let mut running = JoinSet::new();
    for mut connection in connections {
        let target = target.clone();
        running.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < duration {
                let asked = Instant::now();
                connection.ask(&target).await?;
                latencies.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = running.join_next().await {
        latencies.extend(done??);
    }
    let per_second = latencies.len() as f64 / began.elapsed().as_secs_f64();
    Ok(Load { per_second, latencies_ms: Samples::new(latencies), body_bytes })
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    body_bytes: usize,
}

impl Connection {
    async fn open(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES], body_bytes: 0 })
    }

    /// Sends the request and reads the whole answer.
    async fn ask(&mut self, target: &Target) -> Result<()> {
        self.stream.write_all(target.request.as_bytes()).await?;
        let mut n_read = 0;
        let head_bytes = loop {
            ensure!(n_read < BUFFER_BYTES, "the head of an answer does not end");
            match self.stream.read(&mut self.buffer[n_read..]).await? {
                0 => bail!("the connection was closed instead of an answer"),
                n_more => n_read += n_more,
            }
            if let Some(at) = self.buffer[..n_read].windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
        };
        self.body_bytes = length(&self.buffer[..head_bytes])?;
        let mut n_left = (head_bytes + self.body_bytes).checked_sub(n_read).context("too much was sent")?;
        while n_left > 0 {
            let room = n_left.min(BUFFER_BYTES);
            match self.stream.read(&mut self.buffer[..room]).await? {
                0 => bail!("an answer ends early"),
                n_more => n_left -= n_more,
            }
        }
        Ok(())
    }
}

/// The length of the body of a good answer.
fn length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head).context("the head of an answer is not text")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{}", head.lines().next().unwrap_or("no answer"));
    let lengths = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, text) = lengths.next().context("an answer has no length")?;
    text.trim().parse().context("the length of an answer is not a number")
}
