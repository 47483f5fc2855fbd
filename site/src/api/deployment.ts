import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { DeploymentConfig, Replica } from "./types";

export const deploymentConfigQuery = queryOptions({
  queryKey: ["deployment", "config"],
  queryFn: () => api<DeploymentConfig>("GET", "/api/v2/deployment/config"),
  staleTime: 60_000,
});

export const replicasQuery = queryOptions({
  queryKey: ["deployment", "replicas"],
  queryFn: () => api<Replica[]>("GET", "/api/v2/replicas"),
  refetchInterval: 10_000,
});
