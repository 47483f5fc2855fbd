import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { isBusy } from "@/chats/reducer";
import { api } from "./client";
import type { Chat, CreateChatMessageResponse } from "./types";

const ROOT = "/api/experimental/chats";

export const chatsQuery = queryOptions({
  queryKey: ["chats", "list"],
  queryFn: ({ signal }) => api<Chat[]>("GET", ROOT, undefined, signal),
  refetchInterval: (query) => (query.state.data?.some((chat) => isBusy(chat.status)) ? 2_000 : 6_000),
});

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

export function useInterrupt(chatId: string) {
  return useMutation({ mutationFn: () => api<Chat>("POST", `${ROOT}/${chatId}/interrupt`) });
}

export function useQueueActions(chatId: string) {
  const remove = useMutation({ mutationFn: (id: number) => api("DELETE", `${ROOT}/${chatId}/queue/${id}`) });
  const promote = useMutation({ mutationFn: (id: number) => api("POST", `${ROOT}/${chatId}/queue/${id}/promote`) });
  return { remove, promote };
}
