//! Jobs as whoever carries them out sees them: taking the next one, reporting on it, ending it.
//!
//! Owns: that every change of a job passes through its machine, in one transaction with all that follows from it.
//! Must not: run anything.

mod build_result;
mod import_result;
mod logs;
mod request;
mod rows;

use chrono::{DateTime, TimeDelta, Utc};
use warren_build_proto::{
    Effect, Illegal, Job, JobFailure, JobInput, JobOutcome, JobRequest, LogBudget, LogLine,
    PENDING_MAX_MINUTES, RUNNING_SILENT_MAX_MINUTES, step,
};
use warren_db::{
    DbError, Guard, Tx,
    entity::provisioner_jobs,
    query::{self, jobs::NewJobLog},
};
use warren_vocab::{JobId, JobStatus, JobType, RunnerId, WorkspaceId};

use crate::{
    App,
    details::job_of,
    error::{AppError, AppResult},
    job_input,
};

/// The most jobs that one look for dead ones ends.
const REAPED_MAX: u64 = 10;

/// A job that a worker has taken, with all that it needs.
#[derive(Debug)]
pub struct AcquiredJob {
    pub id: JobId,
    pub request: JobRequest,
}

impl App {
    /// Gives the job that has waited longest to a worker; `None` when none waits.
    ///
    /// # Errors
    /// The database fails. A job whose request cannot be put together is failed, and the next one is tried.
    pub async fn acquire_job(&self, worker: RunnerId) -> AppResult<Option<AcquiredJob>> {
        loop {
            let Some(row) = self.take_oldest(worker).await? else { return Ok(None) };
            let id = JobId::from_uuid(row.id);
            match self.job_request(&row).await {
                Ok(request) => return Ok(Some(AcquiredJob { id, request })),
                Err(error) => {
                    tracing::error!(job.id = %id, %error, "a job could not be prepared");
                    let failure = JobFailure::new(format!("the job could not be prepared: {error}"));
                    self.fail_job(id, worker, failure).await?;
                }
            }
        }
    }

    /// Tells that a job's worker is alive, and returns the job's status, which changes when a user cancels it.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when the job is not the worker's any more.
    pub async fn job_heartbeat(&self, id: JobId, worker: RunnerId) -> AppResult<JobStatus> {
        self.db()
            .write_guarded(Guard::job(id), async |tx| {
                advance(tx, id, JobInput::Heartbeat { worker }).await.map(|job| job.status())
            })
            .await
    }

    /// Adds lines to the log of a worker's job. What no longer fits is dropped, with a notice.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when the job is not the worker's any more.
    pub async fn append_job_logs(&self, id: JobId, worker: RunnerId, lines: Vec<LogLine>) -> AppResult<()> {
        self.db()
            .write_guarded(Guard::job(id), async |tx| {
                advance(tx, id, JobInput::Log { worker }).await?;
                write_lines(tx, id, lines).await
            })
            .await
    }

    /// Ends a job and stores what it has made. A result that contradicts itself fails the job instead.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when the job is not the worker's any more.
    pub async fn complete_job(&self, id: JobId, worker: RunnerId, outcome: JobOutcome) -> AppResult<()> {
        let state = match &outcome {
            JobOutcome::Build(build) => Some(build.state.clone()),
            JobOutcome::Import(_) => None,
        };
        let stored = self
            .db()
            .write(async |tx| {
                advance(tx, id, JobInput::Complete { worker }).await?;
                self.store_outcome(tx, id, &outcome).await
            })
            .await;
        match stored {
            Err(AppError::Invalid(why)) => {
                let failure = JobFailure { state, ..JobFailure::new(why.message) };
                self.fail_job(id, worker, failure).await
            }
            other => other,
        }
    }

    /// Ends a job that has failed, or that stopped because its user wanted it to.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when the job is not the worker's any more.
    pub async fn fail_job(&self, id: JobId, worker: RunnerId, failure: JobFailure) -> AppResult<()> {
        self.db()
            .write(async |tx| {
                let row = find(tx, id).await?;
                // Nothing was changed by a job that was stopped before it touched the state.
                let clean = failure.canceled && failure.state.is_none() && row.canceled_at.is_some();
                let input = if clean {
                    JobInput::Complete { worker }
                } else {
                    JobInput::Fail { worker, error: failure.message.clone(), code: failure.code }
                };
                advance(tx, id, input).await?;
                self.store_state(tx, &row, failure.state.as_deref()).await
            })
            .await
    }

    /// Lists jobs that were begun and not ended. At start-up these are the jobs of a server that is gone.
    pub async fn begun_jobs(&self) -> AppResult<Vec<(JobId, JobType)>> {
        let rows = query::jobs::begun(self.db().reader()).await?;
        let id_and_type = |row: provisioner_jobs::Model| {
            // One of a kind that only a newer program knows is that program's business.
            Some((JobId::from_uuid(row.id), row.type_.parse().ok()?))
        };
        Ok(rows.into_iter().filter_map(id_and_type).collect())
    }

    /// Ends a job whose worker is known to be gone, keeping the state that was found.
    pub async fn lose_job(&self, id: JobId, error: &str, state: Option<&[u8]>) -> AppResult<()> {
        self.db()
            .write(async |tx| {
                let row = find(tx, id).await?;
                advance(tx, id, JobInput::OwnerLost { error: error.to_owned() }).await?;
                self.store_state(tx, &row, state).await
            })
            .await
    }

