import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { LayoutTemplate, Plus } from "lucide-react";
import { templatesQuery } from "@/api/templates";
import type { Template } from "@/api/types";
import { Button } from "@/ui/button";
import { Card, CardHeader, EmptyState, LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { Ago } from "@/ui/time";
import { PushHelp } from "./push-help";

export function TemplatesPage() {
  useTitle("Templates");
  const templates = useQuery(templatesQuery);
  return (
    <Page>
      <PageHeader title="Templates" description="What workspaces are made from: Terraform files, pushed from the command line." />
      {templates.isPending ? (
        <Loading what="templates" />
      ) : templates.data ? (
        templates.data.length > 0 ? (
          <>
            <Card className="overflow-hidden">
              <ul className="divide-y divide-border" data-testid="template-list">
                {templates.data.map((template) => (
                  <TemplateRow key={template.id} template={template} />
                ))}
              </ul>
            </Card>
            <Card>
              <CardHeader title="Push a template or a new version" description="Existing workspaces keep their version until they are updated." />
              <div className="p-5">
                <PushHelp name={templates.data[0]?.name} />
              </div>
            </Card>
          </>
        ) : (
          <EmptyState icon={<LayoutTemplate aria-hidden />} title="No templates yet">
            <p>Push one from a terminal. The starter template “process” runs workspaces on this server without containers.</p>
            <div className="mt-5 text-left">
              <PushHelp />
            </div>
          </EmptyState>
        )
      ) : (
        <LoadFailed error={templates.error} retry={() => void templates.refetch()} />
      )}
    </Page>
  );
}

function TemplateRow({ template }: { template: Template }) {
  const title = template.display_name || template.name;
  return (
    <li className="flex items-center gap-4 px-5 py-3.5" data-testid="template-row" data-name={template.name}>
      <span aria-hidden className="grid size-9 shrink-0 place-items-center rounded-lg bg-accent text-sm font-semibold text-accent-foreground uppercase">
        {title.slice(0, 1)}
      </span>
      <div className="min-w-0 flex-1">
        <div className="font-medium">{title}</div>
        <div className="truncate text-[0.8125rem] text-muted-foreground">{template.description || `Pushed by ${template.created_by_name}`}</div>
      </div>
      <span className="hidden text-[0.8125rem] text-muted-foreground sm:block">
        updated <Ago time={template.updated_at} />
      </span>
      <Button asChild size="sm">
        <Link to="/workspaces/new" search={{ template: template.name }}>
          <Plus aria-hidden />
          Create workspace
        </Link>
      </Button>
    </li>
  );
}
