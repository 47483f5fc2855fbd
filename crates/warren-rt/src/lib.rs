//! Run-time services that know no domain word: named task groups, backoff, secrets, sealing, logging and what logs tell.

pub mod backoff;
pub mod causes;
pub mod logging;
pub mod sealer;
pub mod secret;
pub mod tasks;

pub use backoff::Backoff;
pub use causes::Causes;
pub use sealer::{KeyId, SealError, Sealer};
pub use secret::Secret;
pub use tasks::Tasks;
