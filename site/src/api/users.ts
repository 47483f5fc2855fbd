/** Accounts, for those who manage them. */
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "./client";
import type { AssignableRole, CreateUserRequest, GetUsersResponse, User } from "./types";

const USERS = "/api/v2/users";

export interface ListPlace {
  q: string;
  /** Counted from 1. */
  page: number;
}

export const PAGE_SIZE = 25;

/** The query string of one page of a list. */
export function listSearch({ q, page }: ListPlace): string {
  const search = new URLSearchParams({ limit: String(PAGE_SIZE), offset: String((page - 1) * PAGE_SIZE) });
  if (q.trim() !== "") search.set("q", q.trim());
  return search.toString();
}

export function usersQuery(place: ListPlace) {
  return queryOptions({
    queryKey: ["users", "list", place],
    queryFn: ({ signal }) => api<GetUsersResponse>("GET", `${USERS}?${listSearch(place)}`, undefined, signal),
    placeholderData: keepPreviousData,
  });
}

/** A few people whose name, username or email contains the text. */
export function findUsersQuery(text: string) {
  const search = new URLSearchParams({ limit: "8", ...(text.trim() === "" ? {} : { q: text.trim() }) });
  return queryOptions({
    queryKey: ["users", "find", text.trim()],
    queryFn: async ({ signal }) => (await api<GetUsersResponse>("GET", `${USERS}?${search}`, undefined, signal)).users,
    placeholderData: keepPreviousData,
  });
}

export const siteRolesQuery = queryOptions({
  queryKey: ["roles", "site"],
  queryFn: () => api<AssignableRole[]>("GET", `${USERS}/roles`),
  staleTime: 60_000,
});

function useUserMutation<Input, Output>(mutationFn: (input: Input) => Promise<Output>) {
  const client = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => client.invalidateQueries({ queryKey: ["users"] }) });
}

export function useCreateUser() {
  return useUserMutation((request: CreateUserRequest) => api<User>("POST", USERS, request));
}

export function useSetUserStatus() {
  return useUserMutation(({ id, status }: { id: string; status: "suspend" | "activate" }) => api<User>("PUT", `${USERS}/${id}/status/${status}`));
}

export function useDeleteUser() {
  return useUserMutation((id: string) => api("DELETE", `${USERS}/${id}`));
}

export function useResetPassword() {
  return useUserMutation(({ id, password }: { id: string; password: string }) => api("PUT", `${USERS}/${id}/password`, { old_password: "", password }));
}

export function useSetUserRoles() {
  return useUserMutation(({ id, roles }: { id: string; roles: string[] }) => api<User>("PUT", `${USERS}/${id}/roles`, { roles }));
}
