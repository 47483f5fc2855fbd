import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft, MessagesSquare, Trash2 } from "lucide-react";
import { useEffect, useState } from "react";
import { ApiError } from "@/api/client";
import type { Workspace } from "@/api/types";
import { buildsQuery, workspaceQuery } from "@/api/workspaces";
import { Button } from "@/ui/button";
import { Card, CardHeader, EmptyState, LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { Select } from "@/ui/select";
import { Status } from "@/ui/status";
import { Ago } from "@/ui/time";
import { WorkspaceActions } from "./actions";
import { AgentCard } from "./agent-card";
import { BuildLog } from "./build-log";
import { Metadata } from "./metadata";
import { agentsOf, explain, shortState, statusWords } from "./status";

export function WorkspacePage() {
  const { owner, name } = useParams({ from: "/signed-in/framed/@{$owner}/$name" });
  useTitle(name);
  const workspace = useQuery(workspaceQuery(owner, name));
  // A delete build takes the workspace away under this page: what was shown stays true until then.
  const gone = workspace.error instanceof ApiError && (workspace.error.status === 404 || workspace.error.status === 410);
  return (
    <Page>
      <Link to="/workspaces" className="inline-flex items-center gap-1.5 text-[0.8125rem] text-muted-foreground hover:text-foreground">
        <ArrowLeft aria-hidden className="size-4" />
        Workspaces
      </Link>
      {gone || workspace.data?.latest_build.status === "deleted" ? (
        <Gone name={name} was={workspace.data !== undefined} />
      ) : workspace.data ? (
        <Details workspace={workspace.data} />
      ) : workspace.error ? (
        <LoadFailed error={workspace.error} retry={() => void workspace.refetch()} />
      ) : (
        <Loading what="the workspace" />
      )}
    </Page>
  );
}

function Gone({ name, was }: { name: string; was: boolean }) {
  return (
    <div data-testid="workspace-gone">
      <EmptyState
        icon={<Trash2 aria-hidden />}
        title={was ? `${name} has been deleted` : `There is no workspace “${name}” here`}
        action={
          <Button asChild variant="primary">
            <Link to="/workspaces">Go to your workspaces</Link>
          </Button>
        }
      >
        {was ? "All that ran in it has ended." : "It may have been deleted, or you may not have access to it."}
      </EmptyState>
    </div>
  );
}

function Details({ workspace }: { workspace: Workspace }) {
  const client = useQueryClient();
  const { latest_build: build } = workspace;
  const state = shortState(workspace);
  const agents = build.transition === "start" && build.status === "running" ? agentsOf(workspace) : [];
  const jobStatus = build.job.status;
  useEffect(() => {
    void client.invalidateQueries({ queryKey: buildsQuery(workspace.id).queryKey });
  }, [client, workspace.id, build.id, jobStatus]);
  return (
    <>
      <PageHeader
        title={
          <span className="flex flex-wrap items-center gap-x-3.5 gap-y-1">
            {workspace.name}
            <Status tone={state.tone} data-testid="workspace-status" data-status={build.status}>
              {state.label}
            </Status>
          </span>
        }
        description={explain(workspace)}
        actions={<WorkspaceActions workspace={workspace} />}
      />
      <dl className="flex flex-wrap gap-x-10 gap-y-3 text-[0.8125rem]">
        <Fact label="Template">{workspace.template_display_name || workspace.template_name}</Fact>
        <Fact label="Version">{build.template_version_name}</Fact>
        <Fact label="Owner">{workspace.owner_name}</Fact>
        <Fact label="Created">
          <Ago time={workspace.created_at} />
        </Fact>
        <Fact label="Last build">
          <Ago time={build.created_at} />
        </Fact>
      </dl>
      {agents.map((agent) => (
        <AgentCard key={agent.id} workspace={workspace} agent={agent} several={agents.length > 1} />
      ))}
      {agents.length > 0 ? <ChatOffer workspaceId={workspace.id} /> : null}
      <Builds workspace={workspace} />
      {build.status === "running" ? <Metadata resources={build.resources} /> : null}
    </>
  );
}

function Fact({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div>
      <dt className="text-muted-foreground">{label}</dt>
      <dd className="font-medium">{children}</dd>
    </div>
  );
}

function ChatOffer({ workspaceId }: { workspaceId: string }) {
  return (
    <Card className="flex flex-wrap items-center justify-between gap-4 px-5 py-4">
      <p className="text-sm text-muted-foreground">Hand a task to a chat: it works in this workspace with your files and tools.</p>
      <Button asChild>
        <Link to="/chats" search={{ workspace: workspaceId }}>
          <MessagesSquare aria-hidden />
          New chat here
        </Link>
      </Button>
    </Card>
  );
}

function Builds({ workspace }: { workspace: Workspace }) {
  const builds = useQuery(buildsQuery(workspace.id));
  const [chosen, setChosen] = useState<string | null>(null);
  const latest = workspace.latest_build;
  const older = builds.data?.find((b) => b.id === chosen);
  const shown = older && older.id !== latest.id ? older : latest;
  const all = builds.data ?? [latest];
  return (
    <Card className="overflow-hidden">
      <CardHeader
        title={`Build ${shown.build_number}`}
        description={`${verbs[shown.transition]} by ${shown.initiator_name}`}
        actions={
          all.length > 1 ? (
            <Select
              size="sm"
              label="Build"
              value={shown.id}
              onChange={setChosen}
              options={all.map((b) => ({ value: b.id, label: `${b.build_number} · ${b.transition} · ${statusWords[b.status].label.toLowerCase()}` }))}
            />
          ) : null
        }
      />
      <BuildLog key={shown.id} build={shown} />
    </Card>
  );
}

const verbs = { start: "Start asked", stop: "Stop asked", delete: "Deletion asked" } as const;
