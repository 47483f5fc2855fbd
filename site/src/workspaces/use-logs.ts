import { useEffect, useState } from "react";
import { type LinkState, follow } from "@/api/socket";
import type { ProvisionerJobLog, WorkspaceAgentLog } from "@/api/types";
import { addLogs } from "./log-groups";

interface Following<Line> {
  lines: Line[];
  link: LinkState;
}

/** Follows a build's log from its first line, over reconnects, until the build has ended. */
export function useBuildLogs(buildId: string): Following<ProvisionerJobLog> {
  const [lines, setLines] = useState<ProvisionerJobLog[]>([]);
  const [link, setLink] = useState<LinkState>("connecting");
  useEffect(() => {
    let last = -1;
    setLines([]);
    const socket = follow({
      path: () => `/api/v2/workspacebuilds/${buildId}/logs?follow&after=${last}`,
      onMessage: (data) => {
        const line = JSON.parse(data) as ProvisionerJobLog;
        last = Math.max(last, line.id);
        setLines((held) => addLogs(held, [line]));
      },
      onState: setLink,
      endsNormally: true,
    });
    return socket.stop;
  }, [buildId]);
  return { lines, link };
}

/** Follows an agent's start-script log. */
export function useAgentLogs(agentId: string): Following<WorkspaceAgentLog> {
  const [lines, setLines] = useState<WorkspaceAgentLog[]>([]);
  const [link, setLink] = useState<LinkState>("connecting");
  useEffect(() => {
    let last = 0;
    setLines([]);
    const socket = follow({
      path: () => `/api/v2/workspaceagents/${agentId}/logs?follow&after=${last}`,
      onMessage: (data) => {
        const batch = (JSON.parse(data) as WorkspaceAgentLog[]).filter((line) => line.id > last);
        if (batch.length === 0) return;
        last = batch.at(-1)?.id ?? last;
        setLines((held) => [...held, ...batch]);
      },
      onState: setLink,
      endsNormally: true,
    });
    return socket.stop;
  }, [agentId]);
  return { lines, link };
}
