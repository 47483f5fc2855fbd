import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { organizationRolesQuery, useSaveRole } from "@/api/organizations";
import type { AssignableRole, Organization, Permission } from "@/api/types";
import { nameComplaint } from "@/auth/names";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/notice";
import { Card, CardHeader, LoadFailed, Loading, useTitle } from "@/ui/page";
import { useOrganization } from "./context";
import { PermissionTable } from "./permission-table";

const NEW = "new";

/** Creates a custom role, or changes one. */
export function RolePage() {
  const organization = useOrganization();
  const { role: name } = useParams({ from: "/signed-in/framed/organizations/$organization/roles/$role" });
  useTitle(name === NEW ? "Create a role" : `Role ${name}`);
  const roles = useQuery(organizationRolesQuery(organization.id));
  if (name === NEW) return <RoleForm organization={organization} />;
  if (roles.isPending) return <Loading what="the role" />;
  if (!roles.data) return <LoadFailed error={roles.error} retry={() => void roles.refetch()} />;
  const role = roles.data.find((held) => held.name === name && !held.built_in);
  if (!role) return <Notice tone="warning" title="There is no custom role of this name.">It may have been deleted.</Notice>;
  return <RoleForm key={role.name} organization={organization} role={role} />;
}

function RoleForm({ organization, role }: { organization: Organization; role?: AssignableRole }) {
  const save = useSaveRole(organization.id);
  const navigate = useNavigate();
  const [name, setName] = useState(role?.name ?? "");
  const [display, setDisplay] = useState(role?.display_name ?? "");
  const [all, setAll] = useState<Permission[]>(role?.organization_permissions ?? []);
  const [own, setOwn] = useState<Permission[]>(role?.organization_member_permissions ?? []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const request = {
      name: name.trim(),
      display_name: display.trim(),
      site_permissions: role?.site_permissions ?? [],
      user_permissions: role?.user_permissions ?? [],
      organization_permissions: all,
      organization_member_permissions: own,
    };
    save.mutate(
      { role: request, isNew: role === undefined },
      { onSuccess: () => void navigate({ to: "/organizations/$organization/roles", params: { organization: organization.name } }) },
    );
  };
  return (
    <form onSubmit={submit} className="space-y-6">
      <ErrorNotice error={save.error} shownFields={["name", "display_name"]} />
      <Card>
        <CardHeader title={role ? `Edit ${role.display_name || role.name}` : "Create a role"} />
        <div className="grid gap-4 p-5 sm:grid-cols-2">
          <Field label="Name" hint={role ? "A role keeps its name." : "Letters, digits and hyphens."} error={fieldError(save.error, "name") ?? nameComplaint(name)}>
            {(props) => <Input {...props} required maxLength={32} disabled={role !== undefined} autoFocus={role === undefined} autoCapitalize="none" spellCheck={false} value={name} onChange={(e) => setName(e.target.value)} data-testid="role-name" />}
          </Field>
          <Field label="Shown as" optional error={fieldError(save.error, "display_name")}>
            {(props) => <Input {...props} maxLength={64} value={display} onChange={(e) => setDisplay(e.target.value)} data-testid="role-display-name" />}
          </Field>
        </div>
      </Card>
      <PermissionTable all={all} own={own} onAll={setAll} onOwn={setOwn} />
      <div className="flex justify-end gap-2">
        <Button asChild>
          <Link to="/organizations/$organization/roles" params={{ organization: organization.name }}>
            Cancel
          </Link>
        </Button>
        <Button type="submit" variant="primary" busy={save.isPending} data-testid="role-submit">
          {role ? "Save role" : "Create role"}
        </Button>
      </div>
    </form>
  );
}
