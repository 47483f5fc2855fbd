//! The stage of the cross-process tests and of the bench: a real server, a user at a terminal, a scripted model.
//!
//! Owns what several of them need. Must not assert what a single test is about.

pub mod browser;
pub mod chaos;
pub mod openssh;
pub mod processes;
pub mod session;
pub mod stage;
pub mod template;
