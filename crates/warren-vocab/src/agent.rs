//! Words of workspace agents and their apps.

use crate::word::words;

words! {
    /// Whether an agent can be reached; derived, never stored.
    AgentStatus, "agent status" {
        Connecting = "connecting",
        Connected = "connected",
        Disconnected = "disconnected",
        Timeout = "timeout",
    }
}

words! {
    /// How far an agent is with its start or stop scripts.
    AgentLifecycle, "agent lifecycle state" {
        Created = "created",
        Starting = "starting",
        StartTimeout = "start_timeout",
        StartError = "start_error",
        Ready = "ready",
        ShuttingDown = "shutting_down",
        ShutdownTimeout = "shutdown_timeout",
        ShutdownError = "shutdown_error",
        Off = "off",
    }
}

words! {
    /// Whether logins wait for the start scripts.
    StartupScriptBehavior, "startup script behavior" {
        Blocking = "blocking",
        NonBlocking = "non-blocking",
    }
}

words! {
    /// A built-in way into a workspace that the dashboard offers.
    DisplayApp, "display app" {
        Vscode = "vscode",
        VscodeInsiders = "vscode_insiders",
        WebTerminal = "web_terminal",
        PortForwardingHelper = "port_forwarding_helper",
        SshHelper = "ssh_helper",
    }
}

words! {
    /// Who may open an app.
    SharingLevel, "sharing level" {
        Owner = "owner",
        Authenticated = "authenticated",
        Organization = "organization",
        Public = "public",
    }
}

words! {
    /// Where the dashboard opens an app.
    OpenIn, "way to open an app" {
        SlimWindow = "slim-window",
        Tab = "tab",
    }
}

words! {
    /// What the last health check of an app found.
    AppHealth, "app health" {
        Disabled = "disabled",
        Initializing = "initializing",
        Healthy = "healthy",
        Unhealthy = "unhealthy",
    }
}
