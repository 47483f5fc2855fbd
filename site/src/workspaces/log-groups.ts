import type { ProvisionerJobLog } from "@/api/types";

/** The lines of one build stage, in order. Times are milliseconds since the epoch. */
export interface LogStage {
  key: string;
  name: string;
  lines: ProvisionerJobLog[];
  startedAt: number;
  /** Start of the next stage, or the last line's time when it is the last stage. */
  endedAt: number;
  failed: boolean;
}

/** Adds new lines in id order; lines already held (a reconnect repeats some) are left out. */
export function addLogs(held: ProvisionerJobLog[], fresh: ProvisionerJobLog[]): ProvisionerJobLog[] {
  const last = held.at(-1)?.id ?? -1;
  if (fresh.every((line, i) => line.id > (i === 0 ? last : (fresh[i - 1]?.id ?? last)))) {
    return fresh.length === 0 ? held : [...held, ...fresh];
  }
  const byId = new Map(held.map((line) => [line.id, line]));
  for (const line of fresh) byId.set(line.id, line);
  return byId.size === held.length ? held : [...byId.values()].sort((a, b) => a.id - b.id);
}

/** Cuts a build log into its stages. A stage that comes back later (two plans, say) is a new group. */
export function groupLogs(logs: ProvisionerJobLog[]): LogStage[] {
  const stages: LogStage[] = [];
  for (const line of logs) {
    const at = Date.parse(line.created_at);
    let stage = stages.at(-1);
    if (!stage || stage.name !== line.stage) {
      if (stage) stage.endedAt = Math.max(stage.endedAt, at);
      stage = { key: `${line.stage}-${line.id}`, name: line.stage, lines: [], startedAt: at, endedAt: at, failed: false };
      stages.push(stage);
    }
    stage.lines.push(line);
    stage.endedAt = Math.max(stage.endedAt, at);
    stage.failed ||= line.log_level === "error";
  }
  return stages;
}
