import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Boxes, Plus, SquareTerminal } from "lucide-react";
import { templatesQuery } from "@/api/templates";
import type { Workspace } from "@/api/types";
import { workspacesQuery } from "@/api/workspaces";
import { PushHelp } from "@/templates/push-help";
import { Button } from "@/ui/button";
import { Card, EmptyState, LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { Pill, Status } from "@/ui/status";
import { Ago } from "@/ui/time";
import { agentsOf, canConnect, shortState } from "./status";

export function ListPage() {
  useTitle("Workspaces");
  const list = useQuery(workspacesQuery);
  const templates = useQuery(templatesQuery);
  const hasTemplates = (templates.data?.length ?? 0) > 0;
  return (
    <Page>
      <PageHeader
        title="Workspaces"
        description="Your development environments."
        actions={
          hasTemplates && (list.data?.length ?? 0) > 0 ? (
            <Button asChild variant="primary">
              <Link to="/workspaces/new" data-testid="new-workspace">
                <Plus aria-hidden />
                New workspace
              </Link>
            </Button>
          ) : null
        }
      />
      {list.isPending || templates.isPending ? (
        <Loading what="workspaces" />
      ) : list.data ? (
        list.data.length > 0 ? (
          <WorkspaceTable workspaces={list.data} />
        ) : (
          <NoWorkspaces hasTemplates={hasTemplates} />
        )
      ) : (
        <LoadFailed error={list.error} retry={() => void list.refetch()} />
      )}
    </Page>
  );
}

function NoWorkspaces({ hasTemplates }: { hasTemplates: boolean }) {
  if (!hasTemplates) {
    return (
      <EmptyState icon={<Boxes aria-hidden />} title="First, push a template">
        <p>A workspace is made from a template: a directory of Terraform files. Push one from a terminal, then come back here.</p>
        <div className="mt-5 text-left">
          <PushHelp />
        </div>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<Boxes aria-hidden />}
      title="No workspaces yet"
      action={
        <Button asChild variant="primary">
          <Link to="/workspaces/new" data-testid="new-workspace">
            <Plus aria-hidden />
            Create your first workspace
          </Link>
        </Button>
      }
    >
      A workspace is a running environment with a terminal, your tools and your files.
    </EmptyState>
  );
}

function WorkspaceTable({ workspaces }: { workspaces: Workspace[] }) {
  return (
    <Card className="overflow-hidden">
      <ul className="divide-y divide-border" data-testid="workspace-list">
        {workspaces.map((workspace) => (
          <WorkspaceRow key={workspace.id} workspace={workspace} />
        ))}
      </ul>
    </Card>
  );
}

function WorkspaceRow({ workspace }: { workspace: Workspace }) {
  const state = shortState(workspace);
  const agent = workspace.latest_build.status === "running" ? agentsOf(workspace).find(canConnect) : undefined;
  const place = { owner: workspace.owner_name, name: workspace.name };
  return (
    <li className="relative flex items-center gap-4 px-5 py-3.5 transition-colors hover:bg-muted/50" data-testid="workspace-row" data-name={workspace.name}>
      <div className="min-w-0 flex-1">
        <Link to="/@{$owner}/$name" params={place} className="font-medium after:absolute after:inset-0">
          {workspace.name}
        </Link>
        <div className="mt-0.5 flex items-center gap-2 text-[0.8125rem] text-muted-foreground">
          <span className="truncate">{workspace.template_display_name || workspace.template_name}</span>
          {workspace.outdated ? <Pill>newer version</Pill> : null}
        </div>
      </div>
      <span className="hidden w-40 text-[0.8125rem] whitespace-nowrap text-muted-foreground sm:block">
        created <Ago time={workspace.created_at} />
      </span>
      <Status tone={state.tone} className="sm:w-32" data-testid="workspace-row-status" data-status={workspace.latest_build.status}>
        {state.label}
      </Status>
      <div className="relative hidden w-28 justify-end sm:flex">
        {agent ? (
          <Button asChild size="sm">
            <Link to="/@{$owner}/$name/terminal" params={place} search={{}} target="_blank">
              <SquareTerminal aria-hidden />
              Terminal
            </Link>
          </Button>
        ) : null}
      </div>
    </li>
  );
}
