import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError, api } from "./client";
import type { BuildInfo, Organization, User } from "./types";

/** Whether the server has its first user yet. */
export const firstUserQuery = queryOptions({
  queryKey: ["session", "first-user"],
  queryFn: async () => {
    try {
      await api("GET", "/api/v2/users/first");
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  },
});

/** The signed-in user; null without a session. */
export const meQuery = queryOptions({
  queryKey: ["session", "me"],
  queryFn: async () => {
    try {
      return await api<User>("GET", "/api/v2/users/me");
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
});

export const buildInfoQuery = queryOptions({
  queryKey: ["buildinfo"],
  queryFn: () => api<BuildInfo>("GET", "/api/v2/buildinfo"),
  staleTime: 300_000,
});

export const organizationsQuery = queryOptions({
  queryKey: ["organizations"],
  queryFn: () => api<Organization[]>("GET", "/api/v2/organizations"),
  staleTime: 300_000,
});

export interface Credentials {
  email: string;
  password: string;
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationKey: ["sign-in"],
    mutationFn: (credentials: Credentials) => api("POST", "/api/v2/users/login", credentials),
    onSuccess: () => client.invalidateQueries({ queryKey: ["session"] }),
  });
}

export interface FirstUser extends Credentials {
  username: string;
  name: string;
}

export function useCreateFirstUser() {
  const client = useQueryClient();
  return useMutation({
    mutationKey: ["sign-in"],
    mutationFn: async (user: FirstUser) => {
      await api("POST", "/api/v2/users/first", { ...user, trial: false });
      await api("POST", "/api/v2/users/login", { email: user.email, password: user.password });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["session"] }),
  });
}

export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api("POST", "/api/v2/users/logout"),
    onSettled: () => client.clear(),
  });
}
