import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { useCreateFirstUser } from "@/api/session";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { useTitle } from "@/ui/page";
import { AuthFrame } from "./frame";
import { nameComplaint, usernameFor } from "./names";
import { NewPassword } from "./new-password";

export function SetupPage() {
  useTitle("Set up");
  const navigate = useNavigate();
  const create = useCreateFirstUser();
  const [form, setForm] = useState({ email: "", username: "", name: "", password: "" });
  const change = (part: Partial<typeof form>) => setForm((held) => ({ ...held, ...part }));
  const error = (field: string) => fieldError(create.error, field);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { ...form, email: form.email.trim(), username: form.username.trim(), name: form.name.trim() },
      { onSuccess: () => void navigate({ to: "/workspaces" }) },
    );
  };
  // The username follows the email until somebody writes their own.
  const setEmail = (email: string) =>
    change(form.username === usernameFor(form.email) ? { email, username: usernameFor(email) } : { email });

  return (
    <AuthFrame title="Welcome to Warren" description="Create the first account. It owns this server.">
      <form onSubmit={submit} className="space-y-4">
        <ErrorNotice error={create.error} shownFields={["email", "username", "name", "password"]} />
        <Field label="Email" error={error("email")}>
          {(props) => <Input {...props} type="email" autoComplete="email" autoFocus required value={form.email} onChange={(e) => setEmail(e.target.value)} data-testid="setup-email" />}
        </Field>
        <Field label="Username" hint="Letters, digits and hyphens. It names you in addresses and on the command line." error={error("username") ?? nameComplaint(form.username)}>
          {(props) => <Input {...props} autoComplete="username" autoCapitalize="none" spellCheck={false} required maxLength={32} value={form.username} onChange={(e) => change({ username: e.target.value })} data-testid="setup-username" />}
        </Field>
        <Field label="Full name" optional error={error("name")}>
          {(props) => <Input {...props} autoComplete="name" maxLength={128} value={form.name} onChange={(e) => change({ name: e.target.value })} data-testid="setup-name" />}
        </Field>
        <NewPassword value={form.password} onChange={(password) => change({ password })} error={error("password")} data-testid="setup-password" />
        <Button type="submit" variant="primary" size="lg" className="w-full" busy={create.isPending} data-testid="setup-submit">
          Create account
        </Button>
      </form>
    </AuthFrame>
  );
}
