import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { Workspace } from "@/api/types";
import { workspaceQuery } from "@/api/workspaces";
import { Button } from "@/ui/button";
import { Logo } from "@/ui/logo";
import { useTitle } from "@/ui/page";
import { Spinner } from "@/ui/spinner";
import { Status } from "@/ui/status";
import { useNow } from "@/ui/time";
import { agentsOf, canConnect, explain } from "@/workspaces/status";
import type { PtyState } from "./pty";
import { TerminalView } from "./terminal-view";

export function TerminalPage() {
  const { owner, name } = useParams({ from: "/signed-in/@{$owner}/$name/terminal" });
  const search = useSearch({ from: "/signed-in/@{$owner}/$name/terminal" });
  useTitle(`${name} terminal`);
  const workspace = useQuery(workspaceQuery(owner, name));
  const [link, setLink] = useState<PtyState>({ kind: "connecting" });
  const [retry, setRetry] = useState<() => void>(() => () => {});
  const agent = workspace.data ? pickAgent(workspace.data, search.agent) : undefined;
  // The command comes from the template, never from the address: a link cannot make a shell run something.
  const app = agent?.apps.find((one) => one.slug === search.app && one.command);
  // Once attached, the terminal keeps its own connection: a poll that says "disconnected" must not tear it down.
  const [attached, setAttached] = useState<string | null>(null);
  if (agent && canConnect(agent) && attached !== agent.id) setAttached(agent.id);
  // The agent was away and is back: the terminal that ended with its connection is still there.
  const connected = agent !== undefined && canConnect(agent);
  const wasConnected = useRef(connected);
  useEffect(() => {
    if (connected && !wasConnected.current && link.kind === "ended") retry();
    wasConnected.current = connected;
  }, [connected, link.kind, retry]);
  const waits = !attached || (agent && agent.id !== attached) || workspace.data?.latest_build.transition !== "start";

  return (
    <div className="flex h-dvh flex-col bg-terminal text-white [color-scheme:dark]">
      <header className="flex h-11 shrink-0 items-center gap-3 border-b border-white/10 px-3 text-[0.8125rem]">
        <Link to="/@{$owner}/$name" params={{ owner, name }} className="flex items-center gap-2 rounded-md px-1.5 py-1 text-white/70 hover:bg-white/10 hover:text-white">
          <ArrowLeft aria-hidden className="size-4" />
          <Logo className="size-5" />
          <span className="font-medium text-white">{name}</span>
          {agent ? <span className="text-white/60">{app ? app.display_name || app.slug : agent.name}</span> : null}
        </Link>
        <div className="flex-1" />
        {waits ? null : <LinkStatus state={link} retry={retry} />}
      </header>
      {waits || !attached ? (
        <Waiting error={workspace.error} text={workspace.data ? waitText(workspace.data) : "Looking for the workspace…"} />
      ) : (
        <TerminalView key={attached} agentId={attached} session={app?.slug} command={app?.command ?? undefined} onState={setLink} onRetry={(now) => setRetry(() => now)} />
      )}
    </div>
  );
}

function pickAgent(workspace: Workspace, name: string | undefined) {
  const agents = agentsOf(workspace);
  return name ? agents.find((agent) => agent.name === name) : agents[0];
}

function waitText(workspace: Workspace): string {
  if (workspace.latest_build.status === "running" && agentsOf(workspace).length > 0) {
    return `${explain(workspace)} The terminal opens by itself.`;
  }
  return explain(workspace);
}

function Waiting({ error, text }: { error: unknown; text: string }) {
  return (
    <div role="status" className="grid flex-1 place-items-center p-6 text-center text-sm text-white/75">
      <p className="flex max-w-md flex-col items-center gap-4">
        {error ? null : <Spinner className="size-5 text-white/60" />}
        {error instanceof Error ? error.message : text}
      </p>
    </div>
  );
}

function LinkStatus({ state, retry }: { state: PtyState; retry: () => void }) {
  const now = useNow(500);
  if (state.kind === "open") {
    return (
      <Status tone="good" className="text-white/75" data-testid="terminal-status" data-status="open">
        Connected
      </Status>
    );
  }
  if (state.kind === "ended") {
    return (
      <span className="flex items-center gap-3">
        <Status tone="quiet" className="text-white/75" data-testid="terminal-status" data-status="ended">
          Ended
        </Status>
        <Button size="sm" onClick={retry} className="border-white/20 bg-white/10 text-white hover:bg-white/20">
          Start again
        </Button>
      </span>
    );
  }
  if (state.kind === "connecting") {
    return (
      <Status tone="busy" className="text-white/75" data-testid="terminal-status" data-status="connecting">
        Connecting
      </Status>
    );
  }
  return (
    <span className="flex items-center gap-3">
      <Status tone="warn" className="text-white/85" data-testid="terminal-status" data-status="lost">
        {state.reason ? `Not connected: ${state.reason}` : "Connection lost"}; next try in {Math.max(0, Math.ceil((state.retryAt - now) / 1000))} s
      </Status>
      <Button size="sm" onClick={retry} className="border-white/20 bg-white/10 text-white hover:bg-white/20">
        Reconnect now
      </Button>
    </span>
  );
}
