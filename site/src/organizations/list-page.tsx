import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Building2, ChevronRight, Plus } from "lucide-react";
import { useState } from "react";
import { useCreateOrganization } from "@/api/organizations";
import { usePermissions } from "@/api/permissions";
import { organizationsQuery } from "@/api/session";
import type { Organization } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Card, EmptyState, LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { Pill } from "@/ui/status";
import { OrganizationForm } from "./organization-form";

export function OrganizationsPage() {
  useTitle("Organizations");
  const organizations = useQuery(organizationsQuery);
  const may = usePermissions();
  const [creating, setCreating] = useState(false);
  return (
    <Page className="max-w-3xl">
      <PageHeader
        title="Organizations"
        description="Each has its own members, roles, templates and workspaces."
        actions={
          may.createOrganization ? (
            <Button variant="primary" onClick={() => setCreating(true)} data-testid="new-organization">
              <Plus aria-hidden />
              Create organization
            </Button>
          ) : null
        }
      />
      {organizations.isPending ? (
        <Loading what="organizations" />
      ) : !organizations.data ? (
        <LoadFailed error={organizations.error} retry={() => void organizations.refetch()} />
      ) : organizations.data.length === 0 ? (
        <EmptyState icon={<Building2 aria-hidden />} title="You are in no organization">
          Ask an administrator to add you to one; workspaces and templates belong to organizations.
        </EmptyState>
      ) : (
        <Card className="overflow-hidden">
          <ul className="divide-y divide-border" data-testid="organization-list">
            {organizations.data.map((organization) => (
              <OrganizationRow key={organization.id} organization={organization} />
            ))}
          </ul>
        </Card>
      )}
      <CreateDialog open={creating} onClose={() => setCreating(false)} />
    </Page>
  );
}

function OrganizationRow({ organization }: { organization: Organization }) {
  return (
    <li className="relative flex items-center gap-4 px-5 py-3.5 transition-colors hover:bg-muted/50" data-testid="organization-row" data-name={organization.name}>
      <span aria-hidden className="grid size-9 shrink-0 place-items-center rounded-lg bg-accent text-accent-foreground">
        <Building2 className="size-4" />
      </span>
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-2">
          <Link to="/organizations/$organization" params={{ organization: organization.name }} className="truncate font-medium after:absolute after:inset-0">
            {organization.display_name || organization.name}
          </Link>
          {organization.is_default ? <Pill>default</Pill> : null}
        </div>
        <div className="truncate text-[0.8125rem] text-muted-foreground">{organization.description || organization.name}</div>
      </div>
      <ChevronRight aria-hidden className="size-4 text-muted-foreground" />
    </li>
  );
}

function CreateDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const create = useCreateOrganization();
  const navigate = useNavigate();
  return (
    <Dialog open={open} onOpenChange={(next) => (next ? undefined : (create.reset(), onClose()))} title="Create an organization">
      <OrganizationForm
        error={create.error}
        busy={create.isPending}
        verb="Create organization"
        onSubmit={(request) =>
          create.mutate(request, { onSuccess: ({ name }) => void navigate({ to: "/organizations/$organization", params: { organization: name } }) })
        }
      />
    </Dialog>
  );
}
