import { expect, it } from "vitest";
import type { DeploymentOption } from "@/api/types";
import { optionGroups, valueText } from "./options";

const option = (fields: Partial<DeploymentOption>): DeploymentOption => ({ name: "", description: "", value: null, ...fields });

it("groups what matches and leaves hidden options out", () => {
  const network = { name: "Networking" };
  const options = [
    { name: "Address", flag: "http-address", group: network },
    { name: "TLS", flag: "tls-enable", group: { name: "Networking / TLS" } },
    { name: "Secret door", flag: "door", hidden: true, group: network },
    { name: "Loose", env: "CODER_LOOSE" },
  ].map(option);
  expect(optionGroups(options, "").map((g) => [g.title, g.options.length])).toEqual([["Networking", 1], ["Networking / TLS", 1], ["Other", 1]]);
  expect(optionGroups(options, "warren_loose").map((g) => g.title)).toEqual(["Other"]);
  expect(optionGroups(options, "door")).toEqual([]);
});

it("writes values in words and never a secret", () => {
  expect(valueText(option({ value: true }))).toBe("on");
  expect(valueText(option({ value: "" }))).toBe("not set");
  expect(valueText(option({ value: [] }))).toBe("none");
  expect(valueText(option({ value: ["a", "b"] }))).toBe("a, b");
  expect(valueText(option({ value: 86_400e9, default: "24h0m0s" }))).toBe("1 d");
  expect(valueText(option({ value: 90e9, default: "1m30s" }))).toBe("90 s");
  expect(valueText(option({ value: 512, default: "512" }))).toBe("512");
  expect(valueText(option({ value: "hunter2", value_source: "env", annotations: { secret: "true" } }))).toBe("set, not shown");
  expect(valueText(option({ value: "", value_source: "default", annotations: { secret: "true" } }))).toBe("not set");
});
