//! The headings under which options stand in help and documentation.

/// A heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Networking,
    Http,
    Tls,
    Sessions,
    Database,
    Github,
    Oidc,
    Provisioning,
    Chats,
    Client,
    Prometheus,
    Tracing,
    Logging,
    Retention,
    Other,
}

impl Group {
    /// Every group, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Networking,
        Self::Http,
        Self::Tls,
        Self::Sessions,
        Self::Database,
        Self::Github,
        Self::Oidc,
        Self::Provisioning,
        Self::Chats,
        Self::Client,
        Self::Prometheus,
        Self::Tracing,
        Self::Logging,
        Self::Retention,
        Self::Other,
    ];

    /// Returns the heading.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Networking => "Networking",
            Self::Http => "Networking / HTTP",
            Self::Tls => "Networking / TLS",
            Self::Sessions => "Sessions and tokens",
            Self::Database => "Database",
            Self::Github => "Sign-in / GitHub",
            Self::Oidc => "Sign-in / OIDC",
            Self::Provisioning => "Provisioning",
            Self::Chats => "Chats",
            Self::Client => "Client",
            Self::Prometheus => "Introspection / Prometheus",
            Self::Tracing => "Introspection / Tracing",
            Self::Logging => "Introspection / Logging",
            Self::Retention => "Retention",
            Self::Other => "Other",
        }
    }

    /// Says what the options are about; empty where the heading does.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Networking => "How users and workspaces reach the server.",
            Self::Tls => "Certificates can also be left to a proxy in front of the server.",
            Self::Sessions => "Lifetimes of sessions and tokens.",
            Self::Database => "Where the deployment is kept.",
            Self::Github => "Signing in with GitHub works once a client id is set.",
            Self::Oidc => "Signing in with OpenID Connect works once issuer and client id are set.",
            Self::Chats => "How much this server takes on and how long it waits for models.",
            Self::Client => "What the command line of users is told.",
            Self::Retention => "How long old rows are kept; 0 keeps them for ever.",
            Self::Http
            | Self::Provisioning
            | Self::Prometheus
            | Self::Tracing
            | Self::Logging
            | Self::Other => "",
        }
    }
}
