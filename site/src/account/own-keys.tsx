import { useQuery } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { ApiError } from "@/api/client";
import { type OwnKey, ownKeysQuery, useRemoveOwnKey, useSaveOwnKey } from "@/api/own-keys";
import { Button } from "@/ui/button";
import { Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Card, CardHeader, LoadFailed } from "@/ui/page";

/** Keys of one's own, used instead of the deployment's. Nothing where the deployment takes none. */
export function OwnKeys() {
  const keys = useQuery(ownKeysQuery);
  const save = useSaveOwnKey();
  const remove = useRemoveOwnKey();
  if (keys.error instanceof ApiError && (keys.error.status === 403 || keys.error.status === 404)) return null;
  if (keys.error) return <LoadFailed error={keys.error} retry={() => void keys.refetch()} />;
  if (!keys.data || keys.data.length === 0) return null;
  return (
    <Card data-testid="own-keys">
      <CardHeader title="Your own keys" description="Your chats use them instead of the deployment’s. Stored encrypted; never shown again." />
      <ErrorNotice error={save.error ?? remove.error} className="m-4" />
      <ul className="divide-y divide-border">
        {keys.data.map((key) => (
          <KeyRow key={key.ai_provider_id} held={key} busy={save.isPending || remove.isPending} onSave={(text) => save.mutateAsync({ provider: key.ai_provider_id, key: text })} onRemove={() => remove.mutate(key.ai_provider_id)} />
        ))}
      </ul>
    </Card>
  );
}

interface KeyRowProps {
  held: OwnKey;
  busy: boolean;
  onSave: (key: string) => Promise<unknown>;
  onRemove: () => void;
}

function KeyRow({ held, busy, onSave, onRemove }: KeyRowProps) {
  const [text, setText] = useState("");
  const name = held.display_name || held.name;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A refusal is shown above the list; the text stays.
    onSave(text.trim()).then(() => setText(""), () => {});
  };
  return (
    <li className="flex flex-wrap items-center gap-3 px-5 py-3 text-sm" data-testid="own-key">
      <span className="flex min-w-0 flex-1 basis-40 items-center gap-2">
        <KeyRound aria-hidden className="size-4 shrink-0 text-muted-foreground" />
        <span className="truncate font-medium">{name}</span>
        {held.has_user_api_key ? <span className="font-mono text-xs text-muted-foreground">{held.masked ?? "set"}</span> : null}
      </span>
      <form onSubmit={submit} className="flex grow items-center gap-2">
        <Input type="password" autoComplete="off" aria-label={`Key for ${name}`} placeholder={held.has_user_api_key ? "Another key" : "Key"} value={text} onChange={(e) => setText(e.target.value)} data-testid="own-key-text" />
        <Button type="submit" size="sm" disabled={busy || text.trim() === ""} data-testid="own-key-save">
          Save
        </Button>
        {held.has_user_api_key ? (
          <Button size="sm" variant="dangerGhost" disabled={busy} onClick={onRemove}>
            Remove
          </Button>
        ) : null}
      </form>
    </li>
  );
}
