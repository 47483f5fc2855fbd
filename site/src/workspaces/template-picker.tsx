import { RadioGroup } from "radix-ui";
import type { Template } from "@/api/types";

interface TemplatePickerProps {
  templates: Template[];
  value: string | undefined;
  onChange: (id: string) => void;
}

export function TemplatePicker({ templates, value, onChange }: TemplatePickerProps) {
  return (
    <RadioGroup.Root value={value ?? ""} onValueChange={onChange} aria-label="Template" className="grid gap-3 sm:grid-cols-2">
      {templates.map((template) => {
        const title = template.display_name || template.name;
        return (
          <RadioGroup.Item
            key={template.id}
            value={template.id}
            data-testid="template-option"
            data-name={template.name}
            className="flex items-start gap-3 rounded-xl border border-border bg-card p-4 text-left shadow-xs transition-colors hover:border-input data-[state=checked]:border-primary data-[state=checked]:ring-1 data-[state=checked]:ring-primary"
          >
            <span aria-hidden className="grid size-9 shrink-0 place-items-center rounded-lg bg-accent text-sm font-semibold text-accent-foreground uppercase">
              {title.slice(0, 1)}
            </span>
            <span className="min-w-0">
              <span className="block font-medium">{title}</span>
              <span className="line-clamp-2 text-[0.8125rem] text-muted-foreground">{template.description || template.name}</span>
            </span>
          </RadioGroup.Item>
        );
      })}
    </RadioGroup.Root>
  );
}
