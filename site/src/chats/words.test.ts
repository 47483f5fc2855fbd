import { expect, it } from "vitest";
import { waiting } from "./words";

it.each([
  [0, "0 s"],
  [119, "119 s"],
  [120, "2 min"],
  [3601, "61 min"],
  [7200, "2 h"],
  [172_800, "2 days"],
  [2_300_588_012, "26628 days"],
])("tells a wait of %i seconds as a person would", (seconds, words) => {
  expect(waiting(seconds)).toBe(words);
});
