/** What each kind of provider needs to be told. Pure. */
import type { AIProvider } from "@/api/types";

export type ProviderType = AIProvider["type"];

export interface ProviderKind {
  type: ProviderType;
  label: string;
  /** Shown where the kind is chosen. */
  hint: string;
  /** Where it is asked; empty when one has to be named. */
  baseUrl: string;
  placeholder: string;
  /** The form of its keys; null when it needs none. */
  key: string | null;
  /** An identifier of one of its models, as an example. */
  model: string;
}

export const providerKinds: ProviderKind[] = [
  { type: "openai-compat", label: "OpenAI-compatible", hint: "A gateway or a model server of your own", baseUrl: "", placeholder: "http://127.0.0.1:11434/v1", key: "", model: "qwen3-coder" },
  { type: "openai", label: "OpenAI", hint: "Chat Completions and Responses", baseUrl: "https://api.openai.com/v1", placeholder: "", key: "sk-…", model: "gpt-5" },
  { type: "anthropic", label: "Anthropic", hint: "Messages, with thoughts and prompt caching", baseUrl: "https://api.anthropic.com", placeholder: "", key: "sk-ant-…", model: "claude-sonnet-4-5" },
  { type: "google", label: "Google", hint: "Gemini", baseUrl: "https://generativelanguage.googleapis.com", placeholder: "", key: "AIza…", model: "gemini-2.5-pro" },
  { type: "azure", label: "Azure OpenAI", hint: "Models deployed in your Azure resource", baseUrl: "", placeholder: "https://my-resource.openai.azure.com/openai/v1", key: "", model: "my-deployment" },
  { type: "bedrock", label: "Amazon Bedrock", hint: "Anthropic’s models at AWS", baseUrl: "", placeholder: "https://bedrock-runtime.us-east-1.amazonaws.com", key: "", model: "anthropic.claude-sonnet-4-5-20250929-v1:0" },
  { type: "openrouter", label: "OpenRouter", hint: "Many providers behind one key", baseUrl: "https://openrouter.ai/api/v1", placeholder: "", key: "sk-or-…", model: "anthropic/claude-sonnet-4.5" },
  { type: "vercel", label: "Vercel AI Gateway", hint: "Many providers behind one key", baseUrl: "https://ai-gateway.vercel.sh/v1", placeholder: "", key: "", model: "anthropic/claude-sonnet-4.5" },
];

export function providerKind(type: ProviderType): ProviderKind | undefined {
  return providerKinds.find((kind) => kind.type === type);
}

/** The provider's name in addresses: lower-case letters, digits and hyphens. */
export function slug(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 32)
      .replace(/-+$/, "") || "provider"
  );
}
