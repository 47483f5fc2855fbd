/** The list of chats, one chat, and starting one. What is done in a chat is in chat-actions.ts. */
import { type QueryClient, keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api } from "./client";
import { follow } from "./socket";
import type { Chat, ChatWatchEvent } from "./types";

export const CHATS = "/api/experimental/chats";
export const CHATS_PAGE = 50;
/** The most that the server lists at once. */
const LIST_MAX = 200;

export interface ChatFilter {
  title?: string;
  archived?: boolean;
  unread?: boolean;
  limit?: number;
}

/** The server's search text for a filter. Pure. */
export function searchText({ title, archived, unread }: ChatFilter): string {
  const words = title?.replaceAll('"', "").trim();
  return [words ? `title:"${words}"` : "", archived ? "archived:true" : "", unread ? "has_unread:true" : ""].filter(Boolean).join(" ");
}

export function chatsQuery(filter: ChatFilter = {}) {
  const q = searchText(filter);
  const limit = filter.limit ?? CHATS_PAGE;
  return queryOptions({
    queryKey: ["chats", "list", q, limit],
    queryFn: ({ signal }) => listChats(q, limit, signal),
    placeholderData: keepPreviousData,
    // Changes come over the watch stream; the poll catches what a lost connection missed.
    refetchInterval: 15_000,
  });
}

/** Lists the first chats that fit, in as many requests as that takes. */
export async function listChats(q: string, limit: number, signal?: AbortSignal): Promise<Chat[]> {
  const chats: Chat[] = [];
  while (chats.length < limit) {
    const asked = Math.min(LIST_MAX, limit - chats.length);
    const search = new URLSearchParams({ ...(q ? { q } : {}), limit: String(asked), offset: String(chats.length) });
    const page = await api<Chat[]>("GET", `${CHATS}?${search}`, undefined, signal);
    chats.push(...page);
    if (page.length < asked) break;
  }
  return chats;
}

export const refreshChats = (client: QueryClient) => client.invalidateQueries({ queryKey: ["chats", "list"] });

/** Keeps the lists of chats right while the page is open. */
export function useChatsWatch(): void {
  const client = useQueryClient();
  useEffect(() => {
    const socket = follow({
      // In envelopes, as only they have life signs that a page can see.
      path: () => `${CHATS}/watch?framing=envelope`,
      hasLifeSigns: true,
      onMessage: (data) => {
        const { data: event } = JSON.parse(data) as { data?: ChatWatchEvent };
        if (!event) return;
        const { chat, kind } = event;
        client.setQueryData(chatQuery(chat.id).queryKey, (held) => held && chat);
        if (!applyToLists(client, chat, kind === "deleted")) void refreshChats(client);
      },
      onState: (state) => {
        if (state === "open") void refreshChats(client);
      },
    });
    return socket.stop;
  }, [client]);
}

/** Puts a change into every list that holds the chat; says whether no list has to be asked for again. */
function applyToLists(client: QueryClient, chat: Chat, isGone: boolean): boolean {
  let isKnown = false;
  client.setQueriesData<Chat[]>({ queryKey: ["chats", "list"] }, (held) => {
    const before = held?.find((one) => one.id === chat.id);
    if (!held || !before) return held;
    isKnown ||= !isGone && before.archived === chat.archived;
    return isGone || before.archived !== chat.archived ? held.filter((one) => one.id !== chat.id) : held.map((one) => (one.id === chat.id ? chat : one)).sort(byPlace);
  });
  return isKnown;
}

/** Pinned ones first in their own order, then the newest first. */
export function byPlace(a: Chat, b: Chat): number {
  if (a.pin_order > 0 || b.pin_order > 0) return (a.pin_order || Number.POSITIVE_INFINITY) - (b.pin_order || Number.POSITIVE_INFINITY) || b.updated_at.localeCompare(a.updated_at);
  return b.updated_at.localeCompare(a.updated_at);
}

export function chatQuery(id: string) {
  return queryOptions({
    queryKey: ["chats", "one", id],
    queryFn: () => api<Chat>("GET", `${CHATS}/${id}`),
  });
}

export interface NewChat {
  organizationId: string;
  text: string;
  modelConfigId: string | undefined;
  workspaceId: string | undefined;
}

export function textPart(text: string) {
  return [{ type: "text", text }];
}

export function useCreateChat() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ organizationId, text, modelConfigId, workspaceId }: NewChat) =>
      api<Chat>("POST", CHATS, {
        organization_id: organizationId,
        content: textPart(text),
        model_config_id: modelConfigId,
        workspace_id: workspaceId,
        client_type: "ui",
      }),
    onSuccess: (chat) => {
      client.setQueryData(chatQuery(chat.id).queryKey, chat);
      return refreshChats(client);
    },
  });
}
