import { useQuery } from "@tanstack/react-query";
import { Ban, CircleCheck, Ellipsis, KeyRound, Shield, Trash2 } from "lucide-react";
import { usePermissions } from "@/api/permissions";
import { meQuery } from "@/api/session";
import type { User } from "@/api/types";
import { Button } from "@/ui/button";
import { Menu, MenuItem } from "@/ui/menu";
import { Pill, Status } from "@/ui/status";
import { Table, Td, Th } from "@/ui/table";
import { Ago } from "@/ui/time";
import { Person } from "./person";
import type { Question } from "./user-questions";
import { loginLabel, statusLook, wasSeen } from "./words";

interface UserTableProps {
  users: User[];
  ask: (question: Question) => void;
}

export function UserTable({ users, ask }: UserTableProps) {
  return (
    <Table
      label="Users"
      data-testid="user-list"
      head={
        <>
          <Th>User</Th>
          <Th wide>Roles</Th>
          <Th wide>Status</Th>
          <Th wide>Last seen</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </>
      }
    >
      {users.map((user) => (
        <UserRow key={user.id} user={user} ask={ask} />
      ))}
    </Table>
  );
}

function UserRow({ user, ask }: { user: User; ask: (question: Question) => void }) {
  const status = statusLook[user.status];
  return (
    <tr data-testid="user-row" data-name={user.username}>
      <Td className="w-full max-w-0 md:w-1/3 md:max-w-xs">
        <Person name={user.name || user.username} detail={user.email} avatar={user.avatar_url} />
        {user.roles.length > 0 || user.status !== "active" ? (
          <div className="mt-1.5 flex flex-wrap gap-x-2 gap-y-1 pl-10.5 md:hidden">
            <Roles user={user} />
            {user.status === "active" ? null : <Status tone={status.tone}>{status.label}</Status>}
          </div>
        ) : null}
      </Td>
      <Td wide>
        <div className="flex flex-wrap gap-1">
          {user.roles.length === 0 ? <span className="text-muted-foreground">Member</span> : <Roles user={user} />}
        </div>
      </Td>
      <Td wide>
        <Status tone={status.tone} data-testid="user-status" data-status={user.status}>
          {status.label}
        </Status>
        <div className="mt-0.5 text-xs whitespace-nowrap text-muted-foreground">{loginLabel[user.login_type]}</div>
      </Td>
      <Td wide className="whitespace-nowrap text-muted-foreground">
        {wasSeen(user.last_seen_at) ? <Ago time={user.last_seen_at} /> : "never"}
      </Td>
      <Td className="text-right">
        <UserMenu user={user} ask={ask} />
      </Td>
    </tr>
  );
}

function Roles({ user }: { user: User }) {
  return user.roles.map((role) => <Pill key={role.name}>{role.display_name || role.name}</Pill>);
}

/** Nobody may take rights or the account itself away from themselves. */
function UserMenu({ user, ask }: { user: User; ask: (question: Question) => void }) {
  const may = usePermissions();
  const { data: me } = useQuery(meQuery);
  const self = me?.id === user.id;
  if (!may.updateUsers && !may.deleteUsers && !may.assignRoles) return null;
  return (
    <Menu
      trigger={
        <Button variant="ghost" size="iconSm" aria-label={`Actions for ${user.username}`} data-testid="user-menu">
          <Ellipsis aria-hidden />
        </Button>
      }
    >
      {may.assignRoles ? (
        <MenuItem disabled={self} onSelect={() => ask({ kind: "roles", user })} data-testid="user-roles">
          <Shield aria-hidden />
          Roles…
        </MenuItem>
      ) : null}
      {may.updateUsers ? (
        <>
          <MenuItem disabled={user.login_type !== "password" || self} onSelect={() => ask({ kind: "password", user })} data-testid="user-password">
            <KeyRound aria-hidden />
            Reset password…
          </MenuItem>
          {user.status === "suspended" ? (
            <MenuItem onSelect={() => ask({ kind: "activate", user })} data-testid="user-activate">
              <CircleCheck aria-hidden />
              Activate…
            </MenuItem>
          ) : (
            <MenuItem disabled={self} onSelect={() => ask({ kind: "suspend", user })} data-testid="user-suspend">
              <Ban aria-hidden />
              Suspend…
            </MenuItem>
          )}
        </>
      ) : null}
      {may.deleteUsers ? (
        <MenuItem danger disabled={self} onSelect={() => ask({ kind: "delete", user })} data-testid="user-delete">
          <Trash2 aria-hidden />
          Delete…
        </MenuItem>
      ) : null}
    </Menu>
  );
}
