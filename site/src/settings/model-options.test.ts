// @vitest-environment node
import { expect, it } from "vitest";
import type { ChatModelCallConfig, ChatModelConfig } from "@/api/types";
import { blankFields, fromFields, optionsProblem, toFields } from "./model-options";

const config = { max_output_tokens: 4000, top_p: 0.9, cost: { input_price_per_million_tokens: "1.25", output_price_per_million_tokens: 10 }, provider_options: { openai: { reasoning_effort: "high" } } };
const model = { context_limit: 1000, compression_threshold: 60, model_config: config as unknown as ChatModelCallConfig } as ChatModelConfig;

it("shows what a model has and gives it back unchanged, with what the form does not show", () => {
  const fields = toFields(model);
  expect(fields).toMatchObject({ context: "1000", threshold: "60", maxOutput: "4000", temperature: "", priceInput: "1.25", priceOutput: "10", priceCacheRead: "" });
  expect(fromFields(fields, model.model_config)).toEqual({ context_limit: 1000, compression_threshold: 60, model_config: { ...config, cost: { input_price_per_million_tokens: 1.25, output_price_per_million_tokens: 10 } } });
});

it("leaves out what is empty", () => {
  expect(fromFields({ ...toFields(model), priceInput: "", priceOutput: " ", maxOutput: "", options: "" }, model.model_config).model_config).toEqual({ top_p: 0.9 });
  expect(fromFields(blankFields, null).model_config).toEqual({});
});

it("says what is wrong with options that are no object", () => {
  expect(optionsProblem("")).toBeNull();
  expect(optionsProblem('{"openai":{}}')).toBeNull();
  expect(optionsProblem("{")).toContain("not JSON");
  expect(optionsProblem("[1]")).toContain("object");
});
