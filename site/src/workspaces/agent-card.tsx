import { Link } from "@tanstack/react-router";
import { ExternalLink, SquareChevronRight, SquareTerminal } from "lucide-react";
import { useState } from "react";
import type { Workspace, WorkspaceAgent } from "@/api/types";
import { Button } from "@/ui/button";
import { Command } from "@/ui/copy";
import { Card } from "@/ui/page";
import { Status } from "@/ui/status";
import { AgentLog } from "./agent-log";
import { agentWords, canConnect } from "./status";

/** One agent of a running workspace: its state, the ways in, and what its start scripts said. */
export function AgentCard({ workspace, agent, several }: { workspace: Workspace; agent: WorkspaceAgent; several: boolean }) {
  const words = agentWords(agent);
  const troubled = words.tone === "bad" || words.tone === "warn";
  const [shown, setShown] = useState<boolean | null>(null);
  const showLog = shown ?? (troubled || agent.lifecycle_state === "starting");
  const target = several ? `${workspace.name}.${agent.name}` : workspace.name;
  const shownApps = agent.apps.filter((app) => !app.hidden);
  const place = { owner: workspace.owner_name, name: workspace.name };
  const agentSearch = several ? { agent: agent.name } : {};
  return (
    <Card className="overflow-hidden" data-testid="agent">
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-4 px-5 py-4">
        <div className="min-w-0 space-y-1">
          <div className="flex items-center gap-3">
            <h2 className="font-mono text-sm font-semibold">{agent.name}</h2>
            <Status tone={words.tone} data-testid="agent-status" data-status={`${agent.status}/${agent.lifecycle_state}`}>
              {words.label}
            </Status>
          </div>
          <p className="text-[0.8125rem] text-muted-foreground">{words.explains}</p>
          <p className="text-xs text-muted-foreground">
            {agent.operating_system}/{agent.architecture}
            {agent.version ? ` · agent ${agent.version}` : ""}
            {agent.expanded_directory || agent.directory ? ` · ${agent.expanded_directory || agent.directory}` : ""}
          </p>
        </div>
        <div className="flex flex-wrap gap-2">
          {shownApps.map((app) => {
            const label = app.display_name || app.slug;
            if (app.external && app.url) {
              return (
                <Button asChild key={app.id}>
                  <a href={app.url} target="_blank" rel="noreferrer">
                    {label}
                    <ExternalLink aria-hidden />
                  </a>
                </Button>
              );
            }
            return app.command && canConnect(agent) ? (
              <Button asChild key={app.id}>
                <Link to="/@{$owner}/$name/terminal" params={place} search={{ ...agentSearch, app: app.slug }} target="_blank" data-testid="open-app">
                  <SquareChevronRight aria-hidden />
                  {label}
                </Link>
              </Button>
            ) : null;
          })}
          {canConnect(agent) ? (
            <Button asChild variant="primary">
              <Link
                to="/@{$owner}/$name/terminal"
                params={place}
                search={agentSearch}
                target="_blank"
                data-testid="open-terminal"
              >
                <SquareTerminal aria-hidden />
                Open terminal
              </Link>
            </Button>
          ) : (
            <Button variant="primary" disabled>
              <SquareTerminal aria-hidden />
              Open terminal
            </Button>
          )}
        </div>
      </div>
      <div className="grid gap-x-6 gap-y-3 border-t border-border px-5 py-4 sm:grid-cols-2">
        <div className="space-y-1.5">
          <div className="text-xs text-muted-foreground">From your terminal</div>
          <Command text={`warren ssh ${target}`} />
        </div>
        <div className="space-y-1.5">
          <div className="text-xs text-muted-foreground">Editors and OpenSSH, after “warren config-ssh”</div>
          <Command text={`ssh coder.${target}`} />
        </div>
      </div>
      <div className="border-t border-border">
        <button type="button" aria-expanded={showLog} onClick={() => setShown(!showLog)} className="w-full px-5 py-2.5 text-left text-[0.8125rem] font-medium text-muted-foreground hover:bg-muted/60 hover:text-foreground">
          {showLog ? "Hide the start-up log" : "Show the start-up log"}
        </button>
        {showLog ? <AgentLog agent={agent} /> : null}
      </div>
    </Card>
  );
}
