//! The life cycle of jobs and builds as pure functions, and the types that pass between a job's owner and the
//! provisioner that carries it out.
//!
//! Owns: the job state machine ([`step`]), the reaper's decisions ([`hung`]), a workspace's status as a function
//! of its latest build ([`workspace_status`]), the budget of a job's log ([`LogBudget`]).
//! Must not: read a clock, touch a database, a file or the network.

mod hung;
mod job;
mod log;
mod outcome;
mod request;
mod status;

pub use hung::{HungJob, HungKind, PENDING_MAX_MINUTES, RUNNING_SILENT_MAX_MINUTES, hung};
pub use job::{Effect, Illegal, Job, JobErrorCode, JobInput, step};
pub use log::{Admission, LOG_BYTES_MAX, LOG_LINE_CHARS_MAX, LOG_STAGE_CHARS_MAX, LogBudget, LogLine};
pub use outcome::{
    Agent, AgentAuth, AgentMetadata, App, BuildOutcome, DisplayApps, Env, Healthcheck, ImportOutcome,
    JobFailure, JobOutcome, MetadataItem, Parameter, ParameterOption, ParameterValidation, Resource, Script,
};
pub use request::{
    AgentScripts, BuildRequest, ImportRequest, JobRequest, NamedValue, OwnerMetadata, RoleMetadata,
    SecretText, TemplateMetadata, WorkspaceIdentity, WorkspaceMetadata,
};
pub use status::workspace_status;
