import { expect, it } from "vitest";
import { term, terms, withTerm } from "./query-terms";

it("splits at blanks but not inside quotes", () => {
  expect(terms('ada status:active name:"Ada Byron"')).toEqual(["ada", "status:active", 'name:"Ada Byron"']);
  expect(terms("  ")).toEqual([]);
});

it("reads a term without its quotes, whatever the case of its key", () => {
  expect(term('name:"Ada Byron" STATUS:active', "name")).toBe("Ada Byron");
  expect(term("STATUS:active", "status")).toBe("active");
  expect(term("status", "status")).toBe("");
});

it("replaces, adds and takes away a term and keeps the rest", () => {
  expect(withTerm("ada status:active", "status", "suspended")).toBe("ada status:suspended");
  expect(withTerm("ada", "role", "owner")).toBe("ada role:owner");
  expect(withTerm("ada status:active role:owner", "status", "")).toBe("ada role:owner");
  expect(withTerm("", "name", "Ada Byron")).toBe('name:"Ada Byron"');
});
