/** What chats cost and what may be spent. Amounts are millionths of a dollar. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { CHATS } from "./chats";
import { api } from "./client";
import type { ChatCostSummary, ChatUsageLimits, ChatUsageStatus } from "./types";

export const costsQuery = queryOptions({
  queryKey: ["chat-costs", "me"],
  queryFn: () => api<ChatCostSummary>("GET", `${CHATS}/cost/me/summary`),
  staleTime: 10_000,
});

export const usageStatusQuery = queryOptions({
  queryKey: ["chat-costs", "status"],
  queryFn: () => api<ChatUsageStatus>("GET", `${CHATS}/usage-limits/status`),
});

export const usageLimitsQuery = queryOptions({
  queryKey: ["chat-costs", "limits"],
  queryFn: () => api<ChatUsageLimits>("GET", `${CHATS}/usage-limits`),
});

function useCostMutation<Input>(mutationFn: (input: Input) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => client.invalidateQueries({ queryKey: ["chat-costs"] }) });
}

export function useSetLimit() {
  return useCostMutation((limit: Pick<ChatUsageLimits, "spend_limit_micros" | "period">) => api("PUT", `${CHATS}/usage-limits`, limit));
}

export function useSetOverride() {
  return useCostMutation(({ user, micros }: { user: string; micros: number }) => api("PUT", `${CHATS}/usage-limits/overrides/${user}`, { spend_limit_micros: micros }));
}

export function useRemoveOverride() {
  return useCostMutation((user: string) => api("DELETE", `${CHATS}/usage-limits/overrides/${user}`));
}
