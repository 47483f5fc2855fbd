import type { TemplateVersionParameter } from "@/api/types";
import { Field, Input, Textarea } from "@/ui/field";
import { Select } from "@/ui/select";
import { Switch } from "@/ui/switch";

interface ParameterFieldProps {
  parameter: TemplateVersionParameter;
  value: string;
  error: string | null | undefined;
  onChange: (value: string) => void;
}

/** The control that fits one parameter of a template. */
export function ParameterField({ parameter, value, error, onChange }: ParameterFieldProps) {
  const label = parameter.display_name || parameter.name;
  const hint = parameter.description_plaintext || parameter.description || undefined;
  return (
    <Field label={label} hint={hint} error={error} optional={!parameter.required && parameter.default_value === ""}>
      {(props) => {
        const common = { ...props, "data-testid": `parameter-${parameter.name}` };
        if (parameter.options.length > 0) {
          return (
            <Select
              {...common}
              value={value}
              onChange={onChange}
              placeholder="Choose…"
              options={parameter.options.map((o) => ({ value: o.value, label: o.name, hint: o.description || undefined }))}
            />
          );
        }
        if (parameter.type === "bool") {
          return (
            <div className="flex h-9 items-center gap-2.5 text-sm text-muted-foreground">
              <Switch id={props.id} checked={value === "true"} onChange={(on) => onChange(String(on))} label={label} />
              {value === "true" ? "On" : "Off"}
            </div>
          );
        }
        if (parameter.form_type === "textarea" || parameter.type === "list(string)") {
          return <Textarea {...common} value={value} onChange={(e) => onChange(e.target.value)} className="font-mono text-[0.8125rem]" />;
        }
        return <Input {...common} inputMode={parameter.type === "number" ? "decimal" : undefined} value={value} onChange={(e) => onChange(e.target.value)} />;
      }}
    </Field>
  );
}
