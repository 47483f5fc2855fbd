import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { useCreateFirstUser } from "@/api/session";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { useTitle } from "@/ui/page";
import { AuthFrame } from "./frame";

export function SetupPage() {
  useTitle("Set up");
  const navigate = useNavigate();
  const create = useCreateFirstUser();
  const [form, setForm] = useState({ email: "", username: "", name: "", password: "" });
  const set = (key: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm((held) => ({ ...held, [key]: event.target.value }));
  const error = (field: string) => fieldError(create.error, field);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { ...form, email: form.email.trim(), username: form.username.trim() },
      { onSuccess: () => void navigate({ to: "/workspaces" }) },
    );
  };

  return (
    <AuthFrame title="Welcome to Warren" description="Create the first account. It owns this server.">
      <form onSubmit={submit} className="space-y-4">
        <ErrorNotice error={create.error} shownFields={["email", "username", "name", "password"]} />
        <Field label="Email" error={error("email")}>
          {(props) => <Input {...props} type="email" autoComplete="email" autoFocus required value={form.email} onChange={set("email")} data-testid="setup-email" />}
        </Field>
        <Field label="Username" hint="Letters, digits and hyphens. It names you in addresses and on the command line." error={error("username")}>
          {(props) => <Input {...props} autoComplete="username" autoCapitalize="none" spellCheck={false} required maxLength={32} value={form.username} onChange={set("username")} data-testid="setup-username" />}
        </Field>
        <Field label="Full name" optional error={error("name")}>
          {(props) => <Input {...props} autoComplete="name" maxLength={128} value={form.name} onChange={set("name")} data-testid="setup-name" />}
        </Field>
        <Field label="Password" hint="A long sentence is better than a short riddle." error={error("password")}>
          {(props) => <Input {...props} type="password" autoComplete="new-password" required value={form.password} onChange={set("password")} data-testid="setup-password" />}
        </Field>
        <Button type="submit" variant="primary" size="lg" className="w-full" busy={create.isPending} data-testid="setup-submit">
          Create account
        </Button>
      </form>
    </AuthFrame>
  );
}
