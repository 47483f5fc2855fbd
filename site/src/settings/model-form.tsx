import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { useCreateModelConfig, useUpdateModelConfig } from "@/api/models";
import type { AIProvider, ChatModelConfig } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Textarea } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Select } from "@/ui/select";
import { Switch } from "@/ui/switch";
import { type ModelFields, blankFields, fromFields, optionsProblem, toFields } from "./model-options";
import { providerKind } from "./provider-types";

interface ModelFormProps {
  open: boolean;
  onClose: () => void;
  providers: AIProvider[];
  isFirst: boolean;
  /** The model to be changed; without one, another is added. */
  model?: ChatModelConfig | undefined;
}

export function ModelForm({ open, onClose, ...rest }: ModelFormProps) {
  const { model } = rest;
  return (
    <Dialog open={open} onOpenChange={(next) => (next ? undefined : onClose())} title={model ? `Change ${model.display_name || model.model}` : "Add a model"} description={model ? undefined : "One of the models that a provider offers."}>
      <Form onClose={onClose} {...rest} />
    </Dialog>
  );
}

function Form({ onClose, providers, isFirst, model: before }: Omit<ModelFormProps, "open">) {
  const create = useCreateModelConfig();
  const update = useUpdateModelConfig();
  const [provider, setProvider] = useState(before?.ai_provider_id ?? providers[0]?.id);
  const [model, setModel] = useState(before?.model ?? "");
  const [name, setName] = useState(before?.display_name ?? "");
  const [fields, setFields] = useState<ModelFields>(before ? toFields(before) : blankFields);
  const [isDefault, setDefault] = useState(before?.is_default ?? isFirst);
  const [enabled, setEnabled] = useState(before?.enabled ?? true);
  const failure = create.error ?? update.error;
  const error = (field: string) => fieldError(failure, field);
  const problem = optionsProblem(fields.options);
  const kind = providerKind(providers.find((p) => p.id === provider)?.type ?? "openai-compat");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (problem) return;
    const request = { model: model.trim(), display_name: name.trim() || model.trim(), enabled, is_default: isDefault, ...fromFields(fields, before?.model_config) };
    if (before) update.mutate({ id: before.id, ...request }, { onSuccess: onClose });
    else create.mutate({ ai_provider_id: provider ?? null, ...request }, { onSuccess: onClose });
  };
  const change = (change: Partial<ModelFields>) => setFields((held) => ({ ...held, ...change }));

  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={failure} shownFields={["ai_provider_id", "model", "display_name", "context_limit", "compression_threshold"]} />
      <Field label="Provider" error={error("ai_provider_id")}>
        {(props) => (
          <Select {...props} value={provider} onChange={setProvider} disabled={before !== undefined} options={providers.map((p) => ({ value: p.id, label: p.display_name || p.name, disabled: !p.enabled }))} />
        )}
      </Field>
      <Field label="Model" hint="Its identifier at the provider." error={error("model")}>
        {(props) => <Input {...props} required autoFocus autoCapitalize="none" spellCheck={false} placeholder={kind?.model} value={model} onChange={(e) => setModel(e.target.value)} data-testid="model-id" />}
      </Field>
      <Field label="Shown as" optional error={error("display_name")}>
        {(props) => <Input {...props} value={name} onChange={(e) => setName(e.target.value)} data-testid="model-name" />}
      </Field>
      <div className="grid grid-cols-2 gap-3">
        <Field label="Context in tokens" error={error("context_limit")}>
          {(props) => <Input {...props} type="number" required min={1} step={1} value={fields.context} onChange={(e) => change({ context: e.target.value })} data-testid="model-context" />}
        </Field>
        <Field label="Condense at %" error={error("compression_threshold")}>
          {(props) => <Input {...props} type="number" required min={0} max={100} step={1} title="100 never condenses" value={fields.threshold} onChange={(e) => change({ threshold: e.target.value })} />}
        </Field>
      </div>
      <More fields={fields} change={change} problem={problem} />
      <label className="flex items-center gap-3 text-sm">
        <Switch checked={isDefault} onChange={setDefault} label="Use as the default model" disabled={before?.is_default ?? false} />
        Use as the default model
      </label>
      {before ? (
        <label className="flex items-center gap-3 text-sm">
          <Switch checked={enabled} onChange={setEnabled} label="Chats may use it" />
          Chats may use it
        </label>
      ) : null}
      <div className="flex justify-end gap-2 pt-1">
        <Button variant="ghost" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="primary" busy={create.isPending || update.isPending} data-testid="model-submit">
          {before ? "Save" : "Add model"}
        </Button>
      </div>
    </form>
  );
}

interface MoreProps {
  fields: ModelFields;
  change: (change: Partial<ModelFields>) => void;
  problem: string | null;
}

const priceFields: { name: "priceInput" | "priceOutput" | "priceCacheRead" | "priceCacheWrite"; label: string }[] = [
  { name: "priceInput", label: "Reading" },
  { name: "priceOutput", label: "Writing" },
  { name: "priceCacheRead", label: "Reading from its cache" },
  { name: "priceCacheWrite", label: "Writing to its cache" },
];

function More({ fields, change, problem }: MoreProps) {
  return (
    <details className="rounded-lg border border-border">
      <summary className="cursor-pointer px-3.5 py-2.5 text-[0.8125rem] font-medium" data-testid="model-more">
        Prices and how it is asked
      </summary>
      <div className="space-y-4 border-t border-border p-3.5">
        <fieldset className="space-y-2">
          <legend className="mb-1 text-[0.8125rem] text-muted-foreground">Dollars for a million tokens. Without them, the prices that the provider publishes are taken; where there are none, its use counts against no limit.</legend>
          <div className="grid grid-cols-2 gap-3">
            {priceFields.map(({ name, label }) => (
              <Field key={name} label={label}>
                {(props) => <Input {...props} type="number" min={0} step="any" value={fields[name]} onChange={(e) => change({ [name]: e.target.value })} data-testid={name} />}
              </Field>
            ))}
          </div>
        </fieldset>
        <div className="grid grid-cols-2 gap-3">
          <Field label="Longest answer, tokens">
            {(props) => <Input {...props} type="number" min={1} step={1} placeholder="32000" value={fields.maxOutput} onChange={(e) => change({ maxOutput: e.target.value })} />}
          </Field>
          <Field label="Temperature">
            {(props) => <Input {...props} type="number" min={0} max={2} step="any" value={fields.temperature} onChange={(e) => change({ temperature: e.target.value })} />}
          </Field>
        </div>
        <Field label="The provider’s own options" optional hint="As JSON." error={problem}>
          {(props) => <Textarea {...props} className="font-mono text-xs" spellCheck={false} placeholder={'{"openai": {"reasoning_effort": "high"}}'} value={fields.options} onChange={(e) => change({ options: e.target.value })} />}
        </Field>
      </div>
    </details>
  );
}
