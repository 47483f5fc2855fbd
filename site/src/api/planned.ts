/** Shapes of the API that its generated document does not name. */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];
type User = Schemas["User"];
type Organization = Schemas["Organization"];
type SlimRole = Schemas["SlimRole"];

export interface DeviceLogin {
  device_code: string;
  user_code: string;
  verification_uri: string;
  expires_in: number;
  interval: number;
}

export interface Permission {
  negate: boolean;
  resource_type: string;
  action: string;
}

export interface AssignableRole {
  name: string;
  organization_id?: string | null;
  display_name: string;
  site_permissions: Permission[];
  user_permissions: Permission[];
  organization_permissions: Permission[];
  organization_member_permissions: Permission[];
  assignable: boolean;
  built_in: boolean;
}

export interface CustomRoleRequest {
  name: string;
  display_name: string;
  site_permissions: Permission[];
  user_permissions: Permission[];
  organization_permissions: Permission[];
  organization_member_permissions: Permission[];
}

export interface Member {
  user_id: string;
  organization_id: string;
  created_at: string;
  updated_at: string;
  roles: SlimRole[];
  username: string;
  name?: string;
  avatar_url?: string;
  email: string;
  status: User["status"];
  login_type: User["login_type"];
  last_seen_at?: string;
  global_roles: SlimRole[];
}

export interface ConvertLogin {
  state_string: string;
  expires_at: string;
  to_type: string;
  user_id: string;
}

export interface AuditDiffField {
  old?: unknown;
  new?: unknown;
  secret: boolean;
}

export interface AuditLog {
  id: string;
  request_id: string;
  time: string;
  ip: string;
  user_agent: string;
  resource_type: string;
  resource_id: string;
  resource_target: string;
  resource_icon: string;
  action: string;
  diff: Record<string, AuditDiffField>;
  status_code: number;
  additional_fields: Record<string, unknown> | null;
  description: string;
  resource_link: string;
  is_deleted: boolean;
  organization?: { id: string; name: string; display_name: string; icon: string } | null;
  user: Pick<User, "id" | "username" | "name" | "email"> | null;
}

export interface AuditLogResponse {
  audit_logs: AuditLog[];
  count: number;
}

export interface DeploymentOption {
  name?: string;
  description?: string;
  flag?: string;
  env?: string;
  yaml?: string;
  default?: string;
  value?: unknown;
  hidden?: boolean;
  group?: { name?: string; parent?: { name?: string } | null } | null;
  value_source?: string;
  annotations?: Record<string, string> | null;
}

export interface DeploymentConfig {
  options?: DeploymentOption[] | null;
}

export interface OrganizationRequest {
  name: string;
  display_name: string;
  description: string;
  icon: string;
}

export interface OrganizationChange extends Partial<OrganizationRequest> {
  default_org_member_roles?: string[];
}

export type { Organization, SlimRole };
