/** Names of the API's objects, taken from the generated schema (`npm run codegen`). */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type ValidationError = Schemas["ValidationError"];
export type User = Schemas["User"];
export type Organization = Schemas["Organization"];
export type BuildInfo = Schemas["BuildInfoResponse"];

export type Template = Schemas["Template"];
export type TemplateVersionParameter = Schemas["TemplateVersionParameter"];

export type Workspace = Schemas["Workspace"];
export type WorkspaceBuild = Schemas["WorkspaceBuild"];
export type WorkspaceBuildParameter = Schemas["WorkspaceBuildParameter"];
export type WorkspaceStatus = Schemas["WorkspaceStatus"];
export type WorkspaceAgent = Schemas["WorkspaceAgent"];
export type WorkspaceAgentLog = Schemas["WorkspaceAgentLog"];
export type WorkspaceResource = Schemas["WorkspaceResource"];
export type WorkspacesResponse = Schemas["WorkspacesResponse"];
export type WorkspaceTransition = WorkspaceBuild["transition"];
export type ProvisionerJobLog = Schemas["ProvisionerJobLog"];

export type Chat = Schemas["Chat"];
export type ChatError = Schemas["ChatError"];
export type ChatMessage = Schemas["ChatMessage"];
export type ChatMessagePart = Schemas["ChatMessagePart"];
export type ChatQueuedMessage = Schemas["ChatQueuedMessage"];
export type ChatStatus = Schemas["ChatStatus"];
export type ChatApproval = Schemas["ChatApproval"];
export type ChatStreamEvent = Schemas["ChatStreamEvent"];
export type ChatStreamMessagePart = Schemas["ChatStreamMessagePart"];
export type ChatStreamRetry = Schemas["ChatStreamRetry"];
export type ChatStreamToolCall = Schemas["ChatStreamToolCall"];
export type ChatWatchEvent = Schemas["ChatWatchEvent"];
export type CreateChatMessageResponse = Schemas["CreateChatMessageResponse"];
export type ChatApprovalRule = Schemas["ChatApprovalRule"];
export type ChatSystemPrompt = Schemas["ChatSystemPrompt"];
export type ChatUsageLimits = Schemas["ChatUsageLimitConfigResponse"];
export type ChatUsageStatus = Schemas["ChatUsageLimitStatus"];
export type ChatCostSummary = Schemas["ChatCostSummary"];
export type ChatModelsResponse = Schemas["ChatModelsResponse"];
export type ChatModelCallConfig = Schemas["ChatModelCallConfig"];
export type ChatModelConfig = Schemas["ChatModelConfig"];
export type AIProvider = Schemas["AIProvider"];
export type CreateAIProviderRequest = Schemas["CreateAIProviderRequest"];
export type UpdateAIProviderRequest = Schemas["UpdateAIProviderRequest"];
export type UpdateChatModelConfigRequest = Schemas["UpdateChatModelConfigRequest"];
export type CreateChatModelConfigRequest = Schemas["CreateChatModelConfigRequest"];

export type ApiKey = Schemas["ApiKey"];
export type Appearance = Schemas["UserAppearanceSettings"];
export type AppearanceChange = Schemas["UpdateUserAppearanceSettingsRequest"];
export type CreateTokenRequest = Schemas["CreateTokenRequest"];
export type CreateUserRequest = Schemas["CreateUserRequest"];
export type GitSshKey = Schemas["GitSshKey"];
export type PasswordVerdict = Schemas["ValidateUserPasswordResponse"];
export type DeviceLogin = Schemas["ExternalAuthDevice"];
export type ConvertLogin = Schemas["OAuthConversionResponse"];
export type Permission = Schemas["Permission"];
/** Answers carry every list; only requests may leave one out. */
export type AssignableRole = Required<Schemas["AssignableRoles"]>;
export type CustomRoleRequest = Schemas["CustomRoleRequest"];
export type Member = Schemas["OrganizationMemberWithUserData"];
/** The document calls the value an object; it is whatever the option holds. */
export type DeploymentOption = Omit<Schemas["DeploymentOption"], "value"> & { value: unknown };
export type DeploymentConfig = Omit<Schemas["DeploymentConfig"], "options"> & { options: DeploymentOption[] };
export type Replica = Schemas["Replica"];
export type AuthMethods = Schemas["AuthMethods"];
export type SlimRole = Schemas["SlimRole"];
export type GetUsersResponse = Schemas["GetUsersResponse"];
export type AuditDiffField = Schemas["AuditDiffField"];
export type AuditLog = Schemas["AuditLog"];
export type AuditLogResponse = Schemas["AuditLogResponse"];
export type OrganizationRequest = Schemas["CreateOrganizationRequest"];
export type OrganizationChange = Schemas["UpdateOrganizationRequest"];
