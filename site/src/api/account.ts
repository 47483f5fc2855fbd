/** The signed-in person's own account. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "./client";
import type { ApiKey, Appearance, AppearanceChange, ConvertLogin, CreateTokenRequest, GitSshKey, User } from "./types";

const ME = "/api/v2/users/me";
const KEYS = `${ME}/keys`;
const TOKENS = `${KEYS}/tokens`;

export const appearanceQuery = queryOptions({
  queryKey: ["account", "appearance"],
  queryFn: () => api<Appearance>("GET", `${ME}/appearance`),
  staleTime: 300_000,
});

export const gitSshKeyQuery = queryOptions({
  queryKey: ["account", "git-ssh-key"],
  queryFn: () => api<GitSshKey>("GET", `${ME}/gitsshkey`),
});

export function tokensQuery(includeExpired: boolean) {
  return queryOptions({
    queryKey: ["account", "tokens", includeExpired],
    // The reference's servers answer null for none.
    queryFn: async () => (await api<ApiKey[] | null>("GET", `${TOKENS}?include_expired=${includeExpired}`)) ?? [],
  });
}

export const tokenConfigQuery = queryOptions({
  queryKey: ["account", "token-config"],
  queryFn: () => api<{ max_token_lifetime: number }>("GET", `${TOKENS}/tokenconfig`),
  staleTime: 300_000,
});

export const scopesQuery = queryOptions({
  queryKey: ["scopes"],
  queryFn: async () => (await api<{ external: string[] }>("GET", "/api/v2/auth/scopes")).external,
  staleTime: Number.POSITIVE_INFINITY,
});

function useAccountMutation<Input, Output>(mutationFn: (input: Input) => Promise<Output>, also?: "session") {
  const client = useQueryClient();
  return useMutation({
    mutationFn,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["account"] });
      if (also) await client.invalidateQueries({ queryKey: [also] });
    },
  });
}

export function useUpdateProfile() {
  return useAccountMutation((profile: { username: string; name: string }) => api<User>("PUT", `${ME}/profile`, profile), "session");
}

/** Changing the password ends every session of the account; a new one is made with the new password. */
export function useChangePassword(email: string) {
  const client = useQueryClient();
  return useMutation({
    mutationKey: ["sign-in"],
    mutationFn: async ({ old, next }: { old: string; next: string }) => {
      await api("PUT", `${ME}/password`, { old_password: old, password: next });
      await api("POST", "/api/v2/users/login", { email, password: next });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["session"] }),
  });
}

export function useUpdateAppearance() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: AppearanceChange) => api<Appearance>("PUT", `${ME}/appearance`, change),
    onSuccess: (appearance) => client.setQueryData(appearanceQuery.queryKey, appearance),
  });
}

export function useRegenerateGitSshKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api<GitSshKey>("PUT", `${ME}/gitsshkey`),
    onSuccess: (key) => client.setQueryData(gitSshKeyQuery.queryKey, key),
  });
}

export function useConvertLogin() {
  return useMutation({
    mutationKey: ["sign-in"],
    mutationFn: (request: { to_type: "oidc" | "github"; password: string }) => api<ConvertLogin>("POST", `${ME}/convert-login`, request),
  });
}

/** A key like that of a session, for a program on another machine. */
export function useMintKey() {
  return useMutation({ mutationFn: () => api<{ key: string }>("POST", KEYS) });
}

export function useCreateToken() {
  return useAccountMutation((request: CreateTokenRequest) => api<{ key: string }>("POST", TOKENS, request));
}

export function useDeleteToken() {
  return useAccountMutation((id: string) => api("DELETE", `${KEYS}/${encodeURIComponent(id)}`));
}

export function useExpireToken() {
  return useAccountMutation((id: string) => api("PUT", `${KEYS}/${encodeURIComponent(id)}/expire`));
}
