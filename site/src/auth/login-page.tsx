import { useQuery } from "@tanstack/react-query";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { useSignIn } from "@/api/session";
import { authMethodsQuery } from "@/api/sign-in";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/notice";
import { LoadFailed, Loading, useTitle } from "@/ui/page";
import { AuthFrame } from "./frame";
import { ProviderButtons } from "./provider-buttons";

export function LoginPage() {
  useTitle("Sign in");
  const { redirect, message } = useSearch({ from: "/login" });
  const methods = useQuery(authMethodsQuery);
  const outside = methods.data ? methods.data.oidc.enabled || methods.data.github.enabled : false;
  const password = methods.data?.password.enabled ?? false;
  return (
    <AuthFrame title="Sign in to Warren" description={outside && !password ? "Use your organization’s account." : "Use the account that your administrator gave you."}>
      {message ? <Notice tone="danger" title={message} className="mb-4" data-testid="error" /> : null}
      {methods.isPending ? (
        <Loading what="the ways to sign in" />
      ) : methods.data ? (
        <div className="space-y-5">
          {outside ? <ProviderButtons methods={methods.data} redirect={redirect} /> : null}
          {outside && password ? (
            <div className="flex items-center gap-3 text-xs text-muted-foreground before:h-px before:flex-1 before:bg-border after:h-px after:flex-1 after:bg-border">or with a password</div>
          ) : null}
          {password ? <PasswordForm redirect={redirect} /> : null}
          {!outside && !password ? <Notice tone="warning" title="No way to sign in is switched on.">Ask the server’s administrator: password login is off and no provider is set up.</Notice> : null}
          <Terms url={methods.data.terms_of_service_url} />
        </div>
      ) : (
        <LoadFailed error={methods.error} retry={() => void methods.refetch()} />
      )}
    </AuthFrame>
  );
}

function Terms({ url }: { url: string | null | undefined }) {
  if (!url) return null;
  return (
    <p className="text-center text-[0.8125rem] text-muted-foreground">
      By signing in you accept the{" "}
      <a href={url} target="_blank" rel="noreferrer" className="underline underline-offset-2">
        terms of service
      </a>
      .
    </p>
  );
}

function PasswordForm({ redirect }: { redirect: string | undefined }) {
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
  );
}
