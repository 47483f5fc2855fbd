import { type ReactNode, useEffect } from "react";
import { Button } from "./button";
import { cn } from "./cn";
import { ErrorNotice } from "./notice";

/** Sets the tab title while the page is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Warren` : "Warren";
  }, [title]);
}

/** `main` for pages outside the frame, which has a main landmark of its own. */
export function Page({ children, className, main }: { children: ReactNode; className?: string; main?: boolean }) {
  const Tag = main ? "main" : "div";
  return <Tag className={cn("mx-auto w-full max-w-5xl space-y-6 px-4 py-6 sm:px-8 sm:py-9", className)}>{children}</Tag>;
}

export function PageHeader({ title, description, actions }: { title: ReactNode; description?: ReactNode; actions?: ReactNode }) {
  return (
    <header className="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
      <div className="min-w-0 space-y-1">
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {description ? <div className="text-sm text-muted-foreground">{description}</div> : null}
      </div>
      {actions ? <div className="flex flex-wrap items-center gap-2">{actions}</div> : null}
    </header>
  );
}

export function Card({ children, className, ...rest }: { children: ReactNode; className?: string; "data-testid"?: string }) {
  return (
    <section className={cn("rounded-xl border border-border bg-card shadow-xs", className)} {...rest}>
      {children}
    </section>
  );
}

export function CardHeader({ title, description, actions }: { title: ReactNode; description?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 border-b border-border px-5 py-3.5">
      <div className="min-w-0">
        <h2 className="text-sm font-semibold">{title}</h2>
        {description ? <div className="text-[0.8125rem] text-muted-foreground">{description}</div> : null}
      </div>
      {actions}
    </div>
  );
}

interface EmptyStateProps {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  level?: "h1" | "h2";
}

export function EmptyState({ icon, title, children, action, level: Heading = "h2" }: EmptyStateProps) {
  return (
    <div className="flex flex-col items-center rounded-xl border border-dashed border-input px-6 py-14 text-center">
      {icon ? <div className="mb-4 grid size-11 place-items-center rounded-xl bg-accent text-accent-foreground [&_svg]:size-5">{icon}</div> : null}
      <Heading className="text-base font-semibold text-balance">{title}</Heading>
      {children ? <div className="mt-1.5 w-full max-w-md text-sm text-muted-foreground">{children}</div> : null}
      {action ? <div className="mt-5">{action}</div> : null}
    </div>
  );
}

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cn("animate-pulse rounded-lg bg-muted", className)} />;
}

/** What a page shows while its data loads. */
export function Loading({ what }: { what: string }) {
  return (
    <div role="status" className="space-y-3">
      <span className="sr-only">Loading {what}…</span>
      <Skeleton className="h-16" />
      <Skeleton className="h-16 opacity-70" />
      <Skeleton className="h-16 opacity-40" />
    </div>
  );
}

/** What a page shows when its data cannot be had. */
export function LoadFailed({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <ErrorNotice
      error={error}
      action={
        <Button size="sm" onClick={retry}>
          Try again
        </Button>
      }
    />
  );
}
