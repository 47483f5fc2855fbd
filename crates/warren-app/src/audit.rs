//! The audit log: recording comes from `warren-audit`; this adds what users do with the log.

pub use warren_audit::{Auditable, Author, Entry, Origin, Tracked, record};
