import { Check, ChevronDown } from "lucide-react";
import { Select as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { cn } from "./cn";

export interface Option {
  value: string;
  label: ReactNode;
  hint?: string;
  disabled?: boolean;
}

interface SelectProps {
  value: string | undefined;
  onChange: (value: string) => void;
  options: Option[];
  placeholder?: string;
  label?: string;
  id?: string;
  disabled?: boolean;
  size?: "sm" | "md";
  className?: string;
  /** Stands for the chosen label where there is little room. */
  icon?: ReactNode;
  "data-testid"?: string;
  "aria-invalid"?: true;
  "aria-describedby"?: string;
}

export function Select({ value, onChange, options, placeholder, label, size = "md", className, icon, disabled, ...rest }: SelectProps) {
  return (
    <Radix.Root value={value ?? ""} onValueChange={onChange} disabled={disabled}>
      <Radix.Trigger
        aria-label={label}
        className={cn(
          "inline-flex items-center justify-between gap-2 rounded-lg border border-input bg-card text-left shadow-xs transition-colors hover:bg-muted disabled:opacity-60 data-[placeholder]:text-muted-foreground [&>span]:truncate",
          size === "sm" ? "h-8 px-2.5 text-[0.8125rem]" : "h-9 w-full px-3 text-sm",
          className,
        )}
        {...rest}
      >
        {icon ?? <Radix.Value placeholder={placeholder} />}
        <Radix.Icon>
          <ChevronDown className="size-4 text-muted-foreground" aria-hidden />
        </Radix.Icon>
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          position="popper"
          sideOffset={4}
          className="z-50 max-h-80 min-w-[var(--radix-select-trigger-width)] overflow-hidden rounded-lg border border-border bg-card shadow-lg"
        >
          <Radix.Viewport className="p-1">
            {options.map((option) => (
              <Radix.Item
                key={option.value}
                value={option.value}
                disabled={option.disabled}
                className="relative flex cursor-default items-start gap-2 rounded-md py-1.5 pr-8 pl-2.5 text-sm outline-none select-none data-[disabled]:opacity-50 data-[highlighted]:bg-muted"
              >
                <span className="flex flex-col">
                  <Radix.ItemText>{option.label}</Radix.ItemText>
                  {option.hint ? <span className="text-xs text-muted-foreground">{option.hint}</span> : null}
                </span>
                <Radix.ItemIndicator className="absolute top-2 right-2">
                  <Check className="size-4" aria-hidden />
                </Radix.ItemIndicator>
              </Radix.Item>
            ))}
          </Radix.Viewport>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
