/** One's own keys at the model providers. They are stored encrypted and never shown again. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "./client";

const KEYS = "/api/experimental/users/me/ai-provider-keys";

/** A provider that takes keys of single accounts. */
export interface OwnKey {
  ai_provider_id: string;
  display_name: string;
  name: string;
  has_user_api_key: boolean;
  masked?: string | null;
}

export const ownKeysQuery = queryOptions({
  queryKey: ["own-keys"],
  queryFn: () => api<OwnKey[]>("GET", KEYS),
});

function useKeyMutation<Input>(mutationFn: (input: Input) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn,
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: ["own-keys"] }), client.invalidateQueries({ queryKey: ["models", "available"] })]),
  });
}

export function useSaveOwnKey() {
  return useKeyMutation(({ provider, key }: { provider: string; key: string }) => api("PUT", `${KEYS}/${provider}`, { api_key: key }));
}

export function useRemoveOwnKey() {
  return useKeyMutation((provider: string) => api("DELETE", `${KEYS}/${provider}`));
}
