/** What the signed-in person may do, asked in one call; pages show only what the server would allow. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api } from "./client";

interface Check {
  object: { resource_type: string; any_org?: boolean; organization_id?: string };
  action: string;
}

const site = (resource_type: string, action: string): Check => ({ object: { resource_type }, action });
const anywhere = (resource_type: string, action: string): Check => ({ object: { resource_type, any_org: true }, action });

const siteChecks = {
  viewUsers: site("user", "read"),
  createUser: site("user", "create"),
  updateUsers: site("user", "update"),
  deleteUsers: site("user", "delete"),
  assignRoles: site("assign_role", "assign"),
  createOrganization: site("organization", "create"),
  viewMembers: anywhere("organization_member", "read"),
  viewAudit: anywhere("audit_log", "read"),
  viewDeployment: site("deployment_config", "read"),
  editModels: site("ai_provider", "create"),
} satisfies Record<string, Check>;

export type Permissions = Record<keyof typeof siteChecks, boolean>;

const nothing = Object.fromEntries(Object.keys(siteChecks).map((name) => [name, false])) as Permissions;

export const permissionsQuery = queryOptions({
  queryKey: ["session", "permissions"],
  queryFn: () => api<Permissions>("POST", "/api/v2/authcheck", { checks: siteChecks }),
  staleTime: 60_000,
});

/** Nothing is allowed until the answer is there. */
export function usePermissions(): Permissions {
  return useQuery(permissionsQuery).data ?? nothing;
}

function organizationChecks(organization: string) {
  const inside = (resource_type: string, action: string): Check => ({ object: { resource_type, organization_id: organization }, action });
  return {
    update: inside("organization", "update"),
    remove: inside("organization", "delete"),
    addMember: inside("organization_member", "create"),
    removeMember: inside("organization_member", "delete"),
    assignRoles: inside("assign_org_role", "assign"),
    createRole: inside("assign_org_role", "create"),
    updateRole: inside("assign_org_role", "update"),
    deleteRole: inside("assign_org_role", "delete"),
  };
}

export type OrganizationPermissions = Record<keyof ReturnType<typeof organizationChecks>, boolean>;

export function useOrganizationPermissions(organization: string): Partial<OrganizationPermissions> {
  const { data } = useQuery({
    queryKey: ["session", "permissions", organization],
    queryFn: () => api<OrganizationPermissions>("POST", "/api/v2/authcheck", { checks: organizationChecks(organization) }),
    staleTime: 60_000,
  });
  return data ?? {};
}
