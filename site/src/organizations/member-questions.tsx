import { useQuery } from "@tanstack/react-query";
import { organizationRolesQuery, useRemoveMember, useSetMemberRoles } from "@/api/organizations";
import type { Member, Organization } from "@/api/types";
import { RolesForm } from "@/users/roles-form";
import { Confirm } from "@/ui/confirm";
import { Dialog } from "@/ui/dialog";

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
          <MemberRoles organization={organization} member={member} onClose={onClose} />
        </Dialog>
      );
    case "remove":
      return <Removal organization={organization} member={member} onClose={onClose} />;
  }
}

function MemberRoles({ organization, member, onClose }: { organization: Organization; member: Member; onClose: () => void }) {
  const roles = useQuery(organizationRolesQuery(organization.id));
  const save = useSetMemberRoles(organization.id);
  return <RolesForm roles={roles} held={member.roles} onSave={(chosen) => save.mutate({ user: member.user_id, roles: chosen }, { onSuccess: onClose })} saving={save} onClose={onClose} />;
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
