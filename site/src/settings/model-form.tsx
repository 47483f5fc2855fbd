import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { useCreateModelConfig } from "@/api/models";
import type { AIProvider } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Select } from "@/ui/select";
import { Switch } from "@/ui/switch";

interface ModelFormProps {
  open: boolean;
  onClose: () => void;
  providers: AIProvider[];
  isFirst: boolean;
}

export function ModelForm({ open, onClose, ...rest }: ModelFormProps) {
  return (
    <Dialog open={open} onOpenChange={(next) => (next ? undefined : onClose())} title="Add a model" description="One of the models that a provider offers.">
      <Form onClose={onClose} {...rest} />
    </Dialog>
  );
}

function Form({ onClose, providers, isFirst }: Omit<ModelFormProps, "open">) {
  const create = useCreateModelConfig();
  const [provider, setProvider] = useState(providers[0]?.id);
  const [model, setModel] = useState("");
  const [name, setName] = useState("");
  const [context, setContext] = useState("128000");
  const [isDefault, setDefault] = useState(isFirst);
  const error = (field: string) => fieldError(create.error, field);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      {
        ai_provider_id: provider ?? providers[0]?.id,
        model: model.trim(),
        display_name: name.trim() || model.trim(),
        enabled: true,
        is_default: isDefault,
        context_limit: Number(context),
      },
      { onSuccess: onClose },
    );
  };

  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={create.error} shownFields={["ai_provider_id", "model", "display_name", "context_limit"]} />
      <Field label="Provider" error={error("ai_provider_id")}>
        {(props) => (
          <Select {...props} value={provider ?? providers[0]?.id} onChange={setProvider} options={providers.map((p) => ({ value: p.id, label: p.display_name || p.name, disabled: !p.enabled }))} />
        )}
      </Field>
      <Field label="Model" hint="Its identifier at the provider." error={error("model")}>
        {(props) => <Input {...props} required autoFocus autoCapitalize="none" spellCheck={false} placeholder="model-name" value={model} onChange={(e) => setModel(e.target.value)} data-testid="model-id" />}
      </Field>
      <Field label="Shown as" optional error={error("display_name")}>
        {(props) => <Input {...props} value={name} onChange={(e) => setName(e.target.value)} data-testid="model-name" />}
      </Field>
      <Field label="Context size in tokens" error={error("context_limit")}>
        {(props) => <Input {...props} type="number" required min={1} step={1} value={context} onChange={(e) => setContext(e.target.value)} data-testid="model-context" />}
      </Field>
      <label className="flex items-center gap-3 text-sm">
        <Switch checked={isDefault} onChange={setDefault} label="Use as the default model" />
        Use as the default model
      </label>
      <div className="flex justify-end gap-2 pt-1">
        <Button variant="ghost" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="primary" busy={create.isPending} data-testid="model-submit">
          Add model
        </Button>
      </div>
    </form>
  );
}
