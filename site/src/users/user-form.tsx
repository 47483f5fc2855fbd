import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { organizationsQuery } from "@/api/session";
import { authMethodsQuery } from "@/api/sign-in";
import { useCreateUser } from "@/api/users";
import type { Organization, User } from "@/api/types";
import { nameComplaint, usernameFor } from "@/auth/names";
import { NewPassword } from "@/auth/new-password";
import { Button } from "@/ui/button";
import { Checkbox } from "@/ui/checkbox";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Select } from "@/ui/select";

type LoginType = User["login_type"];

const FIELDS = ["email", "username", "name", "password", "login_type", "organization_ids"];

export function UserForm({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onOpenChange={(next) => (next ? undefined : onClose())} title="Create a user">
      <Form onClose={onClose} />
    </Dialog>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const create = useCreateUser();
  const methods = useQuery(authMethodsQuery);
  const organizations = useQuery(organizationsQuery);
  const [form, setForm] = useState({ email: "", username: "", name: "", password: "", login: "password" as LoginType });
  const [chosen, setChosen] = useState<string[] | null>(null);
  const change = (part: Partial<typeof form>) => setForm((held) => ({ ...held, ...part }));
  const error = (field: string) => fieldError(create.error, field);
  const all = organizations.data ?? [];
  const inside = chosen ?? all.filter((o) => o.is_default).map((o) => o.id);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      {
        email: form.email.trim(),
        username: form.username.trim(),
        name: form.name.trim(),
        password: form.login === "password" ? form.password : "",
        login_type: form.login,
        organization_ids: inside,
        user_status: "active",
      },
      { onSuccess: onClose },
    );
  };
  const setEmail = (email: string) =>
    change(form.username === usernameFor(form.email) ? { email, username: usernameFor(email) } : { email });
  const logins = [
    { value: "password", label: "Password" },
    ...(methods.data?.oidc.enabled ? [{ value: "oidc", label: "Single sign-on" }] : []),
    ...(methods.data?.github.enabled ? [{ value: "github", label: "GitHub" }] : []),
    { value: "none", label: "None: used with tokens that you make" },
  ];

  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={create.error} shownFields={FIELDS} />
      <Field label="Email" error={error("email")}>
        {(props) => <Input {...props} type="email" autoComplete="off" autoFocus required value={form.email} onChange={(e) => setEmail(e.target.value)} data-testid="user-email" />}
      </Field>
      <Field label="Username" error={error("username") ?? nameComplaint(form.username)}>
        {(props) => <Input {...props} autoComplete="off" autoCapitalize="none" spellCheck={false} required maxLength={32} value={form.username} onChange={(e) => change({ username: e.target.value })} data-testid="user-username" />}
      </Field>
      <Field label="Full name" optional error={error("name")}>
        {(props) => <Input {...props} autoComplete="off" maxLength={128} value={form.name} onChange={(e) => change({ name: e.target.value })} data-testid="user-name" />}
      </Field>
      <Field label="Signs in with" error={error("login_type")}>
        {(props) => <Select {...props} value={form.login} onChange={(login) => change({ login: login as LoginType })} options={logins} data-testid="user-login" />}
      </Field>
      {form.login === "password" ? <NewPassword value={form.password} onChange={(password) => change({ password })} error={error("password")} data-testid="user-new-password" /> : null}
      {all.length > 1 ? <Organizations all={all} chosen={inside} onChange={setChosen} error={error("organization_ids")} /> : null}
      <div className="flex justify-end gap-2 pt-1">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" busy={create.isPending} disabled={inside.length === 0} data-testid="user-submit">
          Create user
        </Button>
      </div>
    </form>
  );
}

interface OrganizationsProps {
  all: Organization[];
  chosen: string[];
  onChange: (chosen: string[]) => void;
  error: string | undefined;
}

function Organizations({ all, chosen, onChange, error }: OrganizationsProps) {
  const complaint = error ?? (chosen.length === 0 ? "Choose at least one." : undefined);
  return (
    <fieldset className="space-y-1.5">
      <legend className="mb-1.5 text-[0.8125rem] font-medium">Organizations</legend>
      {all.map((organization) => (
        <Checkbox
          key={organization.id}
          checked={chosen.includes(organization.id)}
          onChange={(on) => onChange(on ? [...chosen, organization.id] : chosen.filter((id) => id !== organization.id))}
          label={organization.display_name || organization.name}
        />
      ))}
      {complaint ? <p className="text-[0.8125rem] text-danger-text">{complaint}</p> : null}
    </fieldset>
  );
}
