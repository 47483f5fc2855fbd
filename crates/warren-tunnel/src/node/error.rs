//! Why a connection to an agent could not be made, in words that say what was waited for and what to do.

use std::time::Duration;

use quinn::ConnectionError;
use warren_tunnel_proto::PeerStatus;

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server's decision about this agent, in its words.
    #[error("the server refused a tunnel to the workspace: {0}")]
    Refused(String),
    /// The server does not let this node in at all.
    #[error("{0}")]
    ServerRefused(String),
    #[error("no connection to the server after {}: {reason}", seconds(.waited))]
    NoServer { waited: Duration, reason: String },
    #[error("the server did not answer the request for a tunnel within {}", seconds(.waited))]
    NoDecision { waited: Duration },
    #[error(
        "the workspace agent was not connected to the server within {}: check that the workspace is running and look \
         at its agent's log",
        seconds(.waited)
    )]
    AgentAbsent { waited: Duration },
    /// The agent may be connected to another server of the deployment.
    #[error("the workspace agent could not be reached within {}: {reason}", seconds(.waited))]
    AgentUnreachable { waited: Duration, reason: String },
    #[error("the workspace agent did not acknowledge this client within {}", seconds(.waited))]
    AgentSilent { waited: Duration },
    #[error("the WireGuard handshake with the workspace agent did not finish within {}", seconds(.waited))]
    NoHandshake { waited: Duration },
    #[error("the workspace agent did not open a connection within {}", seconds(.waited))]
    NoAnswer { waited: Duration },
    #[error("the connection to the workspace agent broke while it was being made")]
    Broken(#[source] ConnectionError),
    #[error("the tunnel has been shut down")]
    Stopped,
}

impl ConnectError {
    pub(super) fn timed_out(waited: Duration, status: PeerStatus, link_reason: String) -> ConnectError {
        match status {
            PeerStatus::LinkDown => {
                let reason = if link_reason.is_empty() { "still connecting".to_owned() } else { link_reason };
                ConnectError::NoServer { waited, reason }
            }
            PeerStatus::Unknown | PeerStatus::WaitingForServer => ConnectError::NoDecision { waited },
            PeerStatus::AgentAbsent => ConnectError::AgentAbsent { waited },
            PeerStatus::AgentUnreachable(reason) => ConnectError::AgentUnreachable { waited, reason },
            PeerStatus::WaitingForAgent => ConnectError::AgentSilent { waited },
            PeerStatus::Handshaking => ConnectError::NoHandshake { waited },
            PeerStatus::Refused(message) => ConnectError::Refused(message),
            PeerStatus::Connected => ConnectError::NoAnswer { waited },
        }
    }
}

fn seconds(duration: &Duration) -> String {
    format!("{} s", duration.as_secs_f32().ceil())
}
