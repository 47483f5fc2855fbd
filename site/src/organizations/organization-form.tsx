import { type FormEvent, type ReactNode, useState } from "react";
import { fieldError } from "@/api/client";
import type { Organization } from "@/api/types";
import { nameComplaint } from "@/auth/names";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";

/** The form's fields: each has a value, if an empty one. */
type Fields = Record<"name" | "display_name" | "description" | "icon", string>;

interface OrganizationFormProps {
  organization?: Organization;
  error: unknown;
  busy: boolean;
  verb: string;
  after?: ReactNode;
  disabled?: boolean;
  onSubmit: (request: Fields) => void;
}

export function OrganizationForm({ organization, error, busy, verb, after, disabled, onSubmit }: OrganizationFormProps) {
  const [form, setForm] = useState<Fields>({
    name: organization?.name ?? "",
    display_name: organization?.display_name ?? "",
    description: organization?.description ?? "",
    icon: organization?.icon ?? "",
  });
  const change = (part: Partial<Fields>) => setForm((held) => ({ ...held, ...part }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit({ ...form, name: form.name.trim(), display_name: form.display_name.trim(), description: form.description.trim() });
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={error} shownFields={["name", "display_name", "description"]} />
      <fieldset disabled={disabled} className="space-y-4">
        <Field label="Name" hint="Letters, digits and hyphens: for addresses and the command line." error={fieldError(error, "name") ?? nameComplaint(form.name)}>
          {(props) => <Input {...props} required maxLength={32} autoCapitalize="none" spellCheck={false} value={form.name} onChange={(e) => change({ name: e.target.value })} data-testid="organization-name" />}
        </Field>
        <Field label="Shown as" optional error={fieldError(error, "display_name")}>
          {(props) => <Input {...props} maxLength={64} value={form.display_name} onChange={(e) => change({ display_name: e.target.value })} data-testid="organization-display-name" />}
        </Field>
        <Field label="Description" optional error={fieldError(error, "description")}>
          {(props) => <Input {...props} maxLength={128} value={form.description} onChange={(e) => change({ description: e.target.value })} data-testid="organization-description" />}
        </Field>
      </fieldset>
      {disabled ? null : (
        <div className="flex items-center gap-3">
          <Button type="submit" variant="primary" busy={busy} data-testid="organization-submit">
            {verb}
          </Button>
          {after}
        </div>
      )}
    </form>
  );
}
