/** What is done in one chat. The stream brings what comes of it; these calls only say whether the server took it. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { CHATS, chatQuery, textPart } from "./chats";
import { api } from "./client";
import type { Chat, ChatApprovalRule, ChatMessage, CreateChatMessageResponse } from "./types";

interface Message {
  text: string;
  modelConfigId: string | undefined;
}

function useChatAction<Input, Output>(mutationFn: (input: Input) => Promise<Output>) {
  const client = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => void client.invalidateQueries({ queryKey: ["chats"] }) });
}

export function useSendMessage(chatId: string) {
  return useChatAction(({ text, modelConfigId }: Message) =>
    api<CreateChatMessageResponse>("POST", `${CHATS}/${chatId}/messages`, { content: textPart(text), model_config_id: modelConfigId, busy_behavior: "queue" }),
  );
}

/** Replaces an earlier message of the user; what followed it is cut and the chat answers anew. */
export function useEditMessage(chatId: string) {
  return useChatAction(({ id, text, modelConfigId }: Message & { id: number }) =>
    api<{ message: ChatMessage }>("PATCH", `${CHATS}/${chatId}/messages/${id}`, { content: textPart(text), model_config_id: modelConfigId }),
  );
}

export interface ChatChange {
  title?: string;
  archived?: boolean;
  pin_order?: number;
  labels?: Record<string, string>;
}

export function useUpdateChat(chatId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: ChatChange) => api("PATCH", `${CHATS}/${chatId}`, change),
    onSuccess: (_, change) => {
      client.setQueryData(chatQuery(chatId).queryKey, (held) => held && { ...held, ...change });
      return client.invalidateQueries({ queryKey: ["chats"] });
    },
  });
}

/** A title that the model thinks of; nothing is changed by it. */
export function useProposeTitle(chatId: string) {
  return useMutation({ mutationFn: () => api<{ title: string }>("POST", `${CHATS}/${chatId}/title/propose`) });
}

export function useInterrupt(chatId: string) {
  return useMutation({ mutationFn: () => api<Chat>("POST", `${CHATS}/${chatId}/interrupt`) });
}

/** Brings a chat whose stored state makes no sense into one that does. */
export function useReconcile(chatId: string) {
  return useChatAction(() => api<Chat>("POST", `${CHATS}/${chatId}/reconcile-invalid`));
}

export function useQueueActions(chatId: string) {
  const remove = useMutation({ mutationFn: (id: number) => api("DELETE", `${CHATS}/${chatId}/queue/${id}`) });
  const promote = useMutation({ mutationFn: (id: number) => api("POST", `${CHATS}/${chatId}/queue/${id}/promote`) });
  return { remove, promote };
}

export interface Decision {
  tool_call_id: string;
  approve: boolean;
  note?: string;
  remember?: boolean;
}

export function useDecide(chatId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (decision: Decision) => api("POST", `${CHATS}/${chatId}/approvals`, { decisions: [decision] }),
    onSuccess: () => client.invalidateQueries(approvalRulesQuery(chatId)),
  });
}

/** What the chat remembers of such decisions, the newest first. */
export function approvalRulesQuery(chatId: string) {
  return queryOptions({
    queryKey: ["chats", "approval-rules", chatId],
    queryFn: () => api<{ rules: ChatApprovalRule[] }>("GET", `${CHATS}/${chatId}/approval-rules`),
  });
}

export function useForgetRules(chatId: string) {
  const client = useQueryClient();
  return useMutation({ mutationFn: () => api("DELETE", `${CHATS}/${chatId}/approval-rules`), onSuccess: () => client.invalidateQueries(approvalRulesQuery(chatId)) });
}

/** What the user wrote in this chat, the newest first. */
export function promptsQuery(chatId: string) {
  return queryOptions({
    queryKey: ["chats", "prompts", chatId],
    queryFn: () => api<{ prompts: { id: number; text: string }[] }>("GET", `${CHATS}/${chatId}/prompts?limit=100`),
  });
}
