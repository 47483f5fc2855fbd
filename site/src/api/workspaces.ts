import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError, api } from "./client";
import type { Workspace, WorkspaceBuild, WorkspaceBuildParameter, WorkspaceTransition, WorkspacesResponse } from "./types";

const CHANGING = new Set<string>(["pending", "starting", "stopping", "deleting", "canceling"]);

/** A build is waiting or at work, or the agent is on its way: look again soon. */
export function isUnsettled(workspace: Workspace): boolean {
  if (CHANGING.has(workspace.latest_build.status)) return true;
  if (workspace.latest_build.status !== "running") return false;
  return workspace.latest_build.resources.some((r) =>
    (r.agents ?? []).some((a) => a.status === "connecting" || a.lifecycle_state === "created" || a.lifecycle_state === "starting"),
  );
}

function pace(workspaces: Workspace[] | undefined): number {
  return workspaces?.some(isUnsettled) ? 1_000 : 5_000;
}

export const workspacesQuery = queryOptions({
  queryKey: ["workspaces", "list"],
  queryFn: async ({ signal }) =>
    (await api<WorkspacesResponse>("GET", "/api/v2/workspaces?q=owner:me", undefined, signal)).workspaces,
  refetchInterval: (query) => pace(query.state.data),
});

export function workspaceQuery(owner: string, name: string) {
  return queryOptions({
    queryKey: ["workspaces", "one", owner, name],
    queryFn: async ({ signal }) => {
      const path = `/api/v2/users/${encodeURIComponent(owner)}/workspace/${encodeURIComponent(name)}`;
      return await api<Workspace>("GET", path, undefined, signal);
    },
    refetchInterval: (query) => {
      if (query.state.error instanceof ApiError && query.state.error.status < 500 && query.state.error.status > 0) return false;
      return pace(query.state.data ? [query.state.data] : undefined);
    },
  });
}

export function workspaceByIdQuery(id: string) {
  return queryOptions({
    queryKey: ["workspaces", "id", id],
    queryFn: () => api<Workspace>("GET", `/api/v2/workspaces/${id}`),
    staleTime: 10_000,
  });
}

export function buildsQuery(workspaceId: string) {
  return queryOptions({
    queryKey: ["workspaces", "builds", workspaceId],
    queryFn: () => api<WorkspaceBuild[]>("GET", `/api/v2/workspaces/${workspaceId}/builds?limit=25`),
  });
}

export interface NewWorkspace {
  templateId: string;
  name: string;
  parameters: WorkspaceBuildParameter[];
}

export function useCreateWorkspace() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ templateId, name, parameters }: NewWorkspace) =>
      api<Workspace>("POST", "/api/v2/users/me/workspaces", {
        template_id: templateId,
        name,
        rich_parameter_values: parameters,
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["workspaces"] }),
  });
}

export function useBuild(workspaceId: string) {
  const client = useQueryClient();
  return useMutation({
    /** With `versionId` the workspace moves to that version of its template. */
    mutationFn: ({ transition, versionId }: { transition: WorkspaceTransition; versionId?: string }) =>
      api<WorkspaceBuild>("POST", `/api/v2/workspaces/${workspaceId}/builds`, {
        transition,
        template_version_id: versionId,
        reason: "dashboard",
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["workspaces"] }),
  });
}

export function useCancelBuild() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (buildId: string) => api("PATCH", `/api/v2/workspacebuilds/${buildId}/cancel`),
    onSuccess: () => client.invalidateQueries({ queryKey: ["workspaces"] }),
  });
}
