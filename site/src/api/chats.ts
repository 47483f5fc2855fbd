import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api } from "./client";
import { follow } from "./socket";
import type { Chat, ChatWatchEvent, CreateChatMessageResponse } from "./types";

const ROOT = "/api/experimental/chats";

export const chatsQuery = queryOptions({
  queryKey: ["chats", "list"],
  queryFn: ({ signal }) => api<Chat[]>("GET", ROOT, undefined, signal),
  // Changes come over the watch stream; the poll catches what a lost connection missed.
  refetchInterval: 15_000,
});

/** Keeps the list of chats right while the page is open. */
export function useChatsWatch(): void {
  const client = useQueryClient();
  useEffect(() => {
    const socket = follow({
      path: () => `${ROOT}/watch`,
      onMessage: (data) => {
        const event = JSON.parse(data) as Partial<ChatWatchEvent>;
        if (!event.chat) return;
        const { chat, kind } = event;
        client.setQueryData(chatsQuery.queryKey, (held) => held && applyWatch(held, chat, kind === "deleted"));
        client.setQueryData(chatQuery(chat.id).queryKey, (held) => held && chat);
      },
      onState: (state) => {
        if (state === "open") void client.invalidateQueries({ queryKey: chatsQuery.queryKey });
      },
    });
    return socket.stop;
  }, [client]);
}

/** The list after one change, newest first. Pure. */
export function applyWatch(chats: Chat[], chat: Chat, isGone: boolean): Chat[] {
  const others = chats.filter((one) => one.id !== chat.id);
  if (isGone || chat.archived) return others;
  return [chat, ...others].sort((a, b) => b.updated_at.localeCompare(a.updated_at));
}

export function chatQuery(id: string) {
  return queryOptions({
    queryKey: ["chats", "one", id],
    queryFn: () => api<Chat>("GET", `${ROOT}/${id}`),
  });
}

export interface NewChat {
  organizationId: string;
  text: string;
  modelConfigId: string | undefined;
  workspaceId: string | undefined;
}

function textPart(text: string) {
  return [{ type: "text", text }];
}

export function useCreateChat() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ organizationId, text, modelConfigId, workspaceId }: NewChat) =>
      api<Chat>("POST", ROOT, {
        organization_id: organizationId,
        content: textPart(text),
        model_config_id: modelConfigId,
        workspace_id: workspaceId,
        client_type: "ui",
      }),
    onSuccess: (chat) => {
      client.setQueryData(chatQuery(chat.id).queryKey, chat);
      return client.invalidateQueries({ queryKey: ["chats", "list"] });
    },
  });
}

export function useSendMessage(chatId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ text, modelConfigId }: { text: string; modelConfigId: string | undefined }) =>
      api<CreateChatMessageResponse>("POST", `${ROOT}/${chatId}/messages`, {
        content: textPart(text),
        model_config_id: modelConfigId,
        busy_behavior: "queue",
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["chats", "list"] }),
  });
}

export function useUpdateChat(chatId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: { title?: string; archived?: boolean }) => api("PATCH", `${ROOT}/${chatId}`, change),
    onSuccess: () => client.invalidateQueries({ queryKey: ["chats"] }),
  });
}

export function useInterrupt(chatId: string) {
  return useMutation({ mutationFn: () => api<Chat>("POST", `${ROOT}/${chatId}/interrupt`) });
}

export function useQueueActions(chatId: string) {
  const remove = useMutation({ mutationFn: (id: number) => api("DELETE", `${ROOT}/${chatId}/queue/${id}`) });
  const promote = useMutation({ mutationFn: (id: number) => api("POST", `${ROOT}/${chatId}/queue/${id}/promote`) });
  return { remove, promote };
}
