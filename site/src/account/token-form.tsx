import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { scopesQuery, tokenConfigQuery, useCreateToken } from "@/api/account";
import { fieldError } from "@/api/client";
import { nameComplaint } from "@/auth/names";
import { Button } from "@/ui/button";
import { Checkbox } from "@/ui/checkbox";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Textarea } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { SecretOnce } from "@/ui/secret-once";
import { Select } from "@/ui/select";
import { cn } from "@/ui/cn";
import { BUNDLES, badEntry, bundleLabels, daysLabel, daysToNanoseconds, lifetimes, scopeGroups } from "./token-facts";

export function TokenForm({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [key, setKey] = useState<string | null>(null);
  const close = () => (setKey(null), onClose());
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => (next ? undefined : close())}
      title={key ? "Your new token" : "Create a token"}
      description={key ? undefined : "For programs that act as you: the command line on another machine, a script, CI."}
    >
      {key ? (
        <div className="space-y-3">
          <SecretOnce secret={key} label="Token" data-testid="token-secret">
            Copy it now: it is shown only this once.
          </SecretOnce>
          <Button className="w-full" onClick={close} data-testid="token-done">
            Done
          </Button>
        </div>
      ) : (
        <Form onClose={close} onCreated={setKey} />
      )}
    </Dialog>
  );
}

function Form({ onClose, onCreated }: { onClose: () => void; onCreated: (key: string) => void }) {
  const create = useCreateToken();
  const config = useQuery(tokenConfigQuery);
  const [name, setName] = useState("");
  const [chosenDays, setDays] = useState<number | null>(null);
  const [limited, setLimited] = useState(false);
  const [scopes, setScopes] = useState<ReadonlySet<string>>(new Set());
  const [allowText, setAllowText] = useState("");
  const choices = lifetimes(config.data?.max_token_lifetime ?? daysToNanoseconds(7));
  const days = chosenDays ?? (choices.includes(30) ? 30 : (choices.at(-1) ?? 1));
  const allow = allowText.split(/[\s,]+/).filter((line) => line !== "");
  const bad = badEntry(allow);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (bad !== undefined || (limited && scopes.size === 0)) return;
    create.mutate(
      {
        token_name: name.trim(),
        lifetime: daysToNanoseconds(days),
        ...(limited ? { scopes: [...scopes] } : {}),
        ...(limited && allow.length > 0 ? { allow_list: allow } : {}),
      },
      { onSuccess: ({ key }) => onCreated(key) },
    );
  };

  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={create.error} shownFields={["token_name", "lifetime", "allow_list"]} />
      <Field label="Name" hint="What will use it." error={fieldError(create.error, "token_name") ?? nameComplaint(name)}>
        {(props) => <Input {...props} autoFocus required maxLength={32} autoCapitalize="none" spellCheck={false} placeholder="ci" value={name} onChange={(e) => setName(e.target.value)} data-testid="token-name" />}
      </Field>
      <Field label="Works for" error={fieldError(create.error, "lifetime")}>
        {(props) => <Select {...props} value={String(days)} onChange={(value) => setDays(Number(value))} options={choices.map((d) => ({ value: String(d), label: daysLabel(d) }))} data-testid="token-lifetime" />}
      </Field>
      <Checkbox checked={limited} onChange={setLimited} label="Limit what it may do" hint="Otherwise it may do everything that you may." data-testid="token-limited" />
      {limited ? (
        <>
          <Scopes chosen={scopes} onChange={setScopes} />
          <Field
            label="Only these objects"
            optional
            hint="One a line, as type:id, like workspace:0d5f… or template:*."
            error={bad ? `“${bad}” is not type:id; the id is a UUID or *.` : fieldError(create.error, "allow_list")}
          >
            {(props) => <Textarea {...props} rows={2} spellCheck={false} className="min-h-16 font-mono text-[0.8125rem]" value={allowText} onChange={(e) => setAllowText(e.target.value)} data-testid="token-allow" />}
          </Field>
        </>
      ) : null}
      <div className="flex justify-end gap-2 pt-1">
        <Button variant="ghost" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="primary" busy={create.isPending} disabled={limited && scopes.size === 0} data-testid="token-submit">
          Create token
        </Button>
      </div>
    </form>
  );
}

function Scopes({ chosen, onChange }: { chosen: ReadonlySet<string>; onChange: (scopes: ReadonlySet<string>) => void }) {
  const scopes = useQuery(scopesQuery);
  const toggle = (scope: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(scope);
    else next.delete(scope);
    onChange(next);
  };
  if (!scopes.data) return <p className="text-[0.8125rem] text-muted-foreground">{scopes.error ? "The list of scopes could not be loaded." : "Loading the scopes…"}</p>;
  return (
    <div role="group" aria-label="Scopes" tabIndex={0} className="max-h-56 space-y-3 overflow-y-auto rounded-lg border border-input p-3">
      {scopeGroups(scopes.data).map((group) => (
        <fieldset key={group.title}>
          <legend className="mb-1 text-xs font-medium text-muted-foreground first-letter:uppercase">{group.title}</legend>
          <div className={cn("grid gap-1", group.title !== BUNDLES && "sm:grid-cols-2")}>
            {group.scopes.map((scope) => (
              <Checkbox key={scope} checked={chosen.has(scope)} onChange={(on) => toggle(scope, on)} label={bundleLabels[scope] ?? <span className="font-mono text-[0.8125rem] wrap-anywhere">{scope}</span>} data-testid={`scope-${scope}`} />
            ))}
          </div>
        </fieldset>
      ))}
    </div>
  );
}
