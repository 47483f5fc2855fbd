import { expect, it } from "vitest";
import { badEntry, daysLabel, isExpired, lifetimes, limits, scopeGroups, scopeSummary, wasUsed } from "./token-facts";

const DAY = 86_400e9;

it("offers lifetimes up to what the server allows, the longest included", () => {
  expect(lifetimes(7 * DAY)).toEqual([1, 7]);
  expect(lifetimes(100 * DAY)).toEqual([1, 7, 30, 90, 100]);
  expect(lifetimes(876_600 * 3600e9).at(-1)).toBe(3650);
  expect(lifetimes(0)).toEqual([1]);
  expect([daysLabel(1), daysLabel(90), daysLabel(3650)]).toEqual(["1 day", "90 days", "10 years"]);
});

it("tells everything from a few scopes", () => {
  expect(scopeSummary({ scopes: ["all"] })).toBe("Everything");
  expect(scopeSummary({ scopes: ["coder:all"] })).toBe("Everything");
  expect(scopeSummary({ scopes: ["template:read", "file:read"] })).toBe("template:read, file:read");
});

it("knows year 1 as never, and an expired token by the clock", () => {
  expect(wasUsed({ last_used: "0001-01-01T00:00:00Z" })).toBe(false);
  expect(wasUsed({ last_used: "2026-01-01T00:00:00Z" })).toBe(true);
  const now = Date.parse("2026-01-02T00:00:00Z");
  expect(isExpired({ expires_at: "2026-01-01T00:00:00Z" }, now)).toBe(true);
  expect(isExpired({ expires_at: "2026-01-03T00:00:00Z" }, now)).toBe(false);
});

it("shows only limits that limit", () => {
  expect(limits({ allow_list: ["*:*"] })).toEqual([]);
  expect(limits({ allow_list: [] })).toEqual([]);
  expect(limits({ allow_list: ["template:*"] })).toEqual(["template:*"]);
});

it("groups scopes by noun, bundles first, without the one that is everything", () => {
  const groups = scopeGroups(["workspace:read", "coder:all", "all", "coder:templates.build", "api_key:read", "workspace:*"]);
  expect(groups.map((g) => g.title)).toEqual(["Bundles", "api key", "workspace"]);
  expect(groups.flatMap((g) => g.scopes)).not.toContain("coder:all");
});

it("finds the entry of an allow-list that is not type:id", () => {
  const id = "7c6a1a0e-2b5d-4f6e-9d8c-1f2e3d4c5b6a";
  expect(badEntry([`workspace:${id}`, "template:*", "*:*"])).toBeUndefined();
  expect(badEntry(["template:*", "workspace:dev"])).toBe("workspace:dev");
  expect(badEntry(["workspace"])).toBe("workspace");
});
