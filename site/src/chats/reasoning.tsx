import { Brain, ChevronRight } from "lucide-react";
import { useState } from "react";
import { cn } from "@/ui/cn";
import { duration } from "@/ui/time";
import { useStickToEnd } from "@/workspaces/log-lines";

/** What the model thought before it answered: its end while it thinks, folded away after. */
export function Reasoning({ text, live, ms }: { text: string; live: boolean; ms?: number }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? live;
  const scroll = useStickToEnd(text);
  return (
    <div data-testid="reasoning">
      <button type="button" aria-expanded={open} onClick={() => setChosen(!open)} className="flex items-center gap-1.5 rounded-md text-[0.8125rem] text-muted-foreground hover:text-foreground">
        <Brain aria-hidden className={cn("size-3.5", live && "animate-pulse")} />
        {live ? "Thinking…" : ms === undefined ? "Thought" : `Thought for ${duration(ms)}`}
        <ChevronRight aria-hidden className={cn("size-3.5 transition-transform", open && "rotate-90")} />
      </button>
      {open ? (
        <div
          ref={scroll.ref}
          onScroll={scroll.onScroll}
          role="group"
          aria-label="Thoughts"
          tabIndex={0}
          className={cn("mt-2 overflow-y-auto border-l-2 border-border pl-4 text-[0.8125rem] leading-6 break-words whitespace-pre-wrap text-muted-foreground", live && chosen === null ? "max-h-36" : "max-h-96")}
        >
          {text}
        </div>
      ) : null}
    </div>
  );
}
