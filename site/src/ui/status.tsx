import type { ReactNode } from "react";
import { cn } from "./cn";

export type StatusTone = "good" | "busy" | "quiet" | "warn" | "bad";

const dots: Record<StatusTone, string> = {
  good: "bg-success",
  busy: "bg-info animate-pulse",
  quiet: "bg-muted-foreground/50",
  warn: "bg-warning",
  bad: "bg-danger",
};

const texts: Record<StatusTone, string> = {
  good: "text-success-text",
  busy: "text-info-text",
  quiet: "text-muted-foreground",
  warn: "text-warning-text",
  bad: "text-danger-text",
};

interface StatusProps {
  tone: StatusTone;
  children: ReactNode;
  className?: string;
  "data-testid"?: string;
  "data-status"?: string;
}

export function Status({ tone, children, className, ...rest }: StatusProps) {
  return (
    <span className={cn("inline-flex items-center gap-2 text-[0.8125rem] font-medium whitespace-nowrap", texts[tone], className)} {...rest}>
      <span aria-hidden className={cn("size-2 shrink-0 rounded-full", dots[tone])} />
      {children}
    </span>
  );
}

export function Pill({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <span className={cn("inline-flex items-center rounded-md bg-muted px-1.5 py-0.5 text-xs font-medium whitespace-nowrap text-muted-foreground", className)}>
      {children}
    </span>
  );
}
