//! Words of the audit log.

use crate::word::words;

words! {
    /// What an audited request did.
    AuditAction, "audit action" {
        Create = "create",
        Write = "write",
        Delete = "delete",
        Start = "start",
        Stop = "stop",
        Login = "login",
        Logout = "logout",
        Register = "register",
        RequestPasswordReset = "request_password_reset",
        Connect = "connect",
        Disconnect = "disconnect",
        Open = "open",
        Close = "close",
    }
}

words! {
    /// What kind of object an audited request was about.
    ResourceType, "resource type" {
        Template = "template",
        TemplateVersion = "template_version",
        User = "user",
        Workspace = "workspace",
        WorkspaceBuild = "workspace_build",
        GitSshKey = "git_ssh_key",
        ApiKey = "api_key",
        Group = "group",
        License = "license",
        ConvertLogin = "convert_login",
        HealthSettings = "health_settings",
        NotificationsSettings = "notifications_settings",
        PrebuildsSettings = "prebuilds_settings",
        WorkspaceProxy = "workspace_proxy",
        Organization = "organization",
        Oauth2ProviderApp = "oauth2_provider_app",
        Oauth2ProviderAppSecret = "oauth2_provider_app_secret",
        CustomRole = "custom_role",
        OrganizationMember = "organization_member",
        NotificationTemplate = "notification_template",
        IdpSyncSettingsOrganization = "idp_sync_settings_organization",
        IdpSyncSettingsGroup = "idp_sync_settings_group",
        IdpSyncSettingsRole = "idp_sync_settings_role",
        WorkspaceAgent = "workspace_agent",
        WorkspaceApp = "workspace_app",
        Task = "task",
        AiSeat = "ai_seat",
        AiProvider = "ai_provider",
        AiProviderKey = "ai_provider_key",
        AiGatewayKey = "ai_gateway_key",
        GroupAiBudget = "group_ai_budget",
        UserAiBudgetOverride = "user_ai_budget_override",
        /// A model that chats can use.
        ChatModelConfig = "chat_model_config",
        Chat = "chat",
        UserSecret = "user_secret",
        UserSkill = "user_skill",
        /// A key that seals secrets at rest.
        SealingKey = "sealing_key",
        /// What the dashboard of everybody looks like.
        Appearance = "appearance",
    }
}
