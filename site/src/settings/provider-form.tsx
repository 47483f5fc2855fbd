import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { useCreateProvider, useUpdateProvider } from "@/api/models";
import type { AIProvider } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Select } from "@/ui/select";
import { Switch } from "@/ui/switch";
import { type ProviderType, providerKind, providerKinds, slug } from "./provider-types";

/** The API's document says "any object", which its types read as "no field at all". */
type FreeForm = Record<string, never>;

interface ProviderFormProps {
  open: boolean;
  onClose: () => void;
  onCreated: () => void;
  /** The provider to be changed; without one, another is added. */
  provider?: AIProvider | undefined;
}

export function ProviderForm({ open, onClose, onCreated, provider }: ProviderFormProps) {
  return (
    <Dialog open={open} onOpenChange={(next) => (next ? undefined : onClose())} title={provider ? `Change ${provider.display_name || provider.name}` : "Add a provider"} description={provider ? undefined : "Where models are asked, and with which key."}>
      {provider ? <ChangeForm provider={provider} onClose={onClose} /> : <NewForm onClose={onClose} onCreated={onCreated} />}
    </Dialog>
  );
}

const KEY_HINT = "Stored encrypted; it is never shown again.";

const USER_KEYS = [
  { value: "allowed", label: "May be used", hint: "Where somebody has one, it is taken" },
  { value: "required", label: "Must be used", hint: "The key here serves nobody" },
  { value: "off", label: "Are not taken", hint: "The key here serves everybody" },
];

