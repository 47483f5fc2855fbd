//! One job from its creation to its end.
//!
//! | status    | Acquire | Heartbeat, Log | Complete  | Fail   | Cancel    | OwnerLost |
//! |-----------|---------|----------------|-----------|--------|-----------|-----------|
//! | pending   | running | –              | –         | –      | canceled  | pending   |
//! | running   | –       | running        | succeeded | failed | canceling | failed    |
//! | canceling | –       | canceling      | canceled  | failed | –         | failed    |
//! | succeeded | –       | –              | –         | –      | –         | succeeded |
//! | canceled  | –       | –              | –         | –      | –         | canceled  |
//! | failed    | –       | –              | –         | –      | –         | failed    |
//!
//! A dash is [`Illegal`]. `Heartbeat`, `Log`, `Complete` and `Fail` are legal for the job's own worker only. The
//! clock input moves a job by the rules of [`crate::hung`]. An error beats a cancellation: a job whose owner
//! reports a failure after it was told to stop is `failed`, because something may have been left half made.

use chrono::{DateTime, Utc};
use thiserror::Error;
use warren_vocab::{JobStatus, RunnerId};

use crate::hung::{HungJob, hung};

/// A machine-readable reason of a failure that clients act upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobErrorCode {
    /// A parameter without a value; clients ask for it and try again.
    MissingTemplateParameter,
    /// A Terraform variable without a value.
    RequiredTemplateVariables,
    /// The build would cost more than the owner may spend.
    InsufficientQuota,
}

impl JobErrorCode {
    /// Returns the word used by the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingTemplateParameter => "MISSING_TEMPLATE_PARAMETER",
            Self::RequiredTemplateVariables => "REQUIRED_TEMPLATE_VARIABLES",
            Self::InsufficientQuota => "INSUFFICIENT_QUOTA",
        }
    }
}

/// The facts about a job that decide its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub created_at: DateTime<Utc>,
    /// Changes with each sign of life of the job's worker.
    pub updated_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub canceled_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub worker: Option<RunnerId>,
    /// What went wrong, as one sentence for the user.
    pub error: Option<String>,
    pub error_code: Option<JobErrorCode>,
}

/// What can happen to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobInput {
    /// A worker takes the job.
    Acquire { worker: RunnerId },
    /// The worker is alive.
    Heartbeat { worker: RunnerId },
    /// The worker has written log lines.
    Log { worker: RunnerId },
    /// The worker has finished without an error.
    Complete { worker: RunnerId },
    /// The worker gives up.
    Fail { worker: RunnerId, error: String, code: Option<JobErrorCode> },
    /// A user wants the job to stop.
    Cancel,
    /// The process that ran the job's worker is known to be gone.
    OwnerLost { error: String },
    /// Time has passed.
    Clock,
}

/// What the caller has to do after it has committed the new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell readers that the status has changed.
    AnnounceStatus,
    /// Tell readers of the log that no line follows.
    AnnounceEndOfLog,
    /// Make the worker interrupt its work.
    InterruptWorker,
    /// Write the reaper's lines to the job's log.
    WriteReaperLines(HungJob),
}

/// An input that the job's state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Illegal {
    #[error("the job is complete already")]
    Complete,
    #[error("the job has been taken by a worker already")]
    Taken,
    #[error("the job has not been started")]
    NotStarted,
    #[error("the job belongs to another worker")]
    NotOwner,
    #[error("the job has been marked as canceled already")]
    CancelRequested,
}

impl Job {
    /// Returns a job that waits for a worker.
    pub fn pending(created_at: DateTime<Utc>) -> Self {
        Self {
            created_at,
            updated_at: created_at,
            started_at: None,
            canceled_at: None,
            completed_at: None,
            worker: None,
            error: None,
            error_code: None,
        }
    }

    /// Returns the status that follows from the facts.
    pub fn status(&self) -> JobStatus {
        if self.error.as_deref().is_some_and(|error| !error.is_empty()) {
            return JobStatus::Failed;
        }
        match (self.completed_at.is_some(), self.canceled_at.is_some(), self.started_at.is_some()) {
            (true, true, _) => JobStatus::Canceled,
            (true, false, _) => JobStatus::Succeeded,
            (false, true, _) => JobStatus::Canceling,
            (false, false, false) => JobStatus::Pending,
            (false, false, true) => JobStatus::Running,
        }
    }

