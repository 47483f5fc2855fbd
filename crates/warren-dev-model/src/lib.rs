//! A scripted model server: speaks the streaming protocols of OpenAI (Chat Completions and Responses), Anthropic and
//! Google, and says what a script tells it to.
//!
//! For demonstrations and tests, where no real model can be reached. It streams, delays, fails, breaks off and
//! waits at barriers as real providers do, and records every request.

mod answer;
mod facts;
mod script;
mod server;
mod wire;

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpListener;
use warren_rt::Tasks;

pub use script::{Counts, Script, ScriptError, Step, Turn, When};
pub use server::Answer;
use server::Shared;

/// The script that is used when none is given: looks for a template, makes a workspace, writes a file in it,
/// runs a command there and reports.
pub const DEMO_SCRIPT: &str = include_str!("demo.json");

/// Why the server could not start.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {reason}; choose another address")]
pub struct StartError {
    pub address: SocketAddr,
    pub reason: String,
}

/// A running server; it stops when this is dropped.
pub struct ScriptedModel {
    address: SocketAddr,
    shared: Shared,
    tasks: Tasks,
}

impl ScriptedModel {
    /// Starts a server. Port 0 picks a free port.
    ///
    /// # Errors
    /// Fails when the address cannot be bound.
    pub async fn start(script: Script, address: SocketAddr) -> Result<Self, StartError> {
        let failed = |error: std::io::Error| StartError { address, reason: error.to_string() };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Shared::new(script);
        let tasks = Tasks::new();
        let router = server::router(shared.clone());
        tasks.spawn("scripted model", async move { axum::serve(listener, router).await });
        Ok(Self { address, shared, tasks })
    }

    /// The address alone, for protocols that put their version into the path.
    pub fn root_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL to configure as a provider's.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Lets every answer pass the barrier, now and later.
    pub fn release(&self, barrier: &str) {
        self.shared.release(barrier);
    }

    /// Waits until an answer stands at the barrier. Returns `false` if none did within the deadline.
    pub async fn reached(&self, barrier: &str, deadline: Duration) -> bool {
        self.shared.reached(barrier, deadline).await
    }

    /// Waits until exactly so many answers of conversations are under way. One whose client is gone is not. Returns `false`
    /// if that did not happen within the deadline.
    pub async fn until_open(&self, number: usize, deadline: Duration) -> bool {
        self.shared.until_open(number, deadline).await
    }

    /// The bodies of all requests so far that continue a conversation, in order.
    pub fn requests(&self) -> Vec<Value> {
        self.shared.requests()
    }

    /// Gives the same and forgets them, with all others: those who run for hours cannot keep everything.
    pub fn take_requests(&self) -> Vec<Value> {
        self.shared.take_requests()
    }

    /// What the answer with a number said so far.
    pub fn answer(&self, serial: u64) -> Option<Answer> {
        self.shared.answer(serial)
    }

    /// The bodies of all requests that said what they are for, such as a title, in order.
    pub fn asides(&self) -> Vec<Value> {
        self.shared.asides()
    }

    /// Runs until the task group is stopped, which nobody does but the process's end.
    pub async fn run_forever(self) {
        self.tasks.token().cancelled().await;
    }
}

#[cfg(test)]
mod tests;
