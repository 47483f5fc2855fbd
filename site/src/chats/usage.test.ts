// @vitest-environment node
import { expect, it } from "vitest";
import type { ChatMessage, ChatModelConfig } from "@/api/types";
import { contextUse } from "./usage";

const said = (id: number, usage?: object) => ({ id, role: "assistant", chat_id: "c", created_at: "2026-07-01T10:00:00Z", usage }) as ChatMessage;
const model = { context_limit: 1000, compression_threshold: 60 } as ChatModelConfig;

it("takes the newest request for what the context holds, and sums the rest", () => {
  const use = contextUse([said(1, { input_tokens: 100, output_tokens: 10 }), said(2, { input_tokens: 50, cache_read_tokens: 200, cache_creation_tokens: 50, output_tokens: 5 }), said(3)], model);
  expect(use).toEqual({ used: 300, limit: 1000, threshold: 60, percent: 30, input: 150, output: 15, cached: 200 });
});

it("takes the total when the provider does not split it, and the limit that the message names", () => {
  expect(contextUse([said(1, { total_tokens: 250, context_limit: 500 })], model)).toMatchObject({ used: 250, limit: 500, percent: 50 });
});

it("knows nothing without usage or a limit", () => {
  expect(contextUse([said(1)], model)).toBeNull();
  expect(contextUse([said(1, { input_tokens: 5 })], undefined)).toBeNull();
});

it("never condenses at 100 percent", () => {
  expect(contextUse([said(1, { input_tokens: 5 })], { ...model, compression_threshold: 100 })?.threshold).toBeNull();
});
