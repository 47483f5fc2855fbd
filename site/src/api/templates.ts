import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { Template, TemplateVersionParameter } from "./types";

export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: () => api<Template[]>("GET", "/api/v2/templates"),
  refetchInterval: 15_000,
});

export function parametersQuery(versionId: string) {
  return queryOptions({
    queryKey: ["parameters", versionId],
    queryFn: () => api<TemplateVersionParameter[]>("GET", `/api/v2/templateversions/${versionId}/rich-parameters`),
    enabled: versionId !== "",
    staleTime: 60_000,
  });
}