    /// Says whether nothing can happen to the job any more.
    pub fn is_complete(&self) -> bool {
        self.completed_at.is_some()
    }
}

/// Applies one input to a job.
///
/// # Errors
/// [`Illegal`] when the table above has a dash; the job is unchanged then.
pub fn step(job: &Job, input: JobInput, now: DateTime<Utc>) -> Result<(Job, Vec<Effect>), Illegal> {
    match input {
        JobInput::Acquire { worker } => acquire(job, worker, now),
        JobInput::Heartbeat { worker } | JobInput::Log { worker } => {
            owned(job, worker)?;
            Ok((Job { updated_at: now, ..job.clone() }, vec![]))
        }
        JobInput::Complete { worker } => {
            owned(job, worker)?;
            Ok(ended(job, None, now))
        }
        JobInput::Fail { worker, error, code } => {
            owned(job, worker)?;
            Ok(ended(job, Some((error, code)), now))
        }
        JobInput::Cancel => cancel(job, now),
        JobInput::OwnerLost { error } => Ok(owner_lost(job, error, now)),
        JobInput::Clock => Ok(clock(job, now)),
    }
}

fn acquire(job: &Job, worker: RunnerId, now: DateTime<Utc>) -> Result<(Job, Vec<Effect>), Illegal> {
    if job.is_complete() {
        return Err(Illegal::Complete);
    }
    if job.started_at.is_some() {
        return Err(Illegal::Taken);
    }
    let job = Job { started_at: Some(now), updated_at: now, worker: Some(worker), ..job.clone() };
    Ok((job, vec![Effect::AnnounceStatus]))
}

fn owned(job: &Job, worker: RunnerId) -> Result<(), Illegal> {
    if job.is_complete() {
        return Err(Illegal::Complete);
    }
    match job.worker {
        None => Err(Illegal::NotStarted),
        Some(owner) if owner == worker => Ok(()),
        Some(_) => Err(Illegal::NotOwner),
    }
}

fn cancel(job: &Job, now: DateTime<Utc>) -> Result<(Job, Vec<Effect>), Illegal> {
    if job.is_complete() {
        return Err(Illegal::Complete);
    }
    if job.canceled_at.is_some() {
        return Err(Illegal::CancelRequested);
    }
    let job = Job { canceled_at: Some(now), ..job.clone() };
    if job.started_at.is_none() {
        return Ok(ended(&job, None, now));
    }
    Ok((job, vec![Effect::AnnounceStatus, Effect::InterruptWorker]))
}

fn owner_lost(job: &Job, error: String, now: DateTime<Utc>) -> (Job, Vec<Effect>) {
    if job.is_complete() || job.started_at.is_none() {
        return (job.clone(), vec![]);
    }
    ended(job, Some((error, None)), now)
}

fn clock(job: &Job, now: DateTime<Utc>) -> (Job, Vec<Effect>) {
    let Some(found) = hung(job, now) else { return (job.clone(), vec![]) };
    let job = Job { started_at: job.started_at.or(Some(now)), ..job.clone() };
    let (job, mut effects) = ended(&job, Some((found.error(), None)), now);
    effects.insert(0, Effect::WriteReaperLines(found));
    (job, effects)
}

fn ended(
    job: &Job,
    failure: Option<(String, Option<JobErrorCode>)>,
    now: DateTime<Utc>,
) -> (Job, Vec<Effect>) {
    let (error, error_code) = match failure {
        // A failure without words would read as a success.
        Some((error, code)) if error.is_empty() => (Some("the job failed without a reason".to_owned()), code),
        Some((error, code)) => (Some(error), code),
        None => (None, None),
    };
    let job = Job { completed_at: Some(now), updated_at: now, error, error_code, ..job.clone() };
    (job, vec![Effect::AnnounceStatus, Effect::AnnounceEndOfLog])
}

#[cfg(test)]
mod tests;