    /// Ends jobs that nobody works on any more; returns how many.
    pub async fn reap_jobs(&self) -> AppResult<usize> {
        let now = query::clock::now(self.db().reader()).await?;
        let running = now - TimeDelta::minutes(RUNNING_SILENT_MAX_MINUTES);
        let pending = now - TimeDelta::minutes(PENDING_MAX_MINUTES);
        let candidates = query::jobs::silent_since(self.db().reader(), running, pending, REAPED_MAX).await?;
        let mut n_reaped = 0;
        for row in candidates {
            let id = JobId::from_uuid(row.id);
            let ended = self.db().write(async |tx| {
                // Another server may have ended it meanwhile.
                let is_over = find(tx, id).await?.completed_at.is_some();
                Ok::<_, AppError>(!is_over && advance(tx, id, JobInput::Clock).await?.is_complete())
            });
            n_reaped += usize::from(ended.await?);
        }
        Ok(n_reaped)
    }

    async fn take_oldest(&self, worker: RunnerId) -> AppResult<Option<provisioner_jobs::Model>> {
        self.db()
            .write(async |tx| {
                let Some(row) = query::jobs::oldest_pending(tx).await? else { return Ok(None) };
                advance(tx, JobId::from_uuid(row.id), JobInput::Acquire { worker }).await?;
                Ok(Some(row))
            })
            .await
    }

    async fn store_outcome(&self, tx: &Tx, id: JobId, outcome: &JobOutcome) -> AppResult<()> {
        let row = find(tx, id).await?;
        let input = job_input::JobInput::from_stored(&row.input)?;
        match (outcome, input.template_version_id, input.workspace_build_id) {
            (JobOutcome::Import(import), Some(version), _) => {
                import_result::store(tx, id, version, import).await
            }
            (JobOutcome::Build(build), _, Some(id)) => {
                self.store_build_state(tx, id, &build.state).await?;
                build_result::store(tx, id, build).await
            }
            (JobOutcome::Import(_) | JobOutcome::Build(_), _, _) => {
                Err(DbError::Corrupt { what: "job input" }.into())
            }
        }
    }

    /// Keeps the state that a failed build has left; without one the build keeps what it began with.
    async fn store_state(
        &self,
        tx: &Tx,
        row: &provisioner_jobs::Model,
        state: Option<&[u8]>,
    ) -> AppResult<()> {
        let build = job_input::JobInput::from_stored(&row.input)?.workspace_build_id;
        match (build, state) {
            (Some(build), Some(state)) => self.store_build_state(tx, build, state).await,
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }

    async fn store_build_state(&self, tx: &Tx, build: warren_vocab::BuildId, state: &[u8]) -> AppResult<()> {
        let sealed = if state.is_empty() { Vec::new() } else { self.sealer().seal(state) };
        Ok(query::builds::set_state(tx, build, sealed).await?)
    }
}

async fn find(tx: &Tx, id: JobId) -> AppResult<provisioner_jobs::Model> {
    query::job_rows::by_id(tx, id).await?.ok_or(AppError::NotFound)
}

/// Applies an input to a job, stores the result and announces it.
async fn advance(tx: &Tx, id: JobId, input: JobInput) -> AppResult<Job> {
    let row = find(tx, id).await?;
    // The signs of life of one server are judged by another.
    let now = query::clock::now(tx).await?;
    let (job, effects) = step(&job_of(&row), input, now).map_err(refused)?;
    query::jobs::set_progress(tx, id, progress(&job)).await?;
    for effect in effects {
        match effect {
            Effect::AnnounceStatus => announce(tx, &row).await?,
            Effect::AnnounceEndOfLog => query::jobs::notify_logs(tx, id),
            Effect::InterruptWorker => tx.notify(warren_db::channels::JOBS, serde_json::json!(row.id)),
            Effect::WriteReaperLines(hung) => {
                let stage = query::jobs::last_stage(tx, id).await?.unwrap_or_default();
                write_lines(tx, id, hung.lines(&stage, now)).await?;
            }
        }
    }
    Ok(job)
}

fn progress(job: &Job) -> query::jobs::Progress {
    query::jobs::Progress {
        updated_at: job.updated_at,
        started_at: job.started_at,
        canceled_at: job.canceled_at,
        completed_at: job.completed_at,
        worker_id: job.worker.map(RunnerId::as_uuid),
        error: job.error.clone(),
        error_code: job.error_code.map(|code| code.as_str().to_owned()),
    }
}

fn refused(illegal: Illegal) -> AppError {
    AppError::conflict(illegal.to_string())
}

/// Wakes those who watch the workspace that the job belongs to.
async fn announce(tx: &Tx, row: &provisioner_jobs::Model) -> AppResult<()> {
    let input = job_input::JobInput::from_stored(&row.input)?;
    let Some(build) = input.workspace_build_id else { return Ok(()) };
    if let Some(build) = query::builds::by_id(tx, build).await? {
        query::workspaces::notify_changed(tx, WorkspaceId::from_uuid(build.workspace_id));
    }
    Ok(())
}

async fn write_lines(tx: &Tx, id: JobId, lines: Vec<LogLine>) -> AppResult<()> {
    let row = find(tx, id).await?;
    let bytes = usize::try_from(row.logs_length).unwrap_or(0);
    let admission = LogBudget { bytes, overflowed: row.logs_overflowed }.admit(lines);
    let new = |line: LogLine| NewJobLog {
        created_at: precise(line.created_at),
        source: line.source,
        level: line.level,
        stage: line.stage,
        output: line.output,
    };
    let lines: Vec<_> = admission.lines.into_iter().map(new).collect();
    let length = i32::try_from(admission.budget.bytes).unwrap_or(i32::MAX);
    query::jobs::append_logs(tx, id, &lines, length, admission.budget.overflowed).await?;
    Ok(())
}

/// The precision that every database keeps.
fn precise(time: DateTime<Utc>) -> DateTime<Utc> {
    use chrono::SubsecRound;
    time.trunc_subsecs(6)
}

#[cfg(test)]
mod tests;