/** Whether accounts may bring keys of their own. */
function UserKeys({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return <Field label="People’s own keys">{(props) => <Select {...props} value={value} onChange={onChange} options={USER_KEYS} data-testid="provider-user-keys" />}</Field>;
}

function NewForm({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const create = useCreateProvider();
  const [type, setType] = useState<ProviderType>("openai-compat");
  const [name, setName] = useState("");
  const [baseUrl, setBaseUrl] = useState("");
  const [key, setKey] = useState("");
  const [region, setRegion] = useState("us-east-1");
  const [userKeys, setUserKeys] = useState("allowed");
  const kind = providerKind(type);
  const error = (field: string) => fieldError(create.error, field);
  const choose = (next: string) => {
    setType(next as ProviderType);
    setBaseUrl("");
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const settings = { ...(type === "bedrock" ? { _type: "bedrock", region: region.trim() } : {}), ...(userKeys === "allowed" ? {} : { user_keys: userKeys }) };
    create.mutate(
      {
        type,
        name: slug(name),
        display_name: name.trim(),
        enabled: true,
        base_url: baseUrl.trim() || kind?.baseUrl || (type === "bedrock" ? `https://bedrock-runtime.${region.trim()}.amazonaws.com` : ""),
        api_keys: key.trim() === "" ? [] : [key.trim()],
        ...(Object.keys(settings).length > 0 ? { settings: settings as object as FreeForm } : {}),
      },
      { onSuccess: onCreated },
    );
  };

  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={create.error} shownFields={["type", "name", "base_url", "api_keys"]} />
      <Field label="Kind" error={error("type")}>
        {(props) => <Select {...props} value={type} onChange={choose} options={providerKinds.map(({ type: value, label, hint }) => ({ value, label, hint }))} data-testid="provider-type" />}
      </Field>
      <Field label="Name" error={error("name")}>
        {(props) => <Input {...props} autoFocus required maxLength={64} placeholder={kind?.baseUrl ? kind.label : "My models"} value={name} onChange={(e) => setName(e.target.value)} data-testid="provider-name" />}
      </Field>
      {type === "bedrock" ? (
        <Field label="Region">{(props) => <Input {...props} required autoCapitalize="none" spellCheck={false} value={region} onChange={(e) => setRegion(e.target.value)} />}</Field>
      ) : null}
      <Field label="Base URL" optional={kind?.baseUrl !== "" || type === "bedrock"} hint={kind?.baseUrl ? `Empty: ${kind.baseUrl}` : type === "openai-compat" ? "Without the “/chat/completions” at its end." : undefined} error={error("base_url")}>
        {(props) => (
          <Input {...props} type="url" required={kind?.baseUrl === "" && type !== "bedrock"} placeholder={kind?.baseUrl || kind?.placeholder} value={baseUrl} onChange={(e) => setBaseUrl(e.target.value)} data-testid="provider-url" />
        )}
      </Field>
      <Field label="API key" optional hint={type === "bedrock" ? "A Bedrock API key." : KEY_HINT} error={error("api_keys")}>
        {(props) => <Input {...props} type="password" autoComplete="off" placeholder={kind?.key ?? ""} value={key} onChange={(e) => setKey(e.target.value)} data-testid="provider-key" />}
      </Field>
      <UserKeys value={userKeys} onChange={setUserKeys} />
      <div className="flex justify-end gap-2 pt-1">
        <Button variant="ghost" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="primary" busy={create.isPending} data-testid="provider-submit">
          Add provider
        </Button>
      </div>
    </form>
  );
}

function userKeysOf(provider: AIProvider): string {
  const value: unknown = (provider.settings as Record<string, unknown> | null)?.["user_keys"];
  return typeof value === "string" ? value : "allowed";
}

function ChangeForm({ provider, onClose }: { provider: AIProvider; onClose: () => void }) {
  const update = useUpdateProvider();
  const [name, setName] = useState(provider.display_name);
  const [baseUrl, setBaseUrl] = useState(provider.base_url);
  const [enabled, setEnabled] = useState(provider.enabled);
  const [key, setKey] = useState("");
  const heldUserKeys = userKeysOf(provider);
  const [userKeys, setUserKeys] = useState(heldUserKeys);
  const [dropped, setDropped] = useState<string[]>([]);
  const error = (field: string) => fieldError(update.error, field);
  const kept = provider.api_keys.filter((held) => !dropped.includes(held.id));

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const keys = [...kept.map(({ id }) => ({ id })), ...(key.trim() ? [{ api_key: key.trim() }] : [])];
    const changesKeys = dropped.length > 0 || key.trim() !== "";
    update.mutate({ id: provider.id, display_name: name.trim(), base_url: baseUrl.trim(), enabled, ...(changesKeys ? { api_keys: keys } : {}), ...(userKeys === heldUserKeys ? {} : { settings: { user_keys: userKeys } as object as FreeForm }) }, { onSuccess: onClose });
  };

  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={update.error} shownFields={["display_name", "base_url", "api_keys"]} />
      <Field label="Name" error={error("display_name")}>
        {(props) => <Input {...props} required maxLength={64} value={name} onChange={(e) => setName(e.target.value)} data-testid="provider-name" />}
      </Field>
      <Field label="Base URL" error={error("base_url")}>
        {(props) => <Input {...props} type="url" value={baseUrl} onChange={(e) => setBaseUrl(e.target.value)} data-testid="provider-url" />}
      </Field>
      {kept.length > 0 ? (
        <ul className="space-y-1.5 text-sm">
          {kept.map((held) => (
            <li key={held.id} className="flex items-center justify-between gap-3">
              <span className="font-mono text-xs">{held.masked}</span>
              <Button size="sm" variant="dangerGhost" onClick={() => setDropped((ids) => [...ids, held.id])}>
                Remove
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
      <Field label={kept.length > 0 ? "Another API key" : "API key"} optional hint={KEY_HINT} error={error("api_keys")}>
        {(props) => <Input {...props} type="password" autoComplete="off" value={key} onChange={(e) => setKey(e.target.value)} data-testid="provider-key" />}
      </Field>
      <UserKeys value={userKeys} onChange={setUserKeys} />
      <label className="flex items-center gap-3 text-sm">
        <Switch checked={enabled} onChange={setEnabled} label="Chats may use it" />
        Chats may use it
      </label>
      <div className="flex justify-end gap-2 pt-1">
        <Button variant="ghost" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="primary" busy={update.isPending} data-testid="provider-submit">
          Save
        </Button>
      </div>
    </form>
  );
}
