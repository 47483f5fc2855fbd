//! Follows a provisioner job from the queue to its end, with its log lines grouped by stage.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use warren_api::jobs::{ProvisionerJob, ProvisionerJobLog};
use warren_rt::Backoff;
use warren_sdk::{Client, JsonFrames, SdkError};
use warren_vocab::{BuildId, JobLogId, JobStatus, TemplateVersionId};

use crate::output;

mod stages;

pub use stages::Stages;

const QUEUE_LOOK: Duration = Duration::from_secs(2);
/// How long a server may stay away before the wait is given up; the job itself goes on.
const SERVER_AWAY_MAX: Duration = Duration::from_secs(120);

/// Whose job is followed.
#[derive(Debug, Clone, Copy)]
pub enum Subject {
    Import(TemplateVersionId),
    Build(BuildId),
}

impl Subject {
    async fn job(self, client: &Client) -> Result<ProvisionerJob, SdkError> {
        match self {
            Self::Import(id) => client.template_version(id).await.map(|version| version.job),
            Self::Build(id) => client.workspace_build(id).await.map(|build| build.job),
        }
    }

    async fn open(
        self,
        client: &Client,
        after: Option<JobLogId>,
    ) -> Result<JsonFrames<ProvisionerJobLog>, SdkError> {
        match self {
            Self::Import(id) => client.follow_template_version_logs(id, after).await,
            Self::Build(id) => client.follow_workspace_build_logs(id, after).await,
        }
    }
}

/// Prints the job's log lines with `print` until it ends, and returns it however it ended; a server that restarts
/// meanwhile is waited for.
///
/// # Errors
/// When the server refuses or stays away.
pub async fn follow(
    client: &Client,
    subject: Subject,
    verbose: bool,
    print: fn(&str),
) -> anyhow::Result<ProvisionerJob> {
    let mut follower = Follower { client, subject, stages: Stages::new(verbose), last: None, print };
    let job = follower.run().await?;
    if let Some(line) = follower.stages.finish(job.status == JobStatus::Succeeded) {
        print(&line);
    }
    Ok(job)
}

/// Prints the job's log lines on standard output and expects it to succeed.
///
/// # Errors
/// As [`follow`], and when the job failed or was canceled.
pub async fn expect_success(client: &Client, subject: Subject, verbose: bool) -> anyhow::Result<()> {
    outcome(&follow(client, subject, verbose, output::line).await?)
}

fn outcome(job: &ProvisionerJob) -> anyhow::Result<()> {
    match job.status {
        JobStatus::Succeeded => Ok(()),
        JobStatus::Failed => {
            bail!("the job failed: {}", job.error.as_deref().unwrap_or("no reason was recorded"))
        }
        JobStatus::Canceled | JobStatus::Canceling => bail!("the job was canceled"),
        JobStatus::Pending | JobStatus::Running | JobStatus::Unknown => {
            bail!("the log ended while the job is {}; follow it again with `warren logs -f`", job.status)
        }
    }
}

struct Follower<'a> {
    client: &'a Client,
    subject: Subject,
    stages: Stages,
    last: Option<JobLogId>,
    print: fn(&str),
}

impl Follower<'_> {
    async fn run(&mut self) -> anyhow::Result<ProvisionerJob> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(3));
        let mut away_since: Option<Instant> = None;
        loop {
            let seen = self.last;
            let failure = match self.attempt().await {
                Ok(job) if job.completed_at.is_some() => return Ok(job),
                // The log of a job ends with the job; anything else is a server that is stopping.
                Ok(_) => None,
                Err(error) if error.is_transient() => Some(error),
                Err(error) => return Err(error.into()),
            };
            if self.last != seen {
                away_since = None;
                backoff.reset();
            }
            let since = *away_since.get_or_insert_with(|| {
                output::note("The connection to the server was lost; waiting for it to come back.");
                Instant::now()
            });
            if since.elapsed() > SERVER_AWAY_MAX {
                let error = failure.map_or_else(|| anyhow::anyhow!("it ends every log early"), Into::into);
                return Err(error).context("the server did not come back within 120 s");
            }
            backoff.wait().await;
        }
    }

    async fn attempt(&mut self) -> Result<ProvisionerJob, SdkError> {
        let mut frames = self.subject.open(self.client, self.last).await?;
        let mut queue = tokio::time::interval(QUEUE_LOOK);
        queue.tick().await;
        let mut told = String::new();
        loop {
            let frame = if self.last.is_some() {
                frames.next().await
            } else {
                tokio::select! {
                    frame = frames.next() => frame,
                    _ = queue.tick() => {
                        self.tell_queue(&mut told).await?;
                        continue;
                    }
                }
            };
            match frame {
                Some(Ok(log)) => self.print(&log),
                Some(Err(error)) => return Err(error),
                None => return self.subject.job(self.client).await,
            }
        }
    }

    fn print(&mut self, log: &ProvisionerJobLog) {
        // A server may send a line again after a reconnect.
        if self.last.is_some_and(|last| log.id <= last) {
            return;
        }
        self.last = Some(log.id);
        for line in self.stages.line(log) {
            (self.print)(&line);
        }
    }

    async fn tell_queue(&self, told: &mut String) -> Result<(), SdkError> {
        let job = self.subject.job(self.client).await?;
        let text = match job.status {
            JobStatus::Pending if job.queue_size > 0 => {
                format!(
                    "Waiting for a free provisioner: number {} of {} in the queue.",
                    job.queue_position, job.queue_size
                )
            }
            JobStatus::Pending => "Waiting for a free provisioner.".to_owned(),
            JobStatus::Running
            | JobStatus::Succeeded
            | JobStatus::Canceling
            | JobStatus::Canceled
            | JobStatus::Failed
            | JobStatus::Unknown => return Ok(()),
        };
        if *told != text {
            output::note(&text);
            *told = text;
        }
        Ok(())
    }
}
