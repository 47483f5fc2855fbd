/** How full the model's context is, from the usage that messages carry. Pure. */
import type { ChatMessage, ChatModelConfig } from "@/api/types";

export interface ContextUse {
  /** Tokens of the newest request. */
  used: number;
  limit: number;
  /** Percent at which the conversation is condensed; null when it never is. */
  threshold: number | null;
  percent: number;
  /** Sums over the messages that are shown. */
  input: number;
  output: number;
  cached: number;
}

type Usage = NonNullable<ChatMessage["usage"]>;

export function contextUse(messages: ChatMessage[], model: ChatModelConfig | undefined): ContextUse | null {
  const newest = messages.findLast((message) => message.usage && contextTokens(message.usage) > 0)?.usage;
  const limit = newest?.context_limit || model?.context_limit || 0;
  if (!newest || limit <= 0) return null;
  const used = contextTokens(newest);
  const sum = (read: (usage: Usage) => number) => messages.reduce((total, message) => total + (message.usage ? read(message.usage) : 0), 0);
  const threshold = model?.compression_threshold ?? 70;
  return {
    used,
    limit,
    threshold: threshold >= 100 ? null : threshold,
    percent: Math.min(100, Math.round((used / limit) * 100)),
    input: sum((usage) => usage.input_tokens ?? 0),
    output: sum((usage) => usage.output_tokens ?? 0),
    cached: sum((usage) => usage.cache_read_tokens ?? 0),
  };
}

/** What the request itself held; providers that do not split it only give a total. */
function contextTokens(usage: Usage): number {
  const parts = (usage.input_tokens ?? 0) + (usage.cache_read_tokens ?? 0) + (usage.cache_creation_tokens ?? 0);
  return parts > 0 ? parts : (usage.total_tokens ?? 0);
}
