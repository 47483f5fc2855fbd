/** Settings of chats: of the deployment, and of one's own account. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { CHATS } from "./chats";
import { api } from "./client";
import type { ChatApprovalRule, ChatSystemPrompt } from "./types";

const CONFIG = `${CHATS}/config`;
const KEY = "chat-settings";

function settingQuery<Value>(path: string) {
  return queryOptions({ queryKey: [KEY, path], queryFn: () => api<Value>("GET", `${CONFIG}/${path}`) });
}

/** Saves a setting whose PUT has the shape of its GET. */
export function useSaveSetting<Value>(path: string) {
  const client = useQueryClient();
  return useMutation({ mutationFn: (value: Value) => api("PUT", `${CONFIG}/${path}`, value), onSuccess: () => client.invalidateQueries({ queryKey: [KEY, path] }) });
}

export const systemPromptQuery = settingQuery<ChatSystemPrompt>("system-prompt");
export const userPromptQuery = settingQuery<{ custom_prompt: string }>("user-prompt");
export const retentionQuery = settingQuery<{ retention_days: number }>("retention-days");
export const autoArchiveQuery = settingQuery<{ auto_archive_days: number }>("auto-archive-days");
export const workspaceTtlQuery = settingQuery<{ workspace_ttl_ms: number }>("workspace-ttl");
export const allowlistQuery = settingQuery<{ template_ids: string[] }>("template-allowlist");
export const titleModelQuery = settingQuery<{ model_config_id: string; is_malformed: boolean }>("model-override/title_generation");
export const thresholdsQuery = settingQuery<{ thresholds: { model_config_id: string; threshold_percent: number }[] }>("user-compaction-thresholds");

export type RulesPath = "tool-approvals" | "user-tool-approvals";
export const rulesQuery = (path: RulesPath) => settingQuery<{ rules: ChatApprovalRule[] }>(path);

/** One's own threshold for a model; null goes back to the model's. */
export function useSetThreshold() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ model, percent }: { model: string; percent: number | null }) =>
      percent === null ? api("DELETE", `${CONFIG}/user-compaction-thresholds/${model}`) : api("PUT", `${CONFIG}/user-compaction-thresholds/${model}`, { threshold_percent: percent }),
    onSuccess: () => client.invalidateQueries({ queryKey: [KEY, "user-compaction-thresholds"] }),
  });
}
