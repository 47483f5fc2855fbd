//! The status of a workspace as its users see it.

use warren_vocab::{JobStatus, Transition, WorkspaceStatus};

/// Returns the status of a workspace from the transition and the job of its latest build.
pub fn workspace_status(transition: Transition, job: JobStatus) -> WorkspaceStatus {
    match job {
        JobStatus::Pending | JobStatus::Unknown => WorkspaceStatus::Pending,
        JobStatus::Running => match transition {
            Transition::Start => WorkspaceStatus::Starting,
            Transition::Stop => WorkspaceStatus::Stopping,
            Transition::Delete => WorkspaceStatus::Deleting,
        },
        JobStatus::Succeeded => match transition {
            Transition::Start => WorkspaceStatus::Running,
            Transition::Stop => WorkspaceStatus::Stopped,
            Transition::Delete => WorkspaceStatus::Deleted,
        },
        JobStatus::Canceling => WorkspaceStatus::Canceling,
        JobStatus::Canceled => WorkspaceStatus::Canceled,
        JobStatus::Failed => WorkspaceStatus::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_job_status_gives_the_word_that_clients_expect() {
        use {JobStatus as J, Transition as T, WorkspaceStatus as W};
        for (job, words) in [
            (J::Pending, [W::Pending, W::Pending, W::Pending]),
            (J::Running, [W::Starting, W::Stopping, W::Deleting]),
            (J::Succeeded, [W::Running, W::Stopped, W::Deleted]),
            (J::Canceling, [W::Canceling; 3]),
            (J::Canceled, [W::Canceled; 3]),
            (J::Failed, [W::Failed; 3]),
            (J::Unknown, [W::Pending; 3]),
        ] {
            assert_eq!([T::Start, T::Stop, T::Delete].map(|t| workspace_status(t, job)), words, "{job:?}");
        }
    }
}
