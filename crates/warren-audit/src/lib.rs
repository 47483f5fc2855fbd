//! Who changed what: origins of requests, tracked fields of rows, and entries of the audit log.
//!
//! [`record`] is called inside the transaction of the change, so that both commit or neither does. Which fields of a row
//! are tracked stands in [`tracked`]; must not know any use case.

pub mod diff;
pub mod entry;
pub mod origin;
pub mod record;
pub mod tracked;

pub use diff::{Tracked, clean_text};
pub use entry::Entry;
pub use origin::{Author, Origin};
pub use record::{record, row};
pub use tracked::Auditable;
