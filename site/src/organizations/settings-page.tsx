import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { organizationRolesQuery, useDeleteOrganization, useUpdateOrganization } from "@/api/organizations";
import { useOrganizationPermissions } from "@/api/permissions";
import type { Organization } from "@/api/types";
import { RoleChoice } from "@/users/role-choice";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { ErrorNotice } from "@/ui/notice";
import { Card, CardHeader, useTitle } from "@/ui/page";
import { Saved } from "@/ui/saved";
import { useOrganization } from "./context";
import { OrganizationForm } from "./organization-form";

export function OrganizationSettingsPage() {
  const organization = useOrganization();
  useTitle(`Settings of ${organization.display_name || organization.name}`);
  const may = useOrganizationPermissions(organization.id);
  const update = useUpdateOrganization(organization.id);
  const navigate = useNavigate();
  return (
    <>
      <Card className="max-w-2xl">
        <CardHeader title="Settings" description={may.update === false ? "Only its administrators can change them." : undefined} />
        <div className="p-5">
          <OrganizationForm
            key={organization.id}
            organization={organization}
            error={update.error}
            busy={update.isPending}
            disabled={!may.update}
            verb="Save"
            after={<Saved when={update.isSuccess} />}
            onSubmit={(request) =>
              update.mutate(request, {
                onSuccess: ({ name }) => void navigate({ to: "/organizations/$organization/settings", params: { organization: name }, replace: true }),
              })
            }
          />
        </div>
      </Card>
      {may.update ? <EveryMember key={organization.id} organization={organization} /> : null}
      {may.remove ? <Removal organization={organization} /> : null}
    </>
  );
}

/** Roles that all members have. */
function EveryMember({ organization }: { organization: Organization }) {
  const roles = useQuery(organizationRolesQuery(organization.id));
  const update = useUpdateOrganization(organization.id);
  const [chosen, setChosen] = useState(organization.default_org_member_roles);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    update.mutate({ default_org_member_roles: chosen });
  };
  return (
    <Card className="max-w-2xl">
      <CardHeader title="Every member" description="Roles that everybody in this organization has, beside their own." />
      <form onSubmit={submit} className="space-y-5 p-5">
        <ErrorNotice error={update.error ?? roles.error} />
        {roles.data ? <RoleChoice roles={roles.data} chosen={chosen} onChange={setChosen} /> : null}
        <div className="flex items-center gap-3">
          <Button type="submit" busy={update.isPending} disabled={!roles.data}>
            Save roles
          </Button>
          <Saved when={update.isSuccess} />
        </div>
      </form>
    </Card>
  );
}

function Removal({ organization }: { organization: Organization }) {
  const remove = useDeleteOrganization();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  return (
    <Card className="max-w-2xl">
      <CardHeader
        title="Delete this organization"
        description={organization.is_default ? "The default organization cannot be deleted." : "Its members keep their accounts."}
        actions={
          <Button variant="dangerGhost" size="sm" disabled={organization.is_default} onClick={() => (remove.reset(), setAsking(true))} data-testid="organization-delete">
            Delete…
          </Button>
        }
      />
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => remove.mutate(organization.id, { onSuccess: () => void navigate({ to: "/organizations" }) })}
        title={`Delete ${organization.name}?`}
        verb="Delete organization"
        danger
        busy={remove.isPending}
        error={remove.error}
        typed={organization.name}
      >
        This cannot be undone. Its workspaces and templates must be deleted first.
      </Confirm>
    </Card>
  );
}
