/** Organizations, their members and their roles. */
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "./client";
import type { AssignableRole, CustomRoleRequest, Member, Organization, OrganizationChange, OrganizationRequest } from "./types";
import { type ListPlace, listSearch } from "./users";

const ORGANIZATIONS = "/api/v2/organizations";

const one = (organization: string) => `${ORGANIZATIONS}/${encodeURIComponent(organization)}`;

export function organizationQuery(name: string) {
  return queryOptions({ queryKey: ["organizations", name], queryFn: () => api<Organization>("GET", one(name)) });
}

export function membersQuery(organization: string, place: ListPlace) {
  return queryOptions({
    queryKey: ["organizations", organization, "members", place],
    queryFn: ({ signal }) => api<{ members: Member[]; count: number }>("GET", `${one(organization)}/paginated-members?${listSearch(place)}`, undefined, signal),
    placeholderData: keepPreviousData,
  });
}

export function organizationRolesQuery(organization: string) {
  return queryOptions({
    queryKey: ["organizations", organization, "roles"],
    queryFn: () => api<AssignableRole[]>("GET", `${one(organization)}/members/roles`),
  });
}

function useOrganizationMutation<Input, Output>(mutationFn: (input: Input) => Promise<Output>) {
  const client = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => client.invalidateQueries({ queryKey: ["organizations"] }) });
}

export function useCreateOrganization() {
  return useOrganizationMutation((request: OrganizationRequest) => api<Organization>("POST", ORGANIZATIONS, request));
}

export function useUpdateOrganization(organization: string) {
  return useOrganizationMutation((change: OrganizationChange) => api<Organization>("PATCH", one(organization), change));
}

export function useDeleteOrganization() {
  return useOrganizationMutation((organization: string) => api("DELETE", one(organization)));
}

export function useAddMember(organization: string) {
  return useOrganizationMutation((user: string) => api<Member>("POST", `${one(organization)}/members/${encodeURIComponent(user)}`));
}

export function useRemoveMember(organization: string) {
  return useOrganizationMutation((user: string) => api("DELETE", `${one(organization)}/members/${user}`));
}

export function useSetMemberRoles(organization: string) {
  return useOrganizationMutation(({ user, roles }: { user: string; roles: string[] }) => api("PUT", `${one(organization)}/members/${user}/roles`, { roles }));
}

export function useSaveRole(organization: string) {
  return useOrganizationMutation(({ role, isNew }: { role: CustomRoleRequest; isNew: boolean }) =>
    api(isNew ? "POST" : "PUT", `${one(organization)}/members/roles`, role),
  );
}

export function useDeleteRole(organization: string) {
  return useOrganizationMutation((role: string) => api("DELETE", `${one(organization)}/members/roles/${encodeURIComponent(role)}`));
}
