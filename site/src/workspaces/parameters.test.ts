// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { TemplateVersionParameter } from "@/api/types";
import { problem, toBuildParameters } from "./parameters";

const parameter = (fields: Partial<TemplateVersionParameter>): TemplateVersionParameter =>
  ({ name: "p", type: "string", default_value: "", required: false, options: [], ...fields }) as TemplateVersionParameter;

describe("problem", () => {
  it("asks for a required value", () => {
    expect(problem(parameter({ required: true }), "")).toMatch(/needs a value/);
    expect(problem(parameter({ required: true }), "x")).toBeNull();
  });

  it("checks numbers and their range", () => {
    const cores = parameter({ type: "number", validation_min: 1, validation_max: 8 });
    expect(problem(cores, "x")).toBe("This must be a number.");
    expect(problem(cores, "9")).toBe("This must be between 1 and 8.");
    expect(problem(cores, "8")).toBeNull();
  });

  it("uses the template's own sentence", () => {
    expect(problem(parameter({ validation_regex: "^[a-z]+$", validation_error: "Lower case only." }), "A")).toBe("Lower case only.");
  });

  it("leaves an expression that the browser cannot read to the server", () => {
    expect(problem(parameter({ validation_regex: "(?P<x>a)" }), "b")).toBeNull();
  });
});

it("sends the set value, else the default", () => {
  const parameters = [parameter({ name: "a", default_value: "1" }), parameter({ name: "b", default_value: "2" })];
  expect(toBuildParameters(parameters, { b: "" })).toEqual([
    { name: "a", value: "1" },
    { name: "b", value: "" },
  ]);
});
