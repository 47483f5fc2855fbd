//! Words of provisioner jobs and their logs.

use crate::word::words;

words! {
    /// The derived status of a provisioner job.
    JobStatus, "job status" {
        Pending = "pending",
        Running = "running",
        Canceling = "canceling",
        Canceled = "canceled",
        Succeeded = "succeeded",
        Failed = "failed",
        Unknown = "unknown",
    }
}

impl JobStatus {
    /// Reports whether the job has ended and will not change again.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Canceled | Self::Succeeded | Self::Failed => true,
            Self::Pending | Self::Running | Self::Canceling | Self::Unknown => false,
        }
    }
}

words! {
    /// What a provisioner job does.
    JobType, "job type" {
        TemplateVersionImport = "template_version_import",
        WorkspaceBuild = "workspace_build",
        TemplateVersionDryRun = "template_version_dry_run",
    }
}

words! {
    /// The severity of a log line, of a job or of an agent.
    LogLevel, "log level" {
        Trace = "trace",
        Debug = "debug",
        Info = "info",
        Warn = "warn",
        Error = "error",
    }
}

words! {
    /// Who wrote a job log line: Terraform's run, or the daemon around it.
    LogSource, "log source" {
        Provisioner = "provisioner",
        ProvisionerDaemon = "provisioner_daemon",
    }
}
