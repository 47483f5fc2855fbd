//! The built-in provisioner daemon: takes jobs from the queue and has them carried out.
//!
//! Owns: when to look for work, signs of life, cancellation, what becomes of jobs whose server is gone.
//! Must not: know what is in a job or how a result is stored.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{FutureExt, future::join_all};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};
use tokio_util::sync::CancellationToken;
use warren_app::{App, AppError, AppResult, jobs::AcquiredJob};
use warren_build_proto::{JobFailure, JobOutcome, LogLine};
use warren_db::{Notice, Subscription, channels};
use warren_provisioner::{LogSink, Provisioner};
use warren_rt::Tasks;
use warren_vocab::{JobId, JobStatus, JobType, RunnerId};

/// Jobs carried out at the same time. Terraform is bound by the processor, so more only slow each other down.
const WORKERS: usize = 2;
/// A look for work that no hint has announced.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
const REAP_INTERVAL: Duration = Duration::from_secs(60);
/// How long a log line may wait for company on its way to the database.
const LOG_FLUSH: Duration = Duration::from_millis(100);
const LOG_BATCH_MAX: usize = 200;
/// Lines that wait for the database. When there are more, Terraform waits.
const LOG_WAITING_MAX: usize = 1000;
const STORE_ATTEMPTS: u32 = 4;
const STORE_PAUSE: Duration = Duration::from_secs(1);

const LOST_BUILD: &str = "The server ended while this build was running, so its outcome is not known. What Terraform had recorded by then \
     was kept: start, stop or delete the workspace to bring it into a known state.";
const LOST_IMPORT: &str = "The server ended while this import was running. Push the template again.";
const STOPPED: &str = "The server was stopped while this job was running, so Terraform was interrupted.";

/// Starts the daemon's tasks.
pub(crate) fn start(app: App, provisioner: Provisioner, tasks: &Tasks) {
    let daemon = Arc::new(Daemon { app, provisioner, stopped: tasks.token() });
    let reaper = Arc::clone(&daemon);
    tasks.spawn("job reaper", async move { reaper.reap().await });
    let group = tasks.clone();
    tasks.spawn_graceful("provisioner start", async move {
        daemon.recover().await;
        for n in 1..=WORKERS {
            let daemon = Arc::clone(&daemon);
            group.spawn_graceful(format!("provisioner {n}"), async move { daemon.work().await });
        }
    });
}

struct Daemon {
    app: App,
    provisioner: Provisioner,
    stopped: CancellationToken,
}

/// Passes log lines on to the task's own writer.
struct Sink(mpsc::Sender<LogLine>);

#[async_trait]
impl LogSink for Sink {
    async fn write(&self, line: LogLine) {
        // The receiver is gone only when the job is being dropped.
        let _ = self.0.send(line).await;
    }
}

impl Daemon {
    /// Brings jobs of a server that is gone to a truthful end. Only one server uses a data directory at a time, so a job
    /// that is begun and has left something here has no worker any more. Where other servers share the database, the
    /// jobs that left nothing here may be theirs; if not, they end when they have been silent for too long.
    async fn recover(&self) {
        let jobs = match self.app.begun_jobs().await {
            Ok(jobs) => jobs,
            Err(error) => return tracing::error!(%error, "jobs of the last run could not be listed"),
        };
        let is_exclusive = self.app.db().is_exclusive();
        let own = jobs.into_iter().filter(|(id, _)| is_exclusive || self.provisioner.has_left(id.as_uuid()));
        join_all(own.map(|(id, kind)| async move {
            let text = match kind {
                JobType::WorkspaceBuild => LOST_BUILD,
                JobType::TemplateVersionImport | JobType::TemplateVersionDryRun => LOST_IMPORT,
            };
            let state = self.provisioner.recover(id.as_uuid()).await;
            tracing::warn!(job.id = %id, state = state.is_some(), "a job of the last run is ended as failed");
            if let Err(error) = self.app.lose_job(id, text, state.as_deref()).await {
                tracing::error!(job.id = %id, %error, "a job of the last run could not be ended");
            }
        }))
        .await;
        self.provisioner.clear().await;
    }

    async fn reap(&self) {
        let mut tick = interval(REAP_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match self.app.reap_jobs().await {
                Ok(0) => {}
                Ok(n_reaped) => tracing::warn!(n_reaped, "jobs without a living worker were ended"),
                Err(error) => tracing::error!(%error, "dead jobs could not be looked for"),
            }
        }
    }

