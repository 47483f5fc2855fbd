import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useAddMember } from "@/api/organizations";
import { findUsersQuery } from "@/api/users";
import type { Organization, User } from "@/api/types";
import { Person } from "@/users/person";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { ErrorNotice } from "@/ui/notice";
import { SearchBox } from "@/ui/search-box";

interface AddMemberProps {
  organization: Organization;
  open: boolean;
  onClose: () => void;
}

export function AddMember({ organization, open, onClose }: AddMemberProps) {
  return (
    <Dialog open={open} onOpenChange={(next) => (next ? undefined : onClose())} title="Add a member" description={`To ${organization.display_name || organization.name}. They start without further roles.`}>
      <Finder organization={organization} onClose={onClose} />
    </Dialog>
  );
}

function Finder({ organization, onClose }: { organization: Organization; onClose: () => void }) {
  const [text, setText] = useState("");
  const found = useQuery(findUsersQuery(text));
  const add = useAddMember(organization.id);
  const isMember = (user: User) => user.organization_ids.includes(organization.id);
  return (
    <div className="space-y-3">
      <ErrorNotice error={add.error ?? found.error} />
      <SearchBox label="Find a user" placeholder="Name, username or email" value={text} onChange={setText} />
      <ul className="divide-y divide-border" aria-label="Users found">
        {(found.data ?? []).map((user) => (
          <li key={user.id} className="flex items-center gap-3 py-2.5" data-testid="candidate" data-name={user.username}>
            <div className="min-w-0 flex-1">
              <Person name={user.name || user.username} detail={user.email} avatar={user.avatar_url} />
            </div>
            <Button
              size="sm"
              disabled={isMember(user)}
              busy={add.isPending && add.variables === user.id}
              onClick={() => add.mutate(user.id, { onSuccess: onClose })}
              aria-label={isMember(user) ? `${user.username} is a member` : `Add ${user.username}`}
            >
              {isMember(user) ? "Member" : "Add"}
            </Button>
          </li>
        ))}
      </ul>
      {found.data?.length === 0 ? <p className="text-sm text-muted-foreground">Nobody matches. Create the user first.</p> : null}
    </div>
  );
}
