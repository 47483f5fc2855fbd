import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { useCreateProvider } from "@/api/models";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";

interface ProviderFormProps {
  open: boolean;
  onClose: () => void;
  onCreated: () => void;
}

export function ProviderForm({ open, onClose, onCreated }: ProviderFormProps) {
  return (
    <Dialog open={open} onOpenChange={(next) => (next ? undefined : onClose())} title="Add a provider" description="An address that speaks the OpenAI chat protocol.">
      <Form onClose={onClose} onCreated={onCreated} />
    </Dialog>
  );
}

function Form({ onClose, onCreated }: Omit<ProviderFormProps, "open">) {
  const create = useCreateProvider();
  const [name, setName] = useState("");
  const [baseUrl, setBaseUrl] = useState("");
  const [key, setKey] = useState("");
  const error = (field: string) => fieldError(create.error, field);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      {
        type: "openai-compat",
        name: slug(name),
        display_name: name.trim(),
        enabled: true,
        base_url: baseUrl.trim(),
        api_keys: key.trim() === "" ? [] : [key.trim()],
      },
      { onSuccess: onCreated },
    );
  };

  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={create.error} shownFields={["name", "base_url", "api_keys"]} />
      <Field label="Name" error={error("name")}>
        {(props) => <Input {...props} autoFocus required maxLength={64} placeholder="My models" value={name} onChange={(e) => setName(e.target.value)} data-testid="provider-name" />}
      </Field>
      <Field label="Base URL" hint="Without the “/chat/completions” at its end." error={error("base_url")}>
        {(props) => <Input {...props} type="url" required placeholder="https://api.example.com/v1" value={baseUrl} onChange={(e) => setBaseUrl(e.target.value)} data-testid="provider-url" />}
      </Field>
      <Field label="API key" optional hint="Stored encrypted; it is never shown again." error={error("api_keys")}>
        {(props) => <Input {...props} type="password" autoComplete="off" value={key} onChange={(e) => setKey(e.target.value)} data-testid="provider-key" />}
      </Field>
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

/** The provider's name in addresses: lower-case letters, digits and hyphens. */
export function slug(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 32)
      .replace(/-+$/, "") || "provider"
  );
}
