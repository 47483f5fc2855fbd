import { useQuery } from "@tanstack/react-query";
import { Popover as Radix } from "radix-ui";
import { useState } from "react";
import { costsQuery, usageStatusQuery } from "@/api/chat-costs";
import { cn } from "@/ui/cn";
import { Until } from "@/ui/time";
import type { ContextUse } from "./usage";
import { dollars, tokens } from "./words";

const RADIUS = 7;
const AROUND = 2 * Math.PI * RADIUS;

/** How full the context is; opened, also what the chat has cost. */
export function UsageRing({ chatId, use }: { chatId: string; use: ContextUse | null }) {
  const [open, setOpen] = useState(false);
  if (!use) return null;
  const isHigh = use.threshold !== null && use.percent >= use.threshold - 5;
  return (
    <Radix.Root open={open} onOpenChange={setOpen}>
      <Radix.Trigger className="flex h-8 items-center gap-1.5 rounded-lg px-2 text-xs text-muted-foreground tabular-nums hover:bg-muted" aria-label={`Context ${use.percent} % used. Show usage and cost`} data-testid="usage-ring">
        <svg viewBox="0 0 18 18" className="size-4.5 -rotate-90" aria-hidden>
          <circle cx="9" cy="9" r={RADIUS} fill="none" strokeWidth="2.5" className="stroke-border" />
          <circle cx="9" cy="9" r={RADIUS} fill="none" strokeWidth="2.5" strokeLinecap="round" strokeDasharray={`${(use.percent / 100) * AROUND} ${AROUND}`} className={isHigh ? "stroke-warning" : "stroke-primary"} />
        </svg>
        {use.percent} %
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content side="top" align="start" sideOffset={6} aria-label="Usage and cost" className="z-50 w-72 space-y-3 rounded-xl border border-border bg-card p-4 text-[0.8125rem] shadow-lg" data-testid="usage">
          <div>
            <p className="flex justify-between font-medium tabular-nums">
              <span>Context</span>
              <span>
                {tokens(use.used)} of {tokens(use.limit)}
              </span>
            </p>
            <div className="relative mt-1.5 h-1.5 rounded-full bg-muted">
              <div className={cn("h-full rounded-full", isHigh ? "bg-warning" : "bg-primary")} style={{ width: `${use.percent}%` }} />
              {use.threshold === null ? null : <div className="absolute -top-0.5 h-2.5 w-px bg-foreground/60" style={{ left: `${use.threshold}%` }} />}
            </div>
            <p className="mt-1.5 text-xs text-muted-foreground">{use.threshold === null ? "The conversation is never condensed." : `At ${use.threshold} % the conversation is condensed to make room.`}</p>
          </div>
          <dl className="space-y-1 border-t border-border pt-3 tabular-nums">
            <Row label="Read by the model">{tokens(use.input + use.cached)}</Row>
            <Row label="of that from its cache">{tokens(use.cached)}</Row>
            <Row label="Written">{tokens(use.output)}</Row>
          </dl>
          <Cost chatId={chatId} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function Row({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div className="flex justify-between gap-3">
      <dt className="text-muted-foreground">{label}</dt>
      <dd className="whitespace-nowrap">{children}</dd>
    </div>
  );
}

function Cost({ chatId }: { chatId: string }) {
  const { data: costs } = useQuery(costsQuery);
  const { data: status } = useQuery(usageStatusQuery);
  const here = costs?.by_chat.find((chat) => chat.root_chat_id === chatId);
  if (!here && !status?.is_limited) return null;
  return (
    <dl className="space-y-1 border-t border-border pt-3 tabular-nums" data-testid="usage-cost">
      {here ? <Row label="This chat cost">{dollars(here.total_cost_micros)}</Row> : null}
      {status?.is_limited && status.spend_limit_micros != null ? (
        <>
          <Row label={`All, this ${status.period ?? "period"}`}>
            {dollars(status.current_spend)} of {dollars(status.spend_limit_micros)}
          </Row>
          {status.period_end ? (
            <Row label="Begins anew">
              <Until time={status.period_end} />
            </Row>
          ) : null}
        </>
      ) : null}
    </dl>
  );
}
