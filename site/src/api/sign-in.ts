/** What the login and set-up pages ask before there is a session. */
import { queryOptions } from "@tanstack/react-query";
import { ApiError, api } from "./client";
import type { AuthMethods, DeviceLogin, PasswordVerdict } from "./types";

export const authMethodsQuery = queryOptions({
  queryKey: ["session", "auth-methods"],
  queryFn: () => api<AuthMethods>("GET", "/api/v2/users/authmethods"),
  staleTime: 60_000,
});

/** The server's opinion of a new password; asked while it is typed, so callers wait for a pause first. */
export function passwordVerdictQuery(password: string) {
  return queryOptions({
    queryKey: ["password-verdict", password],
    queryFn: ({ signal }) => api<PasswordVerdict>("POST", "/api/v2/users/validate-password", { password }, signal),
    enabled: password !== "",
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });
}

export const deviceLoginQuery = queryOptions({
  queryKey: ["session", "device-login"],
  queryFn: () => api<DeviceLogin>("GET", "/api/v2/users/oauth2/github/device"),
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: 0,
  retry: false,
});

export type DeviceAnswer = { done: false; slower: boolean } | { done: true; redirect: string };

/** Asks whether the code was confirmed at GitHub. A refusal other than "not yet" is thrown; a lost connection is not one. */
export async function pollDevice(code: string, state: string, signal: AbortSignal): Promise<DeviceAnswer> {
  const search = new URLSearchParams({ code, state });
  try {
    const answer = await api<{ redirect_url?: string }>("GET", `/api/v2/users/oauth2/github/callback?${search}`, undefined, signal);
    return { done: true, redirect: answer.redirect_url || "/" };
  } catch (error) {
    if (error instanceof ApiError && error.detail === "authorization_pending") return { done: false, slower: false };
    if (error instanceof ApiError && (error.detail === "slow_down" || error.status === 0)) return { done: false, slower: true };
    throw error;
  }
}
