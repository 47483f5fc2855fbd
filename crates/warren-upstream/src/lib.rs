//! The protocol side of signing in with another provider: OpenID Connect and GitHub.
//!
//! Owns what is said to the provider and how its answers are checked, and turns claims into an [`UpstreamIdentity`].
//! Knows no account, session, cookie or database: who may sign in as whom is decided by the use cases.

pub mod claims;
mod error;
mod flow;
pub mod github;
mod http;
pub mod oidc;
pub mod username;

pub use claims::{ClaimRules, IdentityError, UpstreamIdentity};
pub use error::UpstreamError;
pub use flow::{FlowSecrets, UpstreamTokens};
pub use github::{DeviceCode, GithubProvider, GithubSettings};
pub use oidc::{OidcProvider, OidcSettings};
