import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "@/api/client";
import { cn } from "./cn";

export type Tone = "info" | "success" | "warning" | "danger";

const tones: Record<Tone, { box: string; icon: ReactNode }> = {
  info: { box: "border-info/30 bg-info-soft text-info-text", icon: <Info aria-hidden /> },
  success: { box: "border-success/30 bg-success-soft text-success-text", icon: <CircleCheck aria-hidden /> },
  warning: { box: "border-warning/35 bg-warning-soft text-warning-text", icon: <TriangleAlert aria-hidden /> },
  danger: { box: "border-danger/30 bg-danger-soft text-danger-text", icon: <CircleAlert aria-hidden /> },
};

interface NoticeProps {
  tone: Tone;
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
  "data-testid"?: string;
}

export function Notice({ tone, title, children, action, className, ...rest }: NoticeProps) {
  const look = tones[tone];
  return (
    <div
      role={tone === "danger" ? "alert" : "status"}
      className={cn("flex gap-2.5 max-sm:flex-wrap rounded-lg border px-3.5 py-2.5 text-sm [&>svg]:mt-0.5 [&>svg]:size-4 [&>svg]:shrink-0", look.box, className)}
      {...rest}
    >
      {look.icon}
      <div className="min-w-0 flex-1 space-y-0.5">
        <p className="font-medium break-words">{title}</p>
        {children ? <div className="break-words opacity-90">{children}</div> : null}
      </div>
      {action ? <div className="shrink-0 self-center max-sm:w-full max-sm:pl-6.5">{action}</div> : null}
    </div>
  );
}

/** An error as the API told it: message first, detail in smaller print, and validations that no field shows. */
export function ErrorNotice({ error, shownFields = [], action, className }: { error: unknown; shownFields?: string[]; action?: ReactNode; className?: string }) {
  if (!error) return null;
  const known = error instanceof ApiError ? error : null;
  const rest = known?.validations.filter((v) => !shownFields.includes(v.field)) ?? [];
  return (
    <Notice
      tone="danger"
      title={error instanceof Error ? error.message : "Something went wrong."}
      action={action}
      className={className}
      data-testid="error"
    >
      {known?.detail ? <p className="text-[0.8125rem] whitespace-pre-wrap">{known.detail}</p> : null}
      {rest.length > 0 ? (
        <ul className="list-disc pl-4 text-[0.8125rem]">
          {rest.map((v) => (
            <li key={v.field}>
              <span className="font-mono">{v.field}</span>: {v.detail}
            </li>
          ))}
        </ul>
      ) : null}
    </Notice>
  );
}
