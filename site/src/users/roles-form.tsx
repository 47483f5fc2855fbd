import { type FormEvent, useState } from "react";
import type { AssignableRole, SlimRole } from "@/api/types";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";
import { RoleChoice } from "./role-choice";

interface RolesFormProps {
  /** The roles to choose from, as far as they are known. */
  roles: { data: AssignableRole[] | undefined; error: unknown };
  held: SlimRole[];
  saving: { error: unknown; isPending: boolean };
  onSave: (chosen: string[]) => void;
  onClose: () => void;
}

/** Chooses roles, those of the whole server or of one organization. */
export function RolesForm({ roles, held, saving, onSave, onClose }: RolesFormProps) {
  const [chosen, setChosen] = useState(() => held.map((role) => role.name));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSave(chosen);
  };
  return (
    <form onSubmit={submit} className="space-y-5">
      <ErrorNotice error={saving.error ?? roles.error} />
      {roles.data ? <RoleChoice roles={roles.data} chosen={chosen} onChange={setChosen} /> : null}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" busy={saving.isPending} disabled={!roles.data} data-testid="roles-submit">
          Save roles
        </Button>
      </div>
    </form>
  );
}
