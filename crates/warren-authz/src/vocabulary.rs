//! The kinds of objects and what can be done to them, with their names on the wire.

use warren_vocab::UnknownWord;

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vdoc])* $variant),+
        }

        impl $name {
            /// Every member, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The wire name of every member, in declaration order.
            pub const WORDS: &'static [&'static str] = &[$($text),+];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            pub(crate) const fn index(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let unknown =
                    || UnknownWord { kind: $kind, found: text.to_owned(), allowed: Self::WORDS };
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(unknown)
            }
        }
    };
}

vocabulary! {
    /// What can be done to an object.
    Action, "permission action" {
        Create = "create",
        Read = "read",
        Update = "update",
        Delete = "delete",
        /// Make workspaces from a template.
        Use = "use",
        ViewInsights = "view_insights",
        Start = "start",
        Stop = "stop",
        /// Open a shell, run commands, reach ports.
        Ssh = "ssh",
        ApplicationConnect = "application_connect",
        CreateAgent = "create_agent",
        UpdateAgent = "update_agent",
        DeleteAgent = "delete_agent",
        Share = "share",
        Assign = "assign",
        Unassign = "unassign",
        ReadPersonal = "read_personal",
        UpdatePersonal = "update_personal",
    }
}

vocabulary! {
    /// Kinds of objects.
    Resource, "resource type" {
        Workspace = "workspace",
        WorkspaceDormant = "workspace_dormant",
        PrebuiltWorkspace = "prebuilt_workspace",
        WorkspaceBuildOrchestration = "workspace_build_orchestration",
        Task = "task",
        Chat = "chat",
        Template = "template",
        File = "file",
        ProvisionerDaemon = "provisioner_daemon",
        ProvisionerJobs = "provisioner_jobs",
        User = "user",
        UserSecret = "user_secret",
        UserSkill = "user_skill",
        ApiKey = "api_key",
        Group = "group",
        GroupMember = "group_member",
        Organization = "organization",
        OrganizationMember = "organization_member",
        AssignRole = "assign_role",
        AssignOrgRole = "assign_org_role",
        AuditLog = "audit_log",
        ConnectionLog = "connection_log",
        DeploymentConfig = "deployment_config",
        DeploymentStats = "deployment_stats",
        Replicas = "replicas",
        DebugInfo = "debug_info",
        License = "license",
        WorkspaceProxy = "workspace_proxy",
        NotificationMessage = "notification_message",
        NotificationTemplate = "notification_template",
        NotificationPreference = "notification_preference",
        InboxNotification = "inbox_notification",
        WebpushSubscription = "webpush_subscription",
        Oauth2App = "oauth2_app",
        Oauth2AppSecret = "oauth2_app_secret",
        Oauth2AppCodeToken = "oauth2_app_code_token",
        CryptoKey = "crypto_key",
        System = "system",
        TailnetCoordinator = "tailnet_coordinator",
        IdpsyncSettings = "idpsync_settings",
        WorkspaceAgentResourceMonitor = "workspace_agent_resource_monitor",
        WorkspaceAgentDevcontainers = "workspace_agent_devcontainers",
        AiProvider = "ai_provider",
        AiModelPrice = "ai_model_price",
        AiSeat = "ai_seat",
        AiGatewayKey = "ai_gateway_key",
        AibridgeInterception = "aibridge_interception",
        BoundaryLog = "boundary_log",
        BoundaryUsage = "boundary_usage",
        UsageEvent = "usage_event",
    }
}

use Action::{
    ApplicationConnect, Assign, Create, CreateAgent, Delete, DeleteAgent, Read, ReadPersonal, Share, Ssh,
    Start, Stop, Unassign, Update, UpdateAgent, UpdatePersonal, Use, ViewInsights,
};

const CRUD: &[Action] = &[Create, Read, Update, Delete];
const WORKSPACE: &[Action] = &[
    Create,
    Read,
    Update,
    Delete,
    Start,
    Stop,
    Ssh,
    ApplicationConnect,
    CreateAgent,
    DeleteAgent,
    UpdateAgent,
    Share,
];

