/** What a role of an organization may allow, and how a form changes it. Pure. */
import type { Permission } from "@/api/types";

export interface ResourceActions {
  type: string;
  label: string;
  actions: string[];
}

const CRUD = ["create", "read", "update", "delete"];

/** Kinds of objects that live in an organization, with their actions. */
export const resources: ResourceActions[] = [
  { type: "workspace", label: "Workspaces", actions: [...CRUD, "start", "stop", "ssh", "application_connect", "create_agent", "update_agent", "delete_agent", "share"] },
  { type: "workspace_dormant", label: "Dormant workspaces", actions: [...CRUD, "stop", "create_agent", "update_agent", "delete_agent", "share"] },
  { type: "prebuilt_workspace", label: "Prebuilt workspaces", actions: ["update", "delete"] },
  { type: "template", label: "Templates", actions: [...CRUD, "use", "view_insights"] },
  { type: "file", label: "Uploaded files", actions: ["create", "read"] },
  { type: "task", label: "Tasks", actions: CRUD },
  { type: "chat", label: "Chats", actions: [...CRUD, "share"] },
  { type: "organization", label: "The organization", actions: ["read", "update", "delete"] },
  { type: "organization_member", label: "Members", actions: CRUD },
  { type: "assign_org_role", label: "Roles", actions: ["assign", "unassign", ...CRUD] },
  { type: "group", label: "Groups", actions: CRUD },
  { type: "group_member", label: "Members of groups", actions: ["read"] },
  { type: "provisioner_daemon", label: "Provisioners", actions: CRUD },
  { type: "provisioner_jobs", label: "Provisioner jobs", actions: ["create", "read", "update"] },
  { type: "audit_log", label: "Audit log", actions: ["read"] },
  { type: "connection_log", label: "Connection log", actions: ["read"] },
  { type: "idpsync_settings", label: "Sync with the identity provider", actions: ["read", "update"] },
];

export function allows(permissions: Permission[], type: string, action: string): boolean {
  return permissions.some((p) => !p.negate && p.resource_type === type && (p.action === action || p.action === "*"));
}

/** The permissions with one action switched; "everything" of a type is taken apart when one of its actions goes. */
export function withAction(permissions: Permission[], type: string, action: string, on: boolean): Permission[] {
  if (allows(permissions, type, action) === on) return permissions;
  const grant = (name: string): Permission => ({ negate: false, resource_type: type, action: name });
  if (on) return [...permissions, grant(action)];
  const isThis = (p: Permission) => !p.negate && p.resource_type === type;
  const everything = permissions.some((p) => isThis(p) && p.action === "*");
  const rest = permissions.filter((p) => !(isThis(p) && (p.action === "*" || p.action === action)));
  if (!everything) return rest;
  const spared = (resources.find((r) => r.type === type)?.actions ?? []).filter((name) => name !== action && !allows(rest, type, name));
  return [...rest, ...spared.map(grant)];
}

/** How much a list allows, in a few words. */
export function permissionSummary(permissions: Permission[]): string {
  const types = new Set(permissions.filter((p) => !p.negate).map((p) => p.resource_type));
  if (types.size === 0) return "nothing";
  if (types.has("*")) return "everything";
  const names = [...types].map((type) => (resources.find((r) => r.type === type)?.label ?? type.replaceAll("_", " ")).toLowerCase());
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}
