//! Requests, responses, events and errors of the HTTP API: the wire forms that clients depend on.
//!
//! Field names follow the compatible API exactly. Nothing here knows a database or a runtime. Requests ignore
//! fields they do not know; optional response fields are left out when the compatible API leaves them out and
//! are `null` where it sends `null`.

pub mod agents;
pub mod ai;
pub mod api_keys;
pub mod appearance;
pub mod audit;
pub mod chats;
pub mod deployment;
pub mod deployment_config;
pub mod entitlements;
pub mod error;
pub mod files;
pub mod jobs;
pub mod organizations;
pub mod roles;
pub mod templates;
pub mod user_settings;
pub mod users;
pub mod wire;
pub mod workspaces;

use utoipa::OpenApi;

/// The schemas of every type of the API, for the OpenAPI document.
#[derive(OpenApi)]
#[openapi(components(schemas(
    agents::WorkspaceAgent,
    agents::WorkspaceAgentLog,
    agents::WorkspaceApp,
    agents::WorkspaceResource,
    ai::AiProvider,
    ai::ChatModelConfig,
    ai::ChatModelsResponse,
    ai::ChatProviderConfig,
    ai::CreateAiProviderRequest,
    ai::CreateChatModelConfigRequest,
    ai::CreateChatProviderConfigRequest,
    ai::UpdateAiProviderRequest,
    ai::UpdateChatModelConfigRequest,
    ai::UpdateChatProviderConfigRequest,
    api_keys::ApiKey,
    api_keys::ApiKeyWithOwner,
    api_keys::CreateTokenRequest,
    api_keys::GenerateApiKeyResponse,
    api_keys::TokenConfig,
    audit::AuditLog,
    audit::AuditLogResponse,
    audit::CreateTestAuditLogRequest,
    chats::Chat,
    chats::ChatMessage,
    chats::ChatMessagesResponse,
    chats::ChatStreamEvent,
    chats::ChatWatchEvent,
    chats::CreateChatMessageRequest,
    chats::CreateChatMessageResponse,
    chats::CreateChatRequest,
    chats::EditChatMessageRequest,
    chats::EditChatMessageResponse,
    chats::ChatApprovalsResponse,
    chats::ChatPromptsResponse,
    chats::DecideChatApprovalsRequest,
    chats::PromoteChatQueuedMessageResponse,
    chats::ProposeChatTitleResponse,
    chats::SubmitToolResultsRequest,
    chats::UpdateChatRequest,
    chats::settings::ChatAutoArchiveDays,
    chats::settings::ChatModelOverride,
    chats::settings::ChatRetentionDays,
    chats::settings::ChatSystemPrompt,
    chats::settings::ChatTemplateAllowlist,
    chats::settings::ChatToolApprovals,
    chats::settings::ChatWorkspaceTtl,
    chats::settings::UpdateChatModelOverrideRequest,
    chats::settings::UpdateChatSystemPromptRequest,
    chats::settings::UpdateUserChatCompactionThresholdRequest,
    chats::settings::UserChatCompactionThresholds,
    chats::settings::UserChatCustomPrompt,
    chats::usage::ChatCostSummary,
    chats::usage::ChatCostUsersResponse,
    chats::usage::ChatUsageLimitConfig,
    chats::usage::ChatUsageLimitConfigResponse,
    chats::usage::ChatUsageLimitExceededResponse,
    chats::usage::ChatUsageLimitStatus,
    chats::usage::UpsertChatUsageLimitOverrideRequest,
    deployment::BuildInfoResponse,
    error::ErrorResponse,
    files::UploadResponse,
    jobs::ProvisionerJob,
    jobs::ProvisionerJobLog,
    organizations::CreateOrganizationRequest,
    organizations::Organization,
    organizations::OrganizationMember,
    organizations::OrganizationMemberWithUserData,
    organizations::PaginatedMembersResponse,
    organizations::UpdateOrganizationRequest,
    organizations::UpdateWorkspaceSharingSettingsRequest,
    organizations::WorkspaceSharingSettings,
    roles::AssignableRoles,
    roles::AuthorizationRequest,
    roles::AuthorizationResponse,
    roles::CustomRoleRequest,
    roles::ExternalApiKeyScopes,
    roles::Role,
    roles::UpdateRoles,
    roles::UserRoles,
    templates::CreateTemplateRequest,
    templates::CreateTemplateVersionRequest,
    templates::Template,
    templates::TemplateVersion,
    templates::TemplateVersionParameter,
    templates::UpdateActiveTemplateVersion,
    templates::UpdateTemplateMeta,
    user_settings::GitSshKey,
    user_settings::UpdateUserAppearanceSettingsRequest,
    user_settings::UpdateUserPreferenceSettingsRequest,
    user_settings::UpdateUserQuietHoursScheduleRequest,
    user_settings::UserAppearanceSettings,
    user_settings::UserParameter,
    user_settings::UserPreferenceSettings,
    user_settings::UserQuietHoursScheduleResponse,
    users::AuthMethods,
    users::ChangePasswordWithOneTimePasscodeRequest,
    users::CreateFirstUserRequest,
    users::CreateFirstUserResponse,
    users::CreateUserRequest,
    users::LoginWithPasswordRequest,
    users::LoginWithPasswordResponse,
    users::RequestOneTimePasscodeRequest,
    users::UpdateUserPasswordRequest,
    users::UpdateUserProfileRequest,
    users::User,
    users::UserLoginType,
    users::ValidateUserPasswordRequest,
    users::ValidateUserPasswordResponse,
    workspaces::CreateWorkspaceBuildRequest,
    workspaces::CreateWorkspaceRequest,
    workspaces::Workspace,
    workspaces::WorkspaceBuild,
    workspaces::WorkspaceBuildParameter,
    workspaces::WorkspacesResponse,
)))]
struct Schemas;

/// Returns an OpenAPI document that holds the schemas of every type and no paths.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Schemas::openapi()
}

#[cfg(test)]
mod tests;
