import { RadioGroup as Radix } from "radix-ui";
import type { ReactNode } from "react";

interface SegmentsProps<Value extends string> {
  label: string;
  value: Value;
  onChange: (value: Value) => void;
  options: { value: Value; label: string; hint?: string; icon?: ReactNode }[];
}

/** One of a few choices, all visible. */
export function Segments<Value extends string>({ label, value, onChange, options }: SegmentsProps<Value>) {
  return (
    <Radix.Root aria-label={label} value={value} onValueChange={(next) => onChange(next as Value)} className="grid gap-2 sm:grid-cols-3">
      {options.map((option) => (
        <Radix.Item
          key={option.value}
          value={option.value}
          className="flex items-center gap-3 rounded-lg border border-input bg-card px-3.5 py-3 text-left text-sm shadow-xs transition-colors hover:bg-muted data-[state=checked]:border-ring data-[state=checked]:bg-accent data-[state=checked]:text-accent-foreground [&_svg]:size-4"
          data-testid={`choice-${option.value}`}
        >
          {option.icon}
          <span>
            <span className="block font-medium">{option.label}</span>
            {option.hint ? <span className="block text-xs opacity-80">{option.hint}</span> : null}
          </span>
        </Radix.Item>
      ))}
    </Radix.Root>
  );
}
