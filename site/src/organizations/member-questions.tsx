import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { organizationRolesQuery, useRemoveMember, useSetMemberRoles } from "@/api/organizations";
import type { Member, Organization } from "@/api/types";
import { RoleChoice } from "@/users/role-choice";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Dialog } from "@/ui/dialog";
import { ErrorNotice } from "@/ui/notice";

export type MemberQuestion = { kind: "roles" | "remove"; member: Member };

interface MemberDialogsProps {
  organization: Organization;
  question: MemberQuestion | null;
  onClose: () => void;
}

export function MemberDialogs({ organization, question, onClose }: MemberDialogsProps) {
  if (!question) return null;
  const { kind, member } = question;
  switch (kind) {
    case "roles":
      return (
        <Dialog open onOpenChange={onClose} title={`Roles of ${member.username}`} description={`They hold inside ${organization.display_name || organization.name}.`}>
          <RolesForm organization={organization} member={member} onClose={onClose} />
        </Dialog>
      );
    case "remove":
      return <Removal organization={organization} member={member} onClose={onClose} />;
  }
}

function RolesForm({ organization, member, onClose }: { organization: Organization; member: Member; onClose: () => void }) {
  const roles = useQuery(organizationRolesQuery(organization.id));
  const save = useSetMemberRoles(organization.id);
  const [chosen, setChosen] = useState(() => member.roles.map((role) => role.name));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ user: member.user_id, roles: chosen }, { onSuccess: onClose });
  };
  return (
    <form onSubmit={submit} className="space-y-5">
      <ErrorNotice error={save.error ?? roles.error} />
      {roles.data ? <RoleChoice roles={roles.data} chosen={chosen} onChange={setChosen} /> : null}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" busy={save.isPending} disabled={!roles.data} data-testid="roles-submit">
          Save roles
        </Button>
      </div>
    </form>
  );
}

function Removal({ organization, member, onClose }: { organization: Organization; member: Member; onClose: () => void }) {
  const remove = useRemoveMember(organization.id);
  return (
    <Confirm
      open
      onClose={onClose}
      onConfirm={() => remove.mutate(member.user_id, { onSuccess: onClose })}
      title={`Remove ${member.username}?`}
      verb="Remove"
      danger
      busy={remove.isPending}
      error={remove.error}
    >
      They lose access to everything in {organization.display_name || organization.name}. The account itself stays.
    </Confirm>
  );
}
