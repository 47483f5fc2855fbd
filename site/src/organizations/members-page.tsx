import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Ellipsis, Shield, UserMinus, UserPlus } from "lucide-react";
import { useState } from "react";
import { membersQuery } from "@/api/organizations";
import { type OrganizationPermissions, useOrganizationPermissions } from "@/api/permissions";
import { meQuery } from "@/api/session";
import { PAGE_SIZE } from "@/api/users";
import type { Member } from "@/api/types";
import { Person } from "@/users/person";
import { Button } from "@/ui/button";
import { Menu, MenuItem } from "@/ui/menu";
import { Card, CardHeader, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Pager } from "@/ui/pager";
import { Pill } from "@/ui/status";
import { Table, Td, Th } from "@/ui/table";
import { useOrganization } from "./context";
import { AddMember } from "./add-member";
import { type MemberQuestion, MemberDialogs } from "./member-questions";

export function MembersPage() {
  const organization = useOrganization();
  useTitle(`Members of ${organization.display_name || organization.name}`);
  const { page = 1 } = useSearch({ from: "/signed-in/framed/organizations/$organization/" });
  const navigate = useNavigate();
  const may = useOrganizationPermissions(organization.id);
  const members = useQuery(membersQuery(organization.id, { q: "", page }));
  const [adding, setAdding] = useState(false);
  const [question, setQuestion] = useState<MemberQuestion | null>(null);
  if (members.isPending) return <Loading what="members" />;
  if (!members.data) return <LoadFailed error={members.error} retry={() => void members.refetch()} />;
  return (
    <Card className="overflow-hidden">
      <CardHeader
        title="Members"
        description="Roles hold inside this organization."
        actions={
          may.addMember ? (
            <Button variant="primary" size="sm" onClick={() => setAdding(true)} data-testid="add-member">
              <UserPlus aria-hidden />
              Add member
            </Button>
          ) : null
        }
      />
      <MemberTable members={members.data.members} may={may} ask={setQuestion} />
      <Pager
        page={page}
        pageSize={PAGE_SIZE}
        count={members.data.count}
        onPage={(next) => void navigate({ to: "/organizations/$organization", params: { organization: organization.name }, search: { page: next } })}
      />
      <AddMember organization={organization} open={adding} onClose={() => setAdding(false)} />
      <MemberDialogs organization={organization} question={question} onClose={() => setQuestion(null)} />
    </Card>
  );
}

interface MemberTableProps {
  members: Member[];
  may: Partial<OrganizationPermissions>;
  ask: (question: MemberQuestion) => void;
}

function MemberTable({ members, may, ask }: MemberTableProps) {
  return (
    <Table
      label="Members"
      data-testid="member-list"
      head={
        <>
          <Th>Member</Th>
          <Th wide>Roles</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </>
      }
    >
      {members.map((member) => (
        <tr key={member.user_id} data-testid="member-row" data-name={member.username}>
          <Td className="w-full max-w-0 md:w-auto md:max-w-xs">
            <Person name={member.name || member.username} detail={member.email || member.username} avatar={member.avatar_url} />
            {member.roles.length > 0 ? (
              <div className="mt-1.5 flex flex-wrap gap-1 pl-10.5 md:hidden">
                <MemberRoles member={member} />
              </div>
            ) : null}
          </Td>
          <Td wide className="w-full">
            <div className="flex flex-wrap gap-1">{member.roles.length === 0 ? <span className="text-muted-foreground">Member</span> : <MemberRoles member={member} />}</div>
          </Td>
          <Td className="text-right">
            <MemberMenu member={member} may={may} ask={ask} />
          </Td>
        </tr>
      ))}
    </Table>
  );
}

function MemberRoles({ member }: { member: Member }) {
  return member.roles.map((role) => <Pill key={role.name}>{role.display_name || role.name}</Pill>);
}

function MemberMenu({ member, may, ask }: { member: Member } & Omit<MemberTableProps, "members">) {
  const { data: me } = useQuery(meQuery);
  const self = me?.id === member.user_id;
  if (!may.assignRoles && !may.removeMember) return null;
  return (
    <Menu
      trigger={
        <Button variant="ghost" size="iconSm" aria-label={`Actions for ${member.username}`} data-testid="member-menu">
          <Ellipsis aria-hidden />
        </Button>
      }
    >
      {may.assignRoles ? (
        <MenuItem disabled={self} onSelect={() => ask({ kind: "roles", member })} data-testid="member-roles">
          <Shield aria-hidden />
          Roles…
        </MenuItem>
      ) : null}
      {may.removeMember ? (
        <MenuItem danger disabled={self} onSelect={() => ask({ kind: "remove", member })} data-testid="member-remove">
          <UserMinus aria-hidden />
          Remove…
        </MenuItem>
      ) : null}
    </Menu>
  );
}
