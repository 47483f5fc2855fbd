//! Storage: entities, migrations, queries, transactions and change hints.
//!
//! Reads go through [`Database::reader`], which cannot write; every write happens in [`Database::write`] or
//! [`Database::write_guarded`], one transaction whose hints are published after the commit. Queries are free functions in [`query`], one file per noun.

pub mod channels;
pub mod copy;
pub mod database;
pub mod entity;
pub mod error;
pub mod migration;
pub mod pubsub;
pub mod query;

pub use copy::{CopyError, CopyProgress, CopyReport, copy};
pub use database::{
    Database, DirectoryLock, Guard, Location, LocationError, OpenError, OpenOptions, Pool, Tx,
};
pub use error::{DbError, DbResult};
pub use pubsub::{Notice, PubSub, Subscription};
/// Bound of read queries: a reader connection or a [`Tx`].
pub use sea_orm::ConnectionTrait;
