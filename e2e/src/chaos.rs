//! A campaign of faults over several servers on one database, and the proof that nobody noticed more than a pause.
//!
//! The plan of faults is a pure function of a seed; when they strike on a real machine is not. What viewers saw is judged
//! by a checker that knows no clock and no network. See `docs/reliability.md`.

mod checker;
mod dice;
mod driver;
mod effects;
mod floors;
mod judge;
mod observer;
mod plan;
pub mod rolling;
mod run;
mod script;
mod sender;
mod summary;
mod tally;
mod viewer;

pub use run::{Options, run};
pub use summary::Summary;
