import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { useSignIn } from "@/api/session";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { useTitle } from "@/ui/page";
import { AuthFrame } from "./frame";

export function LoginPage() {
  useTitle("Sign in");
  const { redirect } = useSearch({ from: "/login" });
  const navigate = useNavigate();
  const router = useRouter();
  const signIn = useSignIn();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate(
      { email: email.trim(), password },
      { onSuccess: () => (redirect ? router.history.push(redirect) : void navigate({ to: "/workspaces" })) },
    );
  };

  return (
    <AuthFrame title="Sign in to Warren" description="Use the account that your administrator gave you.">
      <form onSubmit={submit} className="space-y-4">
        <ErrorNotice error={signIn.error} shownFields={["email", "password"]} />
        <Field label="Email" error={fieldError(signIn.error, "email")}>
          {(props) => (
            <Input {...props} type="email" name="email" autoComplete="username" autoFocus required value={email} onChange={(e) => setEmail(e.target.value)} data-testid="login-email" />
          )}
        </Field>
        <Field label="Password" error={fieldError(signIn.error, "password")}>
          {(props) => (
            <Input {...props} type="password" name="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} data-testid="login-password" />
          )}
        </Field>
        <Button type="submit" variant="primary" size="lg" className="w-full" busy={signIn.isPending} data-testid="login-submit">
          Sign in
        </Button>
      </form>
    </AuthFrame>
  );
}
