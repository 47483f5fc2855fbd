// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { ProvisionerJobLog } from "@/api/types";
import { addLogs, groupLogs } from "./log-groups";

const line = (id: number, stage: string, second: number, log_level: ProvisionerJobLog["log_level"] = "info"): ProvisionerJobLog => ({
  id,
  stage,
  log_level,
  log_source: "provisioner",
  output: `line ${id}`,
  created_at: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(),
});

describe("groupLogs", () => {
  it("cuts the log where the stage changes and times each stage to the start of the next", () => {
    const stages = groupLogs([line(1, "Setting up", 0), line(2, "Planning Infrastructure", 2), line(3, "Planning Infrastructure", 3), line(4, "Starting workspace", 7)]);
    expect(stages.map((s) => [s.name, s.lines.length, (s.endedAt - s.startedAt) / 1000])).toEqual([
      ["Setting up", 1, 2],
      ["Planning Infrastructure", 2, 5],
      ["Starting workspace", 1, 0],
    ]);
  });

  it("makes a new group when a stage comes back", () => {
    const stages = groupLogs([line(1, "a", 0), line(2, "b", 1), line(3, "a", 2)]);
    expect(stages.map((s) => s.name)).toEqual(["a", "b", "a"]);
    expect(new Set(stages.map((s) => s.key)).size).toBe(3);
  });

  it("marks the stage that holds an error", () => {
    expect(groupLogs([line(1, "a", 0), line(2, "b", 1, "error"), line(3, "b", 2)]).map((s) => s.failed)).toEqual([false, true]);
  });

  it("has no stages without lines", () => {
    expect(groupLogs([])).toEqual([]);
  });
});

describe("addLogs", () => {
  const held = [line(1, "a", 0), line(2, "a", 1)];

  it("appends later lines", () => {
    expect(addLogs(held, [line(3, "a", 2), line(4, "a", 3)]).map((l) => l.id)).toEqual([1, 2, 3, 4]);
  });

  it("leaves out lines that a reconnect repeats", () => {
    expect(addLogs(held, [line(2, "a", 1), line(3, "a", 2)]).map((l) => l.id)).toEqual([1, 2, 3]);
    expect(addLogs(held, [line(1, "a", 0)])).toBe(held);
    expect(addLogs(held, [])).toBe(held);
  });

  it("puts a late line in its place", () => {
    expect(addLogs([line(1, "a", 0), line(3, "a", 2)], [line(2, "a", 1)]).map((l) => l.id)).toEqual([1, 2, 3]);
  });
});
