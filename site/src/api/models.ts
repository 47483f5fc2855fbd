import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "./client";
import type { AIProvider, ChatModelConfig, CreateAIProviderRequest, CreateChatModelConfigRequest } from "./types";

const PROVIDERS = "/api/v2/ai/providers";
const MODELS = "/api/experimental/chats/model-configs";

export const providersQuery = queryOptions({
  queryKey: ["models", "providers"],
  queryFn: () => api<AIProvider[]>("GET", PROVIDERS),
});

export const modelConfigsQuery = queryOptions({
  queryKey: ["models", "configs"],
  queryFn: () => api<ChatModelConfig[]>("GET", MODELS),
});

function useModelMutation<Input, Output>(mutationFn: (input: Input) => Promise<Output>) {
  const client = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => client.invalidateQueries({ queryKey: ["models"] }) });
}

export function useCreateProvider() {
  return useModelMutation((request: CreateAIProviderRequest) => api<AIProvider>("POST", PROVIDERS, request));
}

export function useDeleteProvider() {
  return useModelMutation((id: string) => api("DELETE", `${PROVIDERS}/${id}`));
}

export function useCreateModelConfig() {
  return useModelMutation((request: CreateChatModelConfigRequest) => api<ChatModelConfig>("POST", MODELS, request));
}

export function useUpdateModelConfig() {
  return useModelMutation(({ id, ...change }: { id: string; is_default?: boolean; enabled?: boolean }) =>
    api<ChatModelConfig>("PATCH", `${MODELS}/${id}`, change),
  );
}

export function useDeleteModelConfig() {
  return useModelMutation((id: string) => api("DELETE", `${MODELS}/${id}`));
}
