//! A sign-in provider for demonstrations and tests: OpenID Connect, and a look-alike of GitHub below `/github`.
//!
//! It speaks the real protocols and checks what a real provider checks (client, redirect URL, PKCE, single use of codes
//! and refresh tokens), but asks for no password: whoever is the current person of its [`World`] signs in. Faults can be
//! switched on. Never for a deployment: one of its keys is published with its source.

mod control;
mod form;
mod github;
mod keys;
mod oidc;
mod world;

use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::TcpListener;
use warren_rt::Tasks;

use world::Shared;
pub use world::{Client, Faults, Person, Signature, World};

/// Why the provider could not start.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {reason}; choose another address")]
pub struct StartError {
    pub address: SocketAddr,
    pub reason: String,
}

/// A running provider; it stops when this is dropped.
pub struct DevIdp {
    address: SocketAddr,
    shared: Shared,
    tasks: Tasks,
}

impl DevIdp {
    /// Starts a provider. Port 0 picks a free port.
    ///
    /// # Errors
    /// Fails when the address cannot be bound.
    pub async fn start(address: SocketAddr) -> Result<Self, StartError> {
        let failed = |error: std::io::Error| StartError { address, reason: error.to_string() };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Shared::new(format!("http://{address}"));
        let tasks = Tasks::new();
        let router =
            oidc::router().merge(github::router()).merge(control::router()).with_state(shared.clone());
        tasks.spawn("sign-in provider", async move { axum::serve(listener, router).await });
        Ok(Self { address, shared, tasks })
    }

    /// The issuer URL to configure for OpenID Connect.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL to configure for a GitHub Enterprise Server.
    pub fn github_url(&self) -> String {
        format!("http://{}/github", self.address)
    }

    /// The client that may ask for sign-ins.
    pub fn client(&self) -> Client {
        self.shared.read(|world| world.client.clone())
    }

    /// Changes who signs in, and what goes wrong.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        self.shared.write(change);
    }

    /// Reads what has happened.
    pub fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.shared.read(look)
    }

    /// Signs with a new key from now on, and lists only that.
    pub fn rotate_key(&self) {
        self.shared.rotate_key();
    }

    /// Says that the user has typed the code of every waiting device sign-in.
    pub fn confirm_devices(&self) {
        self.shared.write(|world| world.devices_are_confirmed = true);
    }

    /// Stops.
    pub async fn stop(self) {
        self.tasks.stop(std::time::Duration::from_secs(1)).await;
    }
}
