import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Ellipsis, Pencil, Plus, Shield, Trash2 } from "lucide-react";
import { useState } from "react";
import { organizationRolesQuery, useDeleteRole } from "@/api/organizations";
import { type OrganizationPermissions, useOrganizationPermissions } from "@/api/permissions";
import type { AssignableRole, Organization } from "@/api/types";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Menu, MenuItem } from "@/ui/menu";
import { Card, CardHeader, EmptyState, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Table, Td, Th } from "@/ui/table";
import { useOrganization } from "./context";
import { permissionSummary } from "./role-permissions";

export function RolesPage() {
  const organization = useOrganization();
  useTitle(`Roles of ${organization.display_name || organization.name}`);
  const roles = useQuery(organizationRolesQuery(organization.id));
  const may = useOrganizationPermissions(organization.id);
  const [deleting, setDeleting] = useState<AssignableRole | null>(null);
  if (roles.isPending) return <Loading what="roles" />;
  if (!roles.data) return <LoadFailed error={roles.error} retry={() => void roles.refetch()} />;
  const custom = roles.data.filter((role) => !role.built_in);
  const builtIn = roles.data.filter((role) => role.built_in);
  const create = may.createRole ? (
    <Button asChild variant="primary" size="sm">
      <Link to="/organizations/$organization/roles/$role" params={{ organization: organization.name, role: "new" }} data-testid="new-role">
        <Plus aria-hidden />
        Create role
      </Link>
    </Button>
  ) : null;
  return (
    <>
      {custom.length === 0 ? (
        <EmptyState icon={<Shield aria-hidden />} title="No custom roles" action={create}>
          A custom role allows exactly what you choose, beside the built-in ones below.
        </EmptyState>
      ) : (
        <Card className="overflow-hidden">
          <CardHeader title="Custom roles" description="Made for this organization." actions={create} />
          <RoleTable label="Custom roles" organization={organization} roles={custom} may={may} onDelete={setDeleting} />
        </Card>
      )}
      <Card className="overflow-hidden">
        <CardHeader title="Built-in roles" description="The same in every organization." />
        <RoleTable label="Built-in roles" organization={organization} roles={builtIn} may={{}} onDelete={setDeleting} />
      </Card>
      <Removal organization={organization} role={deleting} onClose={() => setDeleting(null)} />
    </>
  );
}

interface RoleTableProps {
  label: string;
  organization: Organization;
  roles: AssignableRole[];
  may: Partial<OrganizationPermissions>;
  onDelete: (role: AssignableRole) => void;
}

function RoleTable({ label, organization, roles, may, onDelete }: RoleTableProps) {
  const acts = may.updateRole || may.deleteRole;
  return (
    <Table
      label={label}
      head={
        <>
          <Th>Role</Th>
          <Th>Allows</Th>
          {acts ? (
            <Th>
              <span className="sr-only">Actions</span>
            </Th>
          ) : null}
        </>
      }
    >
      {roles.map((role) => (
        <tr key={role.name} data-testid="role-row" data-name={role.name}>
          <Td className="align-top">
            <div className="font-medium">{role.display_name || role.name}</div>
            <div className="font-mono text-xs wrap-anywhere text-muted-foreground">{role.name}</div>
          </Td>
          <Td className="align-top text-muted-foreground">
            {permissionSummary(role.organization_permissions)}
            {role.organization_member_permissions.length > 0 ? <div>own: {permissionSummary(role.organization_member_permissions)}</div> : null}
          </Td>
          {acts ? (
            <Td className="text-right align-top">
              <RoleMenu organization={organization} role={role} may={may} onDelete={onDelete} />
            </Td>
          ) : null}
        </tr>
      ))}
    </Table>
  );
}

interface RoleMenuProps extends Pick<RoleTableProps, "organization" | "may" | "onDelete"> {
  role: AssignableRole;
}

function RoleMenu({ organization, role, may, onDelete }: RoleMenuProps) {
  return (
    <Menu
      trigger={
        <Button variant="ghost" size="iconSm" aria-label={`Actions for ${role.display_name || role.name}`} data-testid="role-menu">
          <Ellipsis aria-hidden />
        </Button>
      }
    >
      {may.updateRole ? (
        <MenuItem asChild>
          <Link to="/organizations/$organization/roles/$role" params={{ organization: organization.name, role: role.name }}>
            <Pencil aria-hidden />
            Edit
          </Link>
        </MenuItem>
      ) : null}
      {may.deleteRole ? (
        <MenuItem danger onSelect={() => onDelete(role)} data-testid="role-delete">
          <Trash2 aria-hidden />
          Delete…
        </MenuItem>
      ) : null}
    </Menu>
  );
}

function Removal({ organization, role, onClose }: { organization: Organization; role: AssignableRole | null; onClose: () => void }) {
  const remove = useDeleteRole(organization.id);
  const close = () => (remove.reset(), onClose());
  return (
    <Confirm
      open={role !== null}
      onClose={close}
      onConfirm={() => role && remove.mutate(role.name, { onSuccess: close })}
      title={`Delete the role ${role?.display_name || role?.name}?`}
      verb="Delete role"
      danger
      busy={remove.isPending}
      error={remove.error}
    >
      Members who have it lose what it allows.
    </Confirm>
  );
}
