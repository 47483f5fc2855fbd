import { Check, ChevronRight, X } from "lucide-react";
import { useState } from "react";
import type { WorkspaceBuild } from "@/api/types";
import { cn } from "@/ui/cn";
import { ErrorText } from "@/ui/error-text";
import { Spinner } from "@/ui/spinner";
import { duration, useNow } from "@/ui/time";
import { type LogStage, groupLogs } from "./log-groups";
import { LogLines, useStickToEnd } from "./log-lines";
import { useBuildLogs } from "./use-logs";

/** The log of a build, grouped by stage; the stage at work is open, those that are done fold up. */
export function BuildLog({ build }: { build: WorkspaceBuild }) {
  const { lines, link } = useBuildLogs(build.id);
  const active = ["pending", "running", "canceling"].includes(build.job.status);
  const stages = groupLogs(lines);
  const scroll = useStickToEnd(lines.length);
  return (
    <div data-testid="build-log" data-job-status={build.job.status}>
      {build.job.error ? <ErrorText title="Why it failed" text={build.job.error} className="m-4" /> : null}
      <div ref={scroll.ref} onScroll={scroll.onScroll} className="max-h-[28rem] overflow-y-auto">
        {stages.length === 0 ? (
          <p className="px-5 py-6 text-sm text-muted-foreground">
            {active ? "Waiting for the first line…" : link === "ended" ? "This build wrote no log." : "Loading the log…"}
          </p>
        ) : (
          stages.map((stage, index) => {
            const isLast = index === stages.length - 1;
            const failed = stage.failed || (isLast && build.job.status === "failed");
            return <Stage key={stage.key} stage={stage} running={isLast && active} failed={failed} />;
          })
        )}
      </div>
      {link === "reconnecting" ? <p className="border-t border-border px-5 py-2 text-xs text-warning-text">The connection was lost; reconnecting…</p> : null}
    </div>
  );
}

function Stage({ stage, running, failed }: { stage: LogStage; running: boolean; failed: boolean }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? (running || failed);
  const now = useNow(running ? 200 : 60_000);
  const took = (running ? Math.max(now, stage.endedAt) : stage.endedAt) - stage.startedAt;
  return (
    <section className="border-b border-border last:border-b-0">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setChosen(!open)}
        className="flex w-full items-center gap-2.5 px-5 py-2.5 text-left text-[0.8125rem] font-medium hover:bg-muted/60"
      >
        {running ? (
          <Spinner className="text-info" />
        ) : failed ? (
          <X aria-label="failed" className="size-4 text-danger" />
        ) : (
          <Check aria-label="done" className="size-4 text-success" />
        )}
        <span className="flex-1">{stage.name}</span>
        <span className="text-xs font-normal text-muted-foreground tabular-nums">{duration(took)}</span>
        <ChevronRight aria-hidden className={cn("size-4 text-muted-foreground transition-transform", open && "rotate-90")} />
      </button>
      {open ? (
        <div className="pb-3">
          <LogLines
            start={stage.startedAt}
            lines={stage.lines.map((line) => ({ id: line.id, text: line.output, level: line.log_level, time: line.created_at }))}
          />
        </div>
      ) : null}
    </section>
  );
}
