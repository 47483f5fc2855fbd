import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useChangePassword, useConvertLogin } from "@/api/account";
import { fieldError } from "@/api/client";
import { meQuery } from "@/api/session";
import { authMethodsQuery } from "@/api/sign-in";
import type { AuthMethods, User } from "@/api/types";
import { NewPassword } from "@/auth/new-password";
import { externalLogin } from "@/auth/redirect";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Card, CardHeader, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Saved } from "@/ui/saved";

const loginTypes: Record<User["login_type"], string> = {
  password: "You sign in with an email address and a password.",
  oidc: "You sign in with your organization’s single sign-on. The password is kept there.",
  github: "You sign in with GitHub. The password is kept there.",
  token: "This account has no sign-in of its own: it is used with tokens.",
  none: "This account has no sign-in of its own: an administrator makes tokens for it.",
};

export function SecurityPage() {
  useTitle("Sign-in");
  const me = useQuery(meQuery);
  const methods = useQuery(authMethodsQuery);
  if (me.isPending) return <Loading what="your account" />;
  if (!me.data) return <LoadFailed error={me.error} retry={() => void me.refetch()} />;
  const byPassword = me.data.login_type === "password";
  return (
    <>
      {byPassword ? (
        <Card>
          <CardHeader title="Password" description="Changing it signs out all other sessions and deletes your tokens." />
          <PasswordForm user={me.data} />
        </Card>
      ) : null}
      <Card>
        <CardHeader title="Way of signing in" description={loginTypes[me.data.login_type]} />
        {byPassword && methods.data ? <Conversions methods={methods.data} /> : null}
      </Card>
    </>
  );
}

function PasswordForm({ user }: { user: User }) {
  const change = useChangePassword(user.email);
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const differs = again !== "" && again !== next;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (again !== next) return;
    change.mutate({ old, next }, { onSuccess: () => (setOld(""), setNext(""), setAgain("")) });
  };
  return (
    <form onSubmit={submit} className="space-y-4 p-5">
      <ErrorNotice error={change.error} shownFields={["old_password", "password"]} />
      {/* Tells password managers whose password this is. */}
      <input type="hidden" name="username" autoComplete="username" value={user.email} />
      <Field label="Current password" error={fieldError(change.error, "old_password")}>
        {(props) => <Input {...props} type="password" autoComplete="current-password" required value={old} onChange={(e) => setOld(e.target.value)} data-testid="password-old" />}
      </Field>
      <NewPassword label="New password" value={next} onChange={setNext} error={fieldError(change.error, "password")} data-testid="password-new" />
      <Field label="New password again" error={differs ? "The two new passwords differ." : undefined}>
        {(props) => <Input {...props} type="password" autoComplete="new-password" required value={again} onChange={(e) => setAgain(e.target.value)} data-testid="password-again" />}
      </Field>
      <div className="flex items-center gap-3">
        <Button type="submit" variant="primary" busy={change.isPending} disabled={differs} data-testid="password-submit">
          Change password
        </Button>
        <Saved when={change.isSuccess}>Password changed.</Saved>
      </div>
    </form>
  );
}

function Conversions({ methods }: { methods: AuthMethods }) {
  const [target, setTarget] = useState<"oidc" | "github" | null>(null);
  const offers: { type: "oidc" | "github"; label: string }[] = [
    ...(methods.oidc.enabled ? [{ type: "oidc" as const, label: "Switch to single sign-on…" }] : []),
    ...(methods.github.enabled ? [{ type: "github" as const, label: "Switch to GitHub…" }] : []),
  ];
  if (offers.length === 0) return <p className="p-5 text-sm text-muted-foreground">This server offers no other way.</p>;
  return (
    <div className="flex flex-wrap gap-2 p-5">
      {offers.map((offer) => (
        <Button key={offer.type} onClick={() => setTarget(offer.type)} data-testid={`convert-${offer.type}`}>
          {offer.label}
        </Button>
      ))}
      <Dialog
        open={target !== null}
        onOpenChange={(open) => (open ? undefined : setTarget(null))}
        title={target === "github" ? "Switch to GitHub" : "Switch to single sign-on"}
        description="From then on your password does not work here any more. This cannot be undone from this page."
      >
        {target ? <ConvertForm target={target} /> : null}
      </Dialog>
    </div>
  );
}

function ConvertForm({ target }: { target: "oidc" | "github" }) {
  const convert = useConvertLogin();
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    convert.mutate(
      { to_type: target, password },
      { onSuccess: ({ state_string }) => window.location.assign(externalLogin(target, "/settings/security", { oidc_merge_state: state_string })) },
    );
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={convert.error} shownFields={["password"]} />
      <Field label="Your password" error={fieldError(convert.error, "password")}>
        {(props) => <Input {...props} type="password" autoComplete="current-password" autoFocus required value={password} onChange={(e) => setPassword(e.target.value)} data-testid="convert-password" />}
      </Field>
      <div className="flex justify-end">
        <Button type="submit" variant="primary" busy={convert.isPending || convert.isSuccess} data-testid="convert-submit">
          Continue there
        </Button>
      </div>
    </form>
  );
}
