/** A model's settings as texts of a form, and back. Pure. */
import type { ChatModelCallConfig, ChatModelConfig } from "@/api/types";

export interface ModelFields {
  context: string;
  threshold: string;
  maxOutput: string;
  temperature: string;
  priceInput: string;
  priceOutput: string;
  priceCacheRead: string;
  priceCacheWrite: string;
  /** The provider's own options, as JSON; empty for none. */
  options: string;
}

export const blankFields: ModelFields = { context: "128000", threshold: "70", maxOutput: "", temperature: "", priceInput: "", priceOutput: "", priceCacheRead: "", priceCacheWrite: "", options: "" };

const prices = { priceInput: "input", priceOutput: "output", priceCacheRead: "cache_read", priceCacheWrite: "cache_write" } as const;

type Held = Record<string, unknown>;

function held(value: unknown): Held {
  return typeof value === "object" && value !== null ? (value as Held) : {};
}

function shown(value: unknown): string {
  return typeof value === "number" || typeof value === "string" ? String(value) : "";
}

export function toFields(model: ChatModelConfig): ModelFields {
  const config = held(model.model_config);
  const cost = held(config["cost"]);
  const price = (name: string) => shown(cost[`${name}_price_per_million_tokens`]);
  return {
    context: String(model.context_limit),
    threshold: String(model.compression_threshold),
    maxOutput: shown(config["max_output_tokens"]),
    temperature: shown(config["temperature"]),
    priceInput: price("input"),
    priceOutput: price("output"),
    priceCacheRead: price("cache_read"),
    priceCacheWrite: price("cache_write"),
    options: config["provider_options"] ? JSON.stringify(config["provider_options"], null, 2) : "",
  };
}

/** What is wrong with the provider's own options, or null. */
export function optionsProblem(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? null : "This must be a JSON object, such as {\"openai\": {\"reasoning_effort\": \"high\"}}.";
  } catch {
    return "This is not JSON yet.";
  }
}

/** The part of a request that the fields make; what the form does not show is kept from `before`. */
export function fromFields(fields: ModelFields, before: ChatModelCallConfig | null | undefined): { context_limit: number; compression_threshold: number; model_config: ChatModelCallConfig } {
  const config: Held = { ...held(before) };
  const put = (name: string, text: string) => {
    if (text.trim() === "") delete config[name];
    else config[name] = Number(text);
  };
  put("max_output_tokens", fields.maxOutput);
  put("temperature", fields.temperature);
  const cost: Held = {};
  for (const [field, name] of Object.entries(prices)) {
    const text = fields[field as keyof typeof prices].trim();
    if (text !== "") cost[`${name}_price_per_million_tokens`] = Number(text);
  }
  delete config["cost"];
  if (Object.keys(cost).length > 0) config["cost"] = cost;
  delete config["provider_options"];
  if (fields.options.trim() !== "") config["provider_options"] = JSON.parse(fields.options) as unknown;
  return { context_limit: Number(fields.context), compression_threshold: Number(fields.threshold), model_config: config as ChatModelCallConfig };
}
