//! Run-time services that know no domain word: named task groups, backoff, secrets, sealing, logging.

pub mod backoff;
pub mod logging;
pub mod sealer;
pub mod secret;
pub mod tasks;

pub use backoff::Backoff;
pub use sealer::{KeyId, SealError, Sealer};
pub use secret::Secret;
pub use tasks::Tasks;
