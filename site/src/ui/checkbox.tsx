import type { ReactNode } from "react";
import { cn } from "./cn";

interface CheckboxProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  label: ReactNode;
  hint?: ReactNode;
  disabled?: boolean;
  /** Keeps the label for screen readers only. */
  bare?: boolean;
  className?: string;
  "data-testid"?: string;
}

export function Checkbox({ checked, onChange, label, hint, disabled, bare, className, ...rest }: CheckboxProps) {
  return (
    <label className={cn("flex items-start gap-2.5 text-sm", disabled && "opacity-55", className)}>
      <input
        type="checkbox"
        className="mt-0.5 size-4 shrink-0 accent-primary"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
        {...rest}
      />
      <span className={bare ? "sr-only" : "min-w-0"}>
        {label}
        {hint ? <span className="block text-[0.8125rem] text-muted-foreground">{hint}</span> : null}
      </span>
    </label>
  );
}
