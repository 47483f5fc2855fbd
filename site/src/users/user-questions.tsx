import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { siteRolesQuery, useDeleteUser, useResetPassword, useSetUserRoles, useSetUserStatus } from "@/api/users";
import type { User } from "@/api/types";
import { NewPassword } from "@/auth/new-password";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Dialog } from "@/ui/dialog";
import { ErrorNotice } from "@/ui/notice";
import { RolesForm } from "./roles-form";

export type Question = { kind: "roles" | "password" | "suspend" | "activate" | "delete"; user: User };

interface QuestionProps {
  question: Question | null;
  onClose: () => void;
}

/** The dialogs behind a user's menu. */
export function UserQuestion({ question, onClose }: QuestionProps) {
  if (!question) return null;
  const { kind, user } = question;
  switch (kind) {
    case "roles":
      return (
        <Dialog open onOpenChange={onClose} title={`Roles of ${user.username}`} description="They hold everywhere on this server.">
          <UserRoles user={user} onClose={onClose} />
        </Dialog>
      );
    case "password":
      return (
        <Dialog open onOpenChange={onClose} title={`Reset the password of ${user.username}`} description="Their sessions end and their tokens are deleted. Give them the new password yourself.">
          <PasswordForm user={user} onClose={onClose} />
        </Dialog>
      );
    case "suspend":
    case "activate":
      return <StatusQuestion kind={kind} user={user} onClose={onClose} />;
    case "delete":
      return <DeleteQuestion user={user} onClose={onClose} />;
  }
}

function UserRoles({ user, onClose }: { user: User; onClose: () => void }) {
  const roles = useQuery(siteRolesQuery);
  const save = useSetUserRoles();
  return <RolesForm roles={roles} held={user.roles} onSave={(chosen) => save.mutate({ id: user.id, roles: chosen }, { onSuccess: onClose })} saving={save} onClose={onClose} />;
}

function PasswordForm({ user, onClose }: { user: User; onClose: () => void }) {
  const reset = useResetPassword();
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    reset.mutate({ id: user.id, password }, { onSuccess: onClose });
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={reset.error} shownFields={["password"]} />
      <NewPassword label="New password" value={password} onChange={setPassword} error={fieldError(reset.error, "password")} data-testid="reset-password" />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" busy={reset.isPending} data-testid="reset-submit">
          Set password
        </Button>
      </div>
    </form>
  );
}

function StatusQuestion({ kind, user, onClose }: { kind: "suspend" | "activate"; user: User; onClose: () => void }) {
  const set = useSetUserStatus();
  const suspend = kind === "suspend";
  return (
    <Confirm
      open
      onClose={onClose}
      onConfirm={() => set.mutate({ id: user.id, status: kind }, { onSuccess: onClose })}
      title={suspend ? `Suspend ${user.username}?` : `Activate ${user.username}?`}
      verb={suspend ? "Suspend" : "Activate"}
      danger={suspend}
      busy={set.isPending}
      error={set.error}
    >
      {suspend ? "They cannot sign in and their tokens are refused. Nothing of theirs is deleted." : "They can sign in again with what they had."}
    </Confirm>
  );
}

function DeleteQuestion({ user, onClose }: { user: User; onClose: () => void }) {
  const remove = useDeleteUser();
  return (
    <Confirm
      open
      onClose={onClose}
      onConfirm={() => remove.mutate(user.id, { onSuccess: onClose })}
      title={`Delete ${user.username}?`}
      verb="Delete user"
      danger
      busy={remove.isPending}
      error={remove.error}
      typed={user.username}
    >
      The account and its tokens are gone for good. Its workspaces must be deleted first. To lock somebody out for a while, suspend the account instead.
    </Confirm>
  );
}