impl Resource {
    /// The actions that this kind of object knows.
    pub const fn actions(self) -> &'static [Action] {
        match self {
            Self::Workspace | Self::WorkspaceDormant => WORKSPACE,
            Self::PrebuiltWorkspace => &[Update, Delete],
            Self::Chat => &[Create, Read, Update, Delete, Share],
            Self::Template => &[Create, Use, Read, Update, Delete, ViewInsights],
            Self::File | Self::AiSeat => &[Create, Read],
            Self::User => &[Create, Read, Update, Delete, ReadPersonal, UpdatePersonal],
            Self::GroupMember | Self::DeploymentStats | Self::Replicas | Self::DebugInfo => &[Read],
            Self::AssignRole => &[Assign, Unassign, Read],
            Self::AssignOrgRole => &[Assign, Unassign, Create, Read, Update, Delete],
            Self::AuditLog => &[Create, Read],
            Self::ConnectionLog
            | Self::DeploymentConfig
            | Self::NotificationTemplate
            | Self::NotificationPreference
            | Self::IdpsyncSettings
            | Self::AiModelPrice => &[Read, Update],
            Self::ProvisionerJobs
            | Self::InboxNotification
            | Self::WorkspaceAgentResourceMonitor
            | Self::AibridgeInterception
            | Self::UsageEvent => &[Create, Read, Update],
            Self::License | Self::WebpushSubscription | Self::Oauth2AppCodeToken | Self::BoundaryLog => {
                &[Create, Read, Delete]
            }
            Self::WorkspaceAgentDevcontainers => &[Create],
            Self::BoundaryUsage => &[Read, Update, Delete],
            Self::WorkspaceBuildOrchestration
            | Self::Task
            | Self::ProvisionerDaemon
            | Self::UserSecret
            | Self::UserSkill
            | Self::ApiKey
            | Self::Group
            | Self::Organization
            | Self::OrganizationMember
            | Self::WorkspaceProxy
            | Self::NotificationMessage
            | Self::Oauth2App
            | Self::Oauth2AppSecret
            | Self::CryptoKey
            | Self::System
            | Self::TailnetCoordinator
            | Self::AiProvider
            | Self::AiGatewayKey => CRUD,
        }
    }

    /// Whether the existence of such an object is a secret from those who may not read it. Settings and logs of the whole
    /// deployment or of an organization are known to exist.
    pub const fn is_concealed(self) -> bool {
        match self {
            Self::Workspace
            | Self::WorkspaceDormant
            | Self::PrebuiltWorkspace
            | Self::WorkspaceBuildOrchestration
            | Self::Task
            | Self::Chat
            | Self::Template
            | Self::File
            | Self::ProvisionerDaemon
            | Self::ProvisionerJobs
            | Self::User
            | Self::UserSecret
            | Self::UserSkill
            | Self::ApiKey
            | Self::Group
            | Self::GroupMember
            | Self::Organization
            | Self::OrganizationMember
            | Self::InboxNotification
            | Self::WebpushSubscription
            | Self::NotificationPreference
            | Self::Oauth2AppCodeToken
            | Self::WorkspaceAgentResourceMonitor
            | Self::WorkspaceAgentDevcontainers => true,
            Self::AssignRole
            | Self::AssignOrgRole
            | Self::AuditLog
            | Self::ConnectionLog
            | Self::DeploymentConfig
            | Self::DeploymentStats
            | Self::Replicas
            | Self::DebugInfo
            | Self::License
            | Self::WorkspaceProxy
            | Self::NotificationMessage
            | Self::NotificationTemplate
            | Self::Oauth2App
            | Self::Oauth2AppSecret
            | Self::CryptoKey
            | Self::System
            | Self::TailnetCoordinator
            | Self::IdpsyncSettings
            | Self::AiProvider
            | Self::AiModelPrice
            | Self::AiSeat
            | Self::AiGatewayKey
            | Self::AibridgeInterception
            | Self::BoundaryLog
            | Self::BoundaryUsage
            | Self::UsageEvent => false,
        }
    }
}