    /// Carries out one job after the other until the server stops.
    async fn work(&self) {
        let mut hints = self.app.db().subscribe(channels::JOBS);
        while !self.stopped.is_cancelled() {
            let worker = RunnerId::new();
            match self.app.acquire_job(worker).await {
                Ok(Some(job)) => self.carry_out(job, worker).await,
                Ok(None) => self.wait(&mut hints).await,
                Err(error) => {
                    tracing::error!(%error, "no job could be taken");
                    self.wait(&mut hints).await;
                }
            }
        }
    }

    async fn wait(&self, hints: &mut Subscription) {
        tokio::select! {
            notice = hints.next() => {
                if notice.is_none() {
                    self.stopped.cancelled().await;
                }
            }
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            () = self.stopped.cancelled() => {}
        }
    }

    async fn carry_out(&self, job: AcquiredJob, worker: RunnerId) {
        let (id, begun) = (job.id, Instant::now());
        let run = AssertUnwindSafe(self.run(job, worker)).catch_unwind().await;
        let result =
            run.unwrap_or_else(|_| Err(JobFailure::new("the provisioner failed; the server's log says why")));
        let failed = result.is_err();
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match self.store(id, worker, result).await {
            Ok(()) => tracing::info!(job.id = %id, failed, duration_ms, "job ended"),
            Err(error) => tracing::error!(job.id = %id, %error, "the end of a job could not be stored"),
        }
    }

    async fn run(&self, job: AcquiredJob, worker: RunnerId) -> Result<JobOutcome, JobFailure> {
        let (id, request) = (job.id, job.request);
        let cancel = CancellationToken::new();
        let (sender, lines) = mpsc::channel(LOG_WAITING_MAX);
        let work = async {
            // Dropped at the end of the work, which ends the writing of the log.
            let sink = Sink(sender);
            self.provisioner.run(request, &sink, cancel.clone()).await
        };
        let work = async { tokio::join!(work, self.store_lines(id, worker, lines)).0 };
        let result = tokio::select! {
            result = work => result,
            never = self.watch(id, worker, &cancel) => match never {},
        };
        result.map_err(|failure| match failure.canceled && self.stopped.is_cancelled() {
            true => JobFailure { message: STOPPED.to_owned(), canceled: false, ..failure },
            false => failure,
        })
    }

    async fn store_lines(&self, id: JobId, worker: RunnerId, mut lines: mpsc::Receiver<LogLine>) {
        while let Some(first) = lines.recv().await {
            let mut batch = vec![first];
            let deadline = Instant::now() + LOG_FLUSH;
            while batch.len() < LOG_BATCH_MAX {
                let Ok(Some(line)) = timeout_at(deadline, lines.recv()).await else { break };
                batch.push(line);
            }
            if let Err(error) = self.app.append_job_logs(id, worker, batch).await {
                tracing::warn!(job.id = %id, %error, "log lines of a job were lost");
            }
        }
    }

    /// Tells that the job is alive, and interrupts it when its user, the reaper or the server's end wants that.
    async fn watch(
        &self,
        id: JobId,
        worker: RunnerId,
        cancel: &CancellationToken,
    ) -> std::convert::Infallible {
        let mut hints = self.app.db().subscribe(channels::JOBS);
        let mut beat = interval(HEARTBEAT_INTERVAL);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beat.tick() => {}
                notice = hints.next() => match notice {
                    Some(Notice::Hint(hint)) if hint != serde_json::json!(id.as_uuid()) => continue,
                    Some(Notice::Hint(_) | Notice::Lagged) => {}
                    None => std::future::pending().await,
                },
                () = self.stopped.cancelled(), if !cancel.is_cancelled() => {
                    cancel.cancel();
                    continue;
                }
            }
            match self.app.job_heartbeat(id, worker).await {
                Ok(JobStatus::Canceling) | Err(AppError::Conflict(_)) => cancel.cancel(),
                Ok(_) => {}
                Err(error) => tracing::warn!(job.id = %id, %error, "a job's sign of life was lost"),
            }
        }
    }

    /// Stores the end of a job. It is too precious to be lost to a busy database.
    async fn store(
        &self,
        id: JobId,
        worker: RunnerId,
        result: Result<JobOutcome, JobFailure>,
    ) -> AppResult<()> {
        let mut attempt = 1;
        loop {
            let stored = match result.clone() {
                Ok(outcome) => self.app.complete_job(id, worker, outcome).await,
                Err(failure) => self.app.fail_job(id, worker, failure).await,
            };
            match stored {
                Err(AppError::Db(error)) if attempt < STORE_ATTEMPTS => {
                    tracing::warn!(job.id = %id, %error, attempt, "the end of a job could not be stored yet");
                    attempt += 1;
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                other => return other,
            }
        }
    }
}
