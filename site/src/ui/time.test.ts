import { expect, it } from "vitest";
import { relative, upcoming } from "./time";

const now = Date.parse("2026-01-10T00:00:00Z");

it("tells the past and the future in the same words", () => {
  expect(relative("2026-01-03T00:00:00Z", now)).toBe("7 days ago");
  expect(upcoming("2026-01-17T00:00:00Z", now)).toBe("in 7 days");
});

it("does not take a day from a week that began a moment ago", () => {
  expect(upcoming("2026-01-16T23:59:30Z", now)).toBe("in 7 days");
});

it("says now for what is over, and for a clock that is ahead", () => {
  expect(upcoming("2026-01-09T00:00:00Z", now)).toBe("now");
  expect(relative("2026-01-11T00:00:00Z", now)).toBe("now");
});
