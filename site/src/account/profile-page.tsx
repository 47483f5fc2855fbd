import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useUpdateProfile } from "@/api/account";
import { fieldError } from "@/api/client";
import { meQuery } from "@/api/session";
import type { User } from "@/api/types";
import { nameComplaint } from "@/auth/names";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Card, CardHeader, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Saved } from "@/ui/saved";
import { Pill } from "@/ui/status";

export function ProfilePage() {
  useTitle("Your profile");
  const me = useQuery(meQuery);
  if (me.isPending) return <Loading what="your profile" />;
  if (!me.data) return <LoadFailed error={me.error} retry={() => void me.refetch()} />;
  return (
    <>
      <Card>
        <CardHeader title="Profile" description="How others see you here." />
        <ProfileForm key={me.data.id} user={me.data} />
      </Card>
      <Card>
        <CardHeader title="Account" description="Set by an administrator." />
        <dl className="grid grid-cols-[4rem_1fr] gap-x-4 gap-y-3 p-5 text-sm sm:grid-cols-[8rem_1fr]">
          <dt className="text-muted-foreground">Email</dt>
          <dd className="break-all">{me.data.email}</dd>
          <dt className="text-muted-foreground">Roles</dt>
          <dd className="flex flex-wrap gap-1.5">
            {me.data.roles.length === 0 ? "Member" : me.data.roles.map((role) => <Pill key={role.name}>{role.display_name || role.name}</Pill>)}
          </dd>
          <dt className="text-muted-foreground">Id</dt>
          <dd className="font-mono text-[0.8125rem] break-all">{me.data.id}</dd>
        </dl>
      </Card>
    </>
  );
}

function ProfileForm({ user }: { user: User }) {
  const update = useUpdateProfile();
  const [username, setUsername] = useState(user.username);
  const [name, setName] = useState(user.name ?? "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    update.mutate({ username: username.trim(), name: name.trim() });
  };
  const renamed = username.trim() !== user.username;
  return (
    <form onSubmit={submit} className="space-y-4 p-5">
      <ErrorNotice error={update.error} shownFields={["username", "name"]} />
      <Field
        label="Username"
        hint={renamed ? "Addresses and SSH names of your workspaces change with it." : undefined}
        error={fieldError(update.error, "username") ?? nameComplaint(username)}
      >
        {(props) => <Input {...props} autoComplete="username" autoCapitalize="none" spellCheck={false} required maxLength={32} value={username} onChange={(e) => setUsername(e.target.value)} data-testid="profile-username" />}
      </Field>
      <Field label="Full name" optional error={fieldError(update.error, "name")}>
        {(props) => <Input {...props} autoComplete="name" maxLength={128} value={name} onChange={(e) => setName(e.target.value)} data-testid="profile-name" />}
      </Field>
      <div className="flex items-center gap-3">
        <Button type="submit" variant="primary" busy={update.isPending} data-testid="profile-submit">
          Save
        </Button>
        <Saved when={update.isSuccess} />
      </div>
    </form>
  );
}
