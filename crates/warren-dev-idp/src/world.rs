//! Who signs in, what goes wrong, and which codes and tokens are out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, RwLock, RwLockReadGuard},
    time::Duration,
};

use rand::{Rng, distr::Alphanumeric};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::keys::Key;

/// The client that is known to the provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

/// Somebody who can sign in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    pub id: i64,
    pub login: String,
    pub name: String,
    pub email: String,
    pub email_verified: bool,
    /// Further claims, which replace those made of the other fields.
    pub claims: Map<String, Value>,
    /// Claims that only the user-info endpoint gives.
    pub user_info: Map<String, Value>,
    /// GitHub organizations.
    pub organizations: Vec<String>,
    /// GitHub teams, `organization/team`.
    pub teams: Vec<String>,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            id: 1001,
            login: String::from("grace"),
            name: String::from("Grace Hopper"),
            email: String::from("grace@example.com"),
            email_verified: true,
            claims: Map::new(),
            user_info: Map::new(),
            organizations: vec![String::from("navy")],
            teams: vec![String::from("navy/compilers")],
        }
    }
}

/// How id tokens are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    #[default]
    Ecdsa,
    Rsa,
    /// By a key that the provider does not list, under the name of one that it does.
    Forged,
    /// Not at all.
    None,
    /// With the client's secret.
    Secret,
}

/// What goes wrong.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    pub wrong_nonce: bool,
    pub wrong_audience: bool,
    pub wrong_issuer: bool,
    /// The id token has expired.
    pub expired: bool,
    pub no_id_token: bool,
    /// The user-info endpoint speaks about somebody else.
    pub foreign_user_info: bool,
    /// The user declines.
    pub denied: bool,
    /// Every answer is larger than anybody would read.
    pub huge: bool,
    /// Every answer has status 500.
    pub broken: bool,
    /// Refresh tokens are void.
    pub no_refresh: bool,
    /// Every answer is late by so many milliseconds.
    pub delay_ms: u64,
}

/// The provider's state, for its owner to change and to look at.
#[derive(Debug)]
pub struct World {
    pub client: Client,
    pub person: Person,
    pub signature: Signature,
    pub faults: Faults,
    /// Seconds that access tokens live; `None` says nothing.
    pub token_seconds: Option<i64>,
    /// Whether refresh tokens are given.
    pub gives_refresh: bool,
    /// Whether the user has typed the device code.
    pub devices_are_confirmed: bool,
    /// How often each path was called.
    pub calls: BTreeMap<String, usize>,
    /// Parameters of the last authorization request.
    pub last_authorization: BTreeMap<String, String>,
    pub(crate) codes: BTreeMap<String, Grant>,
    pub(crate) access: BTreeMap<String, Person>,
    pub(crate) refresh: BTreeMap<String, Person>,
    pub(crate) devices: BTreeSet<String>,
}

impl World {
    /// Access and refresh tokens that are out.
    pub fn issued_tokens(&self) -> Vec<String> {
        self.access.keys().chain(self.refresh.keys()).cloned().collect()
    }
}

/// What a code stands for.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) person: Person,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
}

/// What the routes share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) url: Arc<str>,
    world: Arc<RwLock<World>>,
    key: Arc<RwLock<Arc<Key>>>,
}

impl Shared {
    pub(crate) fn new(url: String) -> Self {
        let client = Client { id: String::from("warren-dev"), secret: String::from("not-a-secret+/=&") };
        let world = World {
            client,
            person: Person::default(),
            signature: Signature::default(),
            faults: Faults::default(),
            token_seconds: Some(3600),
            gives_refresh: true,
            devices_are_confirmed: false,
            calls: BTreeMap::new(),
            last_authorization: BTreeMap::new(),
            codes: BTreeMap::new(),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            devices: BTreeSet::new(),
        };
        let key = Arc::new(RwLock::new(Arc::new(Key::random())));
        Self { url: url.into(), world: Arc::new(RwLock::new(world)), key }
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.guard())
    }

    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.world.write().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(crate) fn key(&self) -> Arc<Key> {
        self.key.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(crate) fn rotate_key(&self) {
        *self.key.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(Key::random());
    }

    /// Notes a call, and is as late as the faults want.
    pub(crate) async fn called(&self, path: &str) -> Faults {
        let faults = self.write(|world| {
            *world.calls.entry(path.to_owned()).or_default() += 1;
            world.faults.clone()
        });
        if faults.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(faults.delay_ms)).await;
        }
        faults
    }

    fn guard(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(crate) fn random_text() -> String {
    rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect()
}
