import { ChevronRight } from "lucide-react";
import { useId, useState } from "react";
import type { AuditLog } from "@/api/types";
import { localPath } from "@/auth/redirect";
import { cn } from "@/ui/cn";
import { Pill } from "@/ui/status";
import { Ago } from "@/ui/time";
import { AuditDiff } from "./audit-diff";
import { program, sentence } from "./words";

/** One entry: a sentence, and all there is to know about it when opened. */
export function AuditRow({ entry }: { entry: AuditLog }) {
  const [open, setOpen] = useState(false);
  const panel = useId();
  const { actor, verb, object, target } = sentence(entry);
  const failed = entry.status_code >= 400;
  return (
    <li data-testid="audit-row" data-action={entry.action} data-resource={entry.resource_type} data-target={entry.resource_target}>
      <button type="button" aria-expanded={open} aria-controls={panel} onClick={() => setOpen(!open)} className="flex w-full items-start gap-3 px-4 py-3 text-left transition-colors -outline-offset-2 hover:bg-muted/50 sm:px-5">
        <ChevronRight aria-hidden className={cn("mt-0.5 size-4 shrink-0 text-muted-foreground transition-transform", open && "rotate-90")} />
        <span className="min-w-0 flex-1">
          <span className="block break-words">
            <span className="font-medium">{actor}</span> {verb} {object} {target ? <span className="font-medium break-all">{target}</span> : null}
          </span>
          <span className="block text-[0.8125rem] text-muted-foreground">
            <Ago time={entry.time} />
            {entry.ip ? ` · ${entry.ip}` : ""}
            {entry.organization ? ` · ${entry.organization.display_name || entry.organization.name}` : ""}
          </span>
        </span>
        <Pill className={failed ? "bg-danger-soft text-danger-text" : undefined}>{entry.status_code || "background"}</Pill>
      </button>
      {open ? (
        <div id={panel} className="space-y-4 border-t border-border bg-muted/35 px-4 py-4 sm:pr-5 sm:pl-12" data-testid="audit-details">
          <Facts entry={entry} />
          <AuditDiff diff={entry.diff} />
        </div>
      ) : null}
    </li>
  );
}

function Facts({ entry }: { entry: AuditLog }) {
  const link = entry.is_deleted ? undefined : localPath(entry.resource_link);
  const facts: [string, React.ReactNode][] = [
    ["Time", new Date(entry.time).toLocaleString()],
    ["By", entry.user ? `${entry.user.name || entry.user.username} (${entry.user.email})` : "nobody who is known"],
    ["From", [entry.ip, program(entry.user_agent)].filter(Boolean).join(" · ") || "the server itself"],
    ["Object", link ? <a href={link} className="text-accent-foreground underline underline-offset-2">{entry.resource_target || entry.resource_id}</a> : entry.resource_target || entry.resource_id],
    ["Request", <span className="font-mono text-[0.8125rem]">{entry.request_id}</span>],
    ...Object.entries(entry.additional_fields ?? {}).map(([name, value]): [string, React.ReactNode] => [name.replaceAll("_", " "), typeof value === "string" ? value : JSON.stringify(value)]),
  ];
  return (
    <dl className="grid grid-cols-[5rem_1fr] gap-x-3 gap-y-1.5 text-[0.8125rem] sm:grid-cols-[7rem_1fr]">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted-foreground first-letter:uppercase">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
