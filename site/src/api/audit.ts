import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { AuditLogResponse } from "./types";
import { type ListPlace, listSearch } from "./users";

const AUDIT = "/api/v2/audit";

export function auditQuery(place: ListPlace) {
  return queryOptions({
    queryKey: ["audit", place],
    queryFn: ({ signal }) => api<AuditLogResponse>("GET", `${AUDIT}?${listSearch(place)}`, undefined, signal),
    placeholderData: keepPreviousData,
  });
}

/** The address that downloads everything the search finds. */
export function auditExport(q: string, format: "csv" | "json"): string {
  const search = new URLSearchParams({ format, ...(q.trim() === "" ? {} : { q: q.trim() }) });
  return `${AUDIT}/export?${search}`;
}
