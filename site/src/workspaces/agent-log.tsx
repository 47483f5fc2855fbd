import type { WorkspaceAgent } from "@/api/types";
import { LogLines, useStickToEnd } from "./log-lines";
import { useAgentLogs } from "./use-logs";

/** What the agent's start scripts wrote. */
export function AgentLog({ agent }: { agent: WorkspaceAgent }) {
  const { lines, link } = useAgentLogs(agent.id);
  const scroll = useStickToEnd(lines.length);
  const first = lines[0];
  return (
    <div ref={scroll.ref} onScroll={scroll.onScroll} className="max-h-80 overflow-y-auto border-t border-border py-3" data-testid="agent-log">
      {first ? (
        <LogLines
          start={Date.parse(first.created_at)}
          lines={lines.map((line) => ({ id: line.id, text: line.output, level: line.level, time: line.created_at }))}
        />
      ) : (
        <p className="px-5 text-sm text-muted-foreground">
          {link === "connecting" ? "Loading the log…" : agent.scripts.length === 0 ? "This agent has no start scripts." : "The start scripts have written nothing so far."}
        </p>
      )}
      {agent.logs_overflowed ? <p className="px-5 pt-2 text-xs text-warning-text">The log reached its size limit; later lines are not kept.</p> : null}
    </div>
  );
}
