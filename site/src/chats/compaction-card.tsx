import { ChevronRight, FoldVertical } from "lucide-react";
import { useState } from "react";
import { cn } from "@/ui/cn";
import { Spinner } from "@/ui/spinner";
import { Markdown } from "./markdown";
import type { Compaction } from "./transcript";

/** Where the history was condensed: the model goes on from the summary, the reader keeps everything. */
export function CompactionCard({ compaction }: { compaction: Compaction | null }) {
  const [open, setOpen] = useState(false);
  if (!compaction) {
    return (
      <p role="status" className="flex items-center gap-2.5 text-[0.8125rem] text-muted-foreground" data-testid="compaction">
        <Spinner className="size-3.5" />
        Condensing the conversation, to make room for more…
      </p>
    );
  }
  const fullness = compaction.usedPercent === null ? "" : ` at ${Math.round(compaction.usedPercent)} % of the context`;
  return (
    <section data-testid="compaction" className="rounded-lg border border-dashed border-input bg-muted/40">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex w-full items-center gap-2.5 px-3 py-2 text-left text-[0.8125rem]">
        <FoldVertical aria-hidden className="size-4 shrink-0 text-muted-foreground" />
        <span className="min-w-0 flex-1">
          <span className="font-medium">Conversation condensed{fullness}.</span> <span className="text-muted-foreground">The model goes on from a summary; you still see everything.</span>
        </span>
        <ChevronRight aria-hidden className={cn("size-3.5 shrink-0 text-muted-foreground transition-transform", open && "rotate-90")} />
      </button>
      {open ? (
        <div className="border-t border-border px-4 py-3">
          <Markdown text={compaction.summary} live={false} plain />
        </div>
      ) : null}
    </section>
  );
}
