//! Chats as pure decisions: the execution state table, worker fences, what a turn does next, the tool ledger, the
//! merging of streamed parts and one viewer's stream.
//!
//! Nothing here knows a database, a clock, a random number or a socket. The durable half is the function [`step::step`],
//! which runs inside the transaction that holds the chat's row; the ephemeral half is the poll object
//! [`stream::StreamLoop`].

pub mod action;
pub mod approval;
pub mod buffer;
pub mod compaction;
pub mod decide;
pub mod draft;
pub mod error;
pub mod fence;
pub mod ledger;
pub mod message;
pub mod part;
pub mod relay;
pub mod repair;
pub mod state;
pub mod step;
pub mod stream;

pub use action::{ActionRequired, Approval, ApprovalReason};
pub use buffer::{PartBuffer, PartShelf};
pub use decide::{CallKind, Ending, Entry, Next, OpenCall, next, open_calls};
pub use draft::{Draft, arguments, cut_short, merge, nests_deeper};
pub use error::{ChatError, RetryState};
pub use fence::{Fence, Stale, check_fence};
pub use ledger::{LedgerState, Repeat, Verdict, verdict};
pub use message::{Message, QueuedMessage, Usage};
pub use part::{Part, StreamPart};
pub use relay::{DialError, DialId, RelayCommand, RelaySession, Target};
pub use repair::{PromptMessage, for_prompt};
pub use state::{ChatState, Execution, Lease, Versions};
pub use step::{Effect, Illegal, Input, step};
pub use stream::{BadCursor, Episode, Snapshot, StreamCommand, StreamCursor, StreamEvent, StreamLoop};

#[cfg(test)]
mod interleavings;
