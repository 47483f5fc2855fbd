import { useState } from "react";
import type { Permission } from "@/api/types";
import { Checkbox } from "@/ui/checkbox";
import { Notice } from "@/ui/notice";
import { Card, CardHeader } from "@/ui/page";
import { Select } from "@/ui/select";
import { Table, Td, Th } from "@/ui/table";
import { type ResourceActions, allows, resources, withAction } from "./role-permissions";

interface PermissionTableProps {
  all: Permission[];
  own: Permission[];
  onAll: (permissions: Permission[]) => void;
  onOwn: (permissions: Permission[]) => void;
}

type Side = "all" | "own";

/** What the role allows: on everything in the organization, or on what belongs to the member. */
export function PermissionTable({ all, own, onAll, onOwn }: PermissionTableProps) {
  const [side, setSide] = useState<Side>("all");
  const permissions = side === "all" ? all : own;
  const change = side === "all" ? onAll : onOwn;
  const refusals = [...all, ...own].filter((p) => p.negate).length;
  return (
    <Card className="overflow-hidden">
      <CardHeader
        title="Permissions"
        description="Choose what members with this role may do."
        actions={
          <Select
            label="On which objects"
            size="sm"
            value={side}
            onChange={(next) => setSide(next as Side)}
            options={[
              { value: "all", label: `On everything here (${all.length})` },
              { value: "own", label: `On their own objects (${own.length})` },
            ]}
            data-testid="role-side"
          />
        }
      />
      {refusals > 0 ? (
        <Notice tone="info" className="m-4" title={`This role also forbids ${refusals} ${refusals === 1 ? "action" : "actions"}.`}>
          They were set through the API and stay as they are.
        </Notice>
      ) : null}
      <Table
        label="Permissions"
        head={
          <>
            <Th className="w-1/4">Objects</Th>
            <Th>Actions</Th>
          </>
        }
      >
        {resources.map((resource) => (
          <ResourceRow key={resource.type} resource={resource} permissions={permissions} onChange={change} />
        ))}
      </Table>
    </Card>
  );
}

interface ResourceRowProps {
  resource: ResourceActions;
  permissions: Permission[];
  onChange: (permissions: Permission[]) => void;
}

function ResourceRow({ resource, permissions, onChange }: ResourceRowProps) {
  return (
    <tr>
      <th scope="row" className="px-4 py-3 align-top text-sm font-medium sm:px-5">
        {resource.label}
      </th>
      <Td>
        <div className="flex flex-wrap gap-x-4 gap-y-1.5">
          {resource.actions.map((action) => (
            <Checkbox
              key={action}
              checked={allows(permissions, resource.type, action)}
              onChange={(on) => onChange(withAction(permissions, resource.type, action, on))}
              label={
                <>
                  {action.replaceAll("_", " ")}
                  <span className="sr-only"> {resource.label}</span>
                </>
              }
              data-testid={`permission-${resource.type}-${action}`}
            />
          ))}
        </div>
      </Td>
    </tr>
  );
}
