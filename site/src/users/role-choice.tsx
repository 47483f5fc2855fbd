import type { AssignableRole } from "@/api/types";
import { Checkbox } from "@/ui/checkbox";

interface RoleChoiceProps {
  roles: AssignableRole[];
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

/** Roles that everybody has anyway are not up for choice. */
const IMPLICIT = new Set(["member", "organization-member"]);

const hints: Record<string, string> = {
  owner: "May do everything on this server.",
  "user-admin": "Manages users, groups and memberships.",
  "template-admin": "Manages all templates.",
  auditor: "Reads the audit log, users and settings; changes nothing.",
  "organization-admin": "May do everything in this organization.",
  "organization-user-admin": "Manages members and their roles.",
  "organization-template-admin": "Manages the templates of this organization.",
  "organization-auditor": "Reads the audit log of this organization.",
  "organization-workspace-access": "Has workspaces of their own.",
  "organization-workspace-creation-ban": "May not create or delete workspaces, whatever other roles say.",
  "agents-access": "May use chats.",
};

export function RoleChoice({ roles, chosen, onChange }: RoleChoiceProps) {
  const set = (name: string, on: boolean) => onChange(on ? [...chosen, name] : chosen.filter((held) => held !== name));
  return (
    <div className="space-y-3">
      {roles
        .filter((role) => !IMPLICIT.has(role.name))
        .map((role) => (
          <Checkbox
            key={role.name}
            checked={chosen.includes(role.name)}
            disabled={!role.assignable}
            onChange={(on) => set(role.name, on)}
            label={role.display_name || role.name}
            hint={role.assignable ? (hints[role.name] ?? (role.built_in ? undefined : "Custom role.")) : "Your account may not give or take this role."}
            data-testid={`role-${role.name}`}
          />
        ))}
    </div>
  );
}
