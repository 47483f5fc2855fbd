//! Words of workspaces and their builds.

use crate::word::words;

words! {
    /// What a build does to its workspace.
    Transition, "transition" {
        Start = "start",
        Stop = "stop",
        Delete = "delete",
    }
}

words! {
    /// The status of a workspace, derived from its latest build.
    WorkspaceStatus, "workspace status" {
        Pending = "pending",
        Starting = "starting",
        Running = "running",
        Stopping = "stopping",
        Stopped = "stopped",
        Failed = "failed",
        Canceling = "canceling",
        Canceled = "canceled",
        Deleting = "deleting",
        Deleted = "deleted",
    }
}

words! {
    /// Why a build was made.
    BuildReason, "build reason" {
        Initiator = "initiator",
        Autostart = "autostart",
        Autostop = "autostop",
        Dormancy = "dormancy",
        Dashboard = "dashboard",
        Cli = "cli",
        SshConnection = "ssh_connection",
        VscodeConnection = "vscode_connection",
        JetbrainsConnection = "jetbrains_connection",
        TaskAutoPause = "task_auto_pause",
        TaskManualPause = "task_manual_pause",
        TaskResume = "task_resume",
    }
}

words! {
    /// Whether a workspace moves to its template's active version by itself when it starts.
    AutomaticUpdates, "automatic updates policy" {
        Always = "always",
        Never = "never",
    }
}
