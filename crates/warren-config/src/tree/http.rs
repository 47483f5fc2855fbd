//! How the server is reached, and how its sessions live.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use url::Url;

/// Addresses, cookies, limits and headers.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where to listen without TLS; port 0 picks a free one. `None` listens with TLS only.
    pub address: Option<SocketAddr>,
    pub tls: Tls,
    /// How users and workspaces reach the server; by default the address it listens on.
    pub access_url: Option<Url>,
    /// How the other servers on the same database reach this one; by default the address it listens on.
    pub relay_address: Option<Url>,
    /// Host pattern of workspace applications, such as `*.apps.example.com`; empty for none.
    pub wildcard_access_url: String,
    /// Sends requests for another host on to the access URL.
    pub redirect_to_access_url: bool,
    /// Sets the `Secure` attribute of cookies.
    pub secure_auth_cookie: bool,
    pub same_site: SameSite,
    /// Headers that proxies write the client's address into, the first one wins.
    pub proxy_trusted_headers: Vec<String>,
    /// Networks, such as `10.0.0.0/8`, whose proxies are believed.
    pub proxy_trusted_origins: Vec<String>,
    pub hsts: Hsts,
    /// More directives of the content security policy, such as `img-src https://example.com`.
    pub additional_csp: Vec<String>,
    /// Largest body of an ordinary request, in bytes; uploads have limits of their own.
    pub max_body_bytes: u64,
    /// How long a client may take to send the headers of a request.
    pub header_timeout: Duration,
    /// How long requests under way may take to end when the server stops.
    pub shutdown_timeout: Duration,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            address: Some(SocketAddr::from(([127, 0, 0, 1], 3000))),
            tls: Tls::default(),
            access_url: None,
            relay_address: None,
            wildcard_access_url: String::new(),
            redirect_to_access_url: false,
            secure_auth_cookie: false,
            same_site: SameSite::default(),
            proxy_trusted_headers: Vec::new(),
            proxy_trusted_origins: Vec::new(),
            hsts: Hsts::default(),
            additional_csp: Vec::new(),
            max_body_bytes: 2 * 1024 * 1024,
            header_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// The TLS listener.
#[derive(Debug, Clone)]
pub struct Tls {
    pub enable: bool,
    pub address: SocketAddr,
    /// PEM chains; the one that fits the asked name is used.
    pub cert_files: Vec<PathBuf>,
    /// The key of each chain, in the same order.
    pub key_files: Vec<PathBuf>,
    pub min_version: TlsVersion,
    /// Sends requests without TLS on to the TLS address.
    pub redirect_http: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            enable: false,
            address: SocketAddr::from(([127, 0, 0, 1], 3443)),
            cert_files: Vec::new(),
            key_files: Vec::new(),
            min_version: TlsVersion::default(),
            redirect_http: true,
        }
    }
}

/// The oldest TLS version that clients may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsVersion {
    #[default]
    Tls12,
    Tls13,
}

/// The `SameSite` attribute of cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SameSite {
    #[default]
    Lax,
    None,
    Strict,
}

/// The `Strict-Transport-Security` header.
#[derive(Debug, Clone, Default)]
pub struct Hsts {
    /// In seconds; 0 leaves the header out.
    pub max_age: u32,
    /// `includeSubDomains`, `preload`.
    pub options: Vec<String>,
}

/// Lifetimes of sessions and tokens.
#[derive(Debug, Clone)]
pub struct Session {
    /// Lifetime of a browser or CLI session; use extends it.
    pub duration: Duration,
    /// Whether use leaves the expiry as it is.
    pub disable_expiry_refresh: bool,
    /// Lifetime of a token when none is asked for.
    pub default_token_lifetime: Duration,
    /// The most that users may ask for.
    pub max_token_lifetime: Duration,
    /// The most that owners may ask for.
    pub max_admin_token_lifetime: Duration,
    /// Lets nobody sign in with a password.
    pub disable_password_auth: bool,
    /// After how long without use an account becomes dormant; zero means never.
    pub dormant_after: Duration,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Default for Session {
    fn default() -> Self {
        Self {
            duration: HOUR * 24,
            disable_expiry_refresh: false,
            default_token_lifetime: HOUR * 168,
            max_token_lifetime: HOUR * 876_600,
            max_admin_token_lifetime: HOUR * 168,
            disable_password_auth: false,
            dormant_after: HOUR * 24 * 90,
        }
    }
}

/// How many requests one user or address may make.
#[derive(Debug, Clone)]
pub struct RateLimit {
    /// Requests per minute and user, or address when nobody is signed in.
    pub api_per_minute: u32,
    /// Switches every limit off, the ones against password guessing too.
    pub disable_all: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { api_per_minute: 512, disable_all: false }
    }
}
