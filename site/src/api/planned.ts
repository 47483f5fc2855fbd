/** Shapes of the API that its generated document does not name. */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];
type User = Schemas["User"];
type Organization = Schemas["Organization"];
type SlimRole = Schemas["SlimRole"];

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
