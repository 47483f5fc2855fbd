import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "./client";
import type { AIProvider, ChatModelConfig, ChatModelsResponse, CreateAIProviderRequest, CreateChatModelConfigRequest, UpdateAIProviderRequest, UpdateChatModelConfigRequest } from "./types";

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

/** Which models can be asked at all, and why not. */
export const availableQuery = queryOptions({
  queryKey: ["models", "available"],
  queryFn: () => api<ChatModelsResponse>("GET", "/api/experimental/chats/models"),
  staleTime: 30_000,
});

/** Why a model cannot be used, or null. */
export function unavailableWords(available: ChatModelsResponse | undefined, model: string): string | null {
  const provider = available?.providers.find((one) => one.models.some((held) => held.id === model));
  if (!provider || provider.available) return null;
  switch (provider.unavailable_reason) {
    case "missing_api_key":
      return "The provider has no key yet";
    case "user_api_key_required":
      return "Needs a key of your own: Your account, Chats";
    case "fetch_failed":
      return "The provider cannot be reached";
    default:
      return "Not available now";
  }
}

function useModelMutation<Input, Output>(mutationFn: (input: Input) => Promise<Output>) {
  const client = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => client.invalidateQueries({ queryKey: ["models"] }) });
}

export function useCreateProvider() {
  return useModelMutation((request: CreateAIProviderRequest) => api<AIProvider>("POST", PROVIDERS, request));
}

export function useUpdateProvider() {
  return useModelMutation(({ id, ...change }: UpdateAIProviderRequest & { id: string }) => api<AIProvider>("PATCH", `${PROVIDERS}/${id}`, change));
}

export function useDeleteProvider() {
  return useModelMutation((id: string) => api("DELETE", `${PROVIDERS}/${id}`));
}

export function useCreateModelConfig() {
  return useModelMutation((request: CreateChatModelConfigRequest) => api<ChatModelConfig>("POST", MODELS, request));
}

export function useUpdateModelConfig() {
  return useModelMutation(({ id, ...change }: UpdateChatModelConfigRequest & { id: string }) => api<ChatModelConfig>("PATCH", `${MODELS}/${id}`, change));
}

export function useDeleteModelConfig() {
  return useModelMutation((id: string) => api("DELETE", `${MODELS}/${id}`));
}
