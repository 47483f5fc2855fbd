import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { DeploymentConfig } from "./types";

export const deploymentConfigQuery = queryOptions({
  queryKey: ["deployment", "config"],
  queryFn: () => api<DeploymentConfig>("GET", "/api/v2/deployment/config"),
  staleTime: 60_000,
});
