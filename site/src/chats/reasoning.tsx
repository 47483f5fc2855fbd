import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { cn } from "@/ui/cn";

/** What the model thought before it answered, folded away. */
export function Reasoning({ text, live }: { text: string; live: boolean }) {
  const [open, setOpen] = useState(false);
  return (
    <div>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex items-center gap-1.5 text-[0.8125rem] text-muted-foreground hover:text-foreground">
        <ChevronRight aria-hidden className={cn("size-3.5 transition-transform", open && "rotate-90")} />
        {live ? "Thinking…" : "Thought"}
      </button>
      {open ? <p className="mt-2 border-l-2 border-border pl-4 text-[0.8125rem] leading-6 whitespace-pre-wrap text-muted-foreground">{text}</p> : null}
    </div>
  );
}
